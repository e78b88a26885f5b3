"""Read from the OpenAPI document what tests go through: every operation and every place in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from control_api.app import GROUPS
from control_api.endpoints.openapi import document

DOCUMENT = document((each for group in GROUPS for each in group), "1")
Path = tuple[str | int, ...]
"""Where a value stands in a body: names and positions."""
Schema = dict[str, Any]
_A_FILE = b"\x89PNG\r\n\x1a\n"


_QUERY = {"connectionId": "business_main"}


@dataclass(frozen=True)
class Operation:
    """One operation of the document."""

    method: str
    path: str
    described: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its id, which no other operation has."""
        return str(self.described["operationId"])

    @property
    def is_open(self) -> bool:
        """Whether it asks for nobody."""
        return not self.described["security"]

    @property
    def needs(self) -> str | None:
        """The scope that it needs, or `admin`; None when it takes everybody who is known."""
        ways = [each for way in self.described["security"] for each in way.values()]
        (needs,) = {tuple(each) for each in ways} or {()}
        return needs[0] if needs else None

    @property
    def scope(self) -> str | None:
        """The scope that a key of anybody's needs for it, an administrator's too."""
        ways = [each for way in self.described["security"] for each in way.values()]
        return next((each for way in ways for each in way if each != "admin"), None)

    @property
    def content(self) -> Mapping[str, Any] | None:
        """What is said of its JSON body, if it takes one."""
        body = self.described.get("requestBody")
        return None if body is None else body["content"].get("application/json")

    @property
    def takes_file(self) -> bool:
        """Whether its body is a file."""
        return "multipart/form-data" in self.described.get("requestBody", {}).get("content", {})

    @property
    def table(self) -> str | None:
        """The example of its body, if that is a table."""
        content = self.described.get("requestBody", {}).get("content", {})
        return content["text/csv"]["example"] if "text/csv" in content else None

    @property
    def example(self) -> Any:
        """The example of its body."""
        if self.takes_file:
            return _A_FILE
        return None if self.content is None else self.content["example"]

    @property
    def streams(self) -> bool:
        """Whether its answer has no end."""
        return any(
            "text/event-stream" in each.get("content", {})
            for each in self.described["responses"].values()
        )

    @property
    def codes(self) -> set[str]:
        """The codes of the problems that it may answer with."""
        told = [str(each["description"]) for each in self.described["responses"].values()]
        return set(re.findall(r"`(\w+)`", " ".join(told)))

    def named(self, place: str) -> list[str]:
        """Return the names of its parameters in `path`, `query` or `header`."""
        return [each["name"] for each in self.described["parameters"] if each["in"] == place]

    def url(self, values: Mapping[str, str]) -> str:
        """Return its path with values in it, each escaped whole."""
        return re.sub(r"{(\w+)}", lambda found: quote(values[found[1]], safe=""), self.path)

    @property
    def wanted_query(self) -> dict[str, str]:
        """The query parameters that it cannot do without, for the examples' connection."""
        parameters = self.described.get("parameters", [])
        wanted = [each["name"] for each in parameters if each["in"] == "query" and each["required"]]
        return {name: _QUERY[name] for name in wanted}

    def collection(self, name: str) -> str:
        """Return the path of the collection whose member a path parameter names."""
        return self.path.partition(f"/{{{name}}}")[0]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


OPERATIONS = [
    Operation(method.upper(), path, described)
    for path, item in DOCUMENT["paths"].items()
    for method, described in item.items()
]


def ends_last(operations: list[Operation]) -> list[Operation]:
    """Put last what takes things away, with what contains others and oneself behind the rest."""
    return sorted(
        operations,
        key=lambda each: (
            each.name == "auth_logout",
            each.method == "DELETE",
            each.path.startswith("/api/whatsapp/connections"),
            -each.path.count("/"),
        ),
    )


def fields_of(operation: Operation) -> Iterator[tuple[Path, Schema]]:
    """Go through the fields of a body, down to those that hold no others."""
    if operation.content is not None:
        yield from _fields(operation.content["schema"], ())


def _fields(schema: Schema, path: Path) -> Iterator[tuple[Path, Schema]]:
    schema = _resolved(schema)
    for variant in schema.get("anyOf", []):
        yield from _fields(variant, path)
    for step, inner in _parts(schema):
        yield from _fields(inner, (*path, step))
    if path and "anyOf" not in schema and schema.get("type") != "null":
        yield path, schema


def _parts(schema: Schema) -> Iterator[tuple[str | int, Schema]]:
    yield from schema.get("properties", {}).items()
    yield from enumerate(schema.get("prefixItems", []))
    if "items" in schema:
        yield 0, schema["items"]


def full_body(operation: Operation, through: Path = ()) -> Any:
    """Return a body with every field there is: those of the example, the others by `examples`.

    Of fields that exclude each other it has the one on the way `through` it, else the first.
    """
    assert operation.content is not None
    schema = operation.content["schema"]
    return _with_one(schema, _merged(_sample(schema), operation.example), through)


def _with_one(schema: Schema, body: Any, through: Path) -> Any:
    """Leave in a body one of the fields of which it may have only one (`oneOf`)."""
    schema = _resolved(schema)
    for variant in schema.get("anyOf", []):
        body = _with_one(variant, body, through)
    if isinstance(body, list):
        return [_with_one(schema.get("items", {}), each, through[1:]) for each in body]
    if not isinstance(body, dict) or "properties" not in schema:
        return body
    choices = [name for variant in schema.get("oneOf", []) for name in variant["required"]]
    chosen = [name for name in choices if name in through[:1]] or choices[:1]
    return {
        name: _with_one(schema["properties"].get(name, {}), each, through[1:])
        for name, each in body.items()
        if name not in choices or name in chosen
    }


def _merged(sample: Any, example: Any) -> Any:
    if isinstance(sample, dict) and isinstance(example, dict):
        return sample | {name: _merged(sample.get(name), each) for name, each in example.items()}
    if isinstance(sample, list) and isinstance(example, list) and sample and example:
        return [_merged(sample[0], each) for each in example]
    return example


def _sample(schema: Schema) -> Any:
    """Return a value that a schema takes; a field that is more than its type gives `examples`."""
    schema = _resolved(schema)
    if "examples" in schema:
        return schema["examples"][0]
    if schema.get("default") is not None:
        return schema["default"]
    for variant in schema.get("anyOf", []):
        return _sample(variant)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    return _SAMPLES[schema["type"]](schema)


_SAMPLES: Mapping[str, Callable[[Schema], Any]] = {
    "object": lambda schema: {name: _sample(inner) for name, inner in _parts(schema)},
    "array": lambda schema: [_sample(inner) for _, inner in _parts(schema)],
    "string": lambda _: "something to read",
    "integer": lambda schema: schema.get("minimum", 1),
    "number": lambda schema: schema.get("minimum", 1),
    "boolean": lambda _: True,
}


def _resolved(schema: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].rpartition("/")[2]
    found: Schema = DOCUMENT["components"]["schemas"][name]
    return found | {name: value for name, value in schema.items() if name != "$ref"}


def with_value(body: Any, path: Path, value: object) -> Any:
    """Return a body with another value at a place."""
    if not path:
        return value
    changed = copy(body)
    changed[path[0]] = with_value(body[path[0]], path[1:], value)
    return changed
