"""Write the client's models from the OpenAPI document: `write_client_models.py [--check]`."""

from __future__ import annotations

import argparse
import json
import keyword
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "client")]

from chatgrow_client.model_base import to_wire_name  # noqa: E402  the path comes first
from control_api.app import GROUPS  # noqa: E402
from control_api.endpoints.openapi import document  # noqa: E402
from control_api.http.problem_codes import STATUS_OF_CODE  # noqa: E402
from sessions.events.log import EventType  # noqa: E402

TARGET = ROOT / "client/chatgrow_client/models.py"
_HEAD = '''"""What the API takes and answers.

Written by scripts/write_client_models.py; do not edit.
"""

from __future__ import annotations

from typing import Annotated, Any, Dict, List, Literal, Optional, Tuple, Union

from pydantic import AwareDatetime, Field

from chatgrow_client.model_base import Answer, Body, OpenEnum
'''
_WIDTH = 96
_PLAIN = {"integer": "int", "number": "float", "boolean": "bool", "string": "str"}
_MADE_BY_STATUS = ("internal_error", "not_found", "method_not_allowed")
"""Codes that are made of a status, and are in no table."""
_ONLY_WEBHOOKS = "webhook.test"
_MANY_WORDS = range(8)
"""So many words that a type that lists them helps nobody: such a field is a `str`."""
Schema = Mapping[str, Any]


class Models:
    """Writes the models of one document."""

    def __init__(self, described: Schema) -> None:
        self._schemas: Mapping[str, Schema] = described["components"]["schemas"]
        operations = [each for path in described["paths"].values() for each in path.values()]
        self._sent = self._reached(each.get("requestBody", {}) for each in operations)
        self._answered = self._reached(each["responses"] for each in operations)

    def lines(self) -> Iterator[str]:
        """Yield the source of each model that a request or an answer has."""
        last = []
        for name in sorted(self._sent | self._answered):
            schema = self._schemas[name]
            if "enum" in schema:
                yield enum(name, schema["enum"], schema.get("description", ""))
            elif "properties" in schema:
                yield self._model(name, schema)
            else:
                last.append(f"{name} = {self._type(schema, closed=False)}\n")
        yield from last

    def _reached(self, parts: Iterable[Any]) -> set[str]:
        """Return the names of all schemas to which these parts lead."""
        found: set[str] = set()
        waiting = [name for part in parts for name in _references(part)]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += _references(self._schemas[name])
        return found

    def _model(self, name: str, schema: Schema) -> str:
        closed = name not in self._answered
        lines = [f"class {name}({'Body' if closed else 'Answer'}):", *_docstring(schema)]
        required = schema.get("required", ())
        for wire, field in schema["properties"].items():
            kind = self._type(field, closed=closed)
            default = "" if wire in required else f" = {_default(field, kind)}"
            kind = f"Optional[{kind}]" if default == " = None" and "Opt" not in kind else kind
            lines.append(f"    {_field_name(wire)}: {kind}{default}")
        return "\n".join([*lines, ""])

    def _type(self, schema: Schema, *, closed: bool) -> str:
        """Return the type of a value; where `closed`, only known words are allowed."""
        if "$ref" in schema:
            return _name_in(schema["$ref"])
        if "anyOf" in schema:
            kinds = [self._type(each, closed=closed) for each in schema["anyOf"]]
            # An answer has a value where the default is one.
            optional = "None" in kinds and (closed or schema.get("default") is None)
            return _union([each for each in kinds if each != "None"], optional=optional)
        if "oneOf" in schema and "discriminator" in schema:
            union = _union([self._type(each, closed=closed) for each in schema["oneOf"]])
            by = schema["discriminator"]["propertyName"]
            return f'Annotated[{union}, Field(discriminator="{by}")]'
        if "const" in schema:
            return f"Literal[{schema['const']!r}]"
        if closed and len(schema.get("enum", _MANY_WORDS)) < len(_MANY_WORDS):
            return f"Literal[{', '.join(map(repr, schema['enum']))}]"
        return self._plain(schema, closed=closed)

    def _plain(self, schema: Schema, *, closed: bool) -> str:
        kind = schema.get("type", "")
        if kind == "null":
            return "None"
        if kind == "array" and "prefixItems" in schema:
            parts = [self._type(each, closed=closed) for each in schema["prefixItems"]]
            return f"Tuple[{', '.join(parts)}]"
        if kind == "array":
            return f"List[{self._type(schema['items'], closed=closed)}]"
        if kind == "object":
            values = schema.get("additionalProperties")
            of = self._type(values, closed=closed) if isinstance(values, Mapping) else "Any"
            return f"Dict[str, {of}]"
        if schema.get("format") == "date-time":
            return "AwareDatetime"
        return _PLAIN[kind]


def source() -> str:
    """Return the source of the models."""
    written = json.dumps(document((each for group in GROUPS for each in group), ""))
    codes = sorted({*STATUS_OF_CODE, *_MADE_BY_STATUS})
    parts = [
        _HEAD,
        enum("ProblemCode", codes, "The code of an error."),
        enum("EventType", [*EventType, _ONLY_WEBHOOKS], "What an event tells of."),
        *Models(json.loads(written)).lines(),
    ]
    return _formatted("\n\n".join(parts))


def enum(name: str, words: Iterable[str], description: str) -> str:
    """Return the source of an enum."""
    told = _docstring({"description": description})
    members = [f"    {re.sub('[^A-Za-z0-9]', '_', each).upper()} = {str(each)!r}" for each in words]
    return "\n".join([f"class {name}(OpenEnum):", *told, *members, ""])


def _docstring(schema: Schema) -> list[str]:
    """Return the lines of a docstring, its paragraphs filled; none without a description."""
    paragraphs = schema.get("description", "").strip().replace("\\", "\\\\").split("\n\n")
    if paragraphs == [""]:
        return []
    paragraphs[0] = f'"""{paragraphs[0]}'
    filled = [textwrap.fill(" ".join(each.split()), _WIDTH - 7) for each in paragraphs]
    lines = "\n\n".join(filled).split("\n")
    closed = [f'{lines[0]}"""'] if len(lines) == 1 else [*lines, '"""']
    return [*(f"    {line}".rstrip() for line in closed), ""]


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        if "$ref" in part:
            yield _name_in(part["$ref"])
        for name, each in part.items():
            if name != "discriminator":
                yield from _references(each)
    elif isinstance(part, list):
        for each in part:
            yield from _references(each)


def _name_in(reference: str) -> str:
    return reference.rpartition("/")[2]


def _union(kinds: list[str], *, optional: bool = False) -> str:
    union = kinds[0] if len(kinds) == 1 else f"Union[{', '.join(kinds)}]"
    return f"Optional[{union}]" if optional else union


def _field_name(wire: str) -> str:
    """Return the name of a field in Python; raise ValueError if it would not lead back."""
    name = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", wire).lower()
    name = f"{name}_" if keyword.iskeyword(name) else name
    if to_wire_name(name) != wire:
        raise ValueError(f"No name for {wire}.")
    return name


def _default(field: Schema, kind: str) -> str:
    default = field.get("default")
    if default is None:
        empty = kind.startswith(("List", "Dict"))
        return f"Field(default_factory={kind[:4].lower()})" if empty else "None"
    if isinstance(default, list):
        return repr(tuple(default))
    return f"{kind}({default!r})" if "$ref" in field else repr(default)


def _formatted(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(TARGET), "-"]
    ran = subprocess.run(  # noqa: S603  the formatter itself
        command, input=text, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT
    )
    return ran.stdout


def main() -> int:
    """Write the models, or with `--check` only tell whether they are old."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if it is old")
    written = source()
    if not parser.parse_args().check:
        TARGET.write_text(written, encoding="utf-8")
    elif not TARGET.exists() or TARGET.read_text(encoding="utf-8") != written:
        print(f"{TARGET.relative_to(ROOT)} is old: run `make docs`.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
