"""Write the pages that come from the code: `python scripts/write_docs.py [--check]`."""

from __future__ import annotations

import argparse
import ast
import inspect
import itertools
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pydantic import SecretStr  # noqa: E402  the path comes first
from pydantic.fields import FieldInfo  # noqa: E402

from chatgrow_worker.browser.savings import KNOWN  # noqa: E402
from chatgrow_worker.settings import WorkerSettings  # noqa: E402
from control_api.http.problem_codes import SECTIONS  # noqa: E402
from control_api.settings import ApiSettings  # noqa: E402
from sessions.config.settings import EncryptionSettings, MediaSettings, SharedSettings  # noqa: E402
from sessions.connections.states import (  # noqa: E402
    ACTS_FOR_REASON,
    COMMANDS,
    MOVES,
    WORKER_SOON,
    Actor,
    Command,
    ConnectionState,
    Reason,
    acts_next,
    needs_a_worker,
)
from sessions.messages.model import MessageStatus  # noqa: E402
from sessions.messages.states import MOVES as HAPPENINGS  # noqa: E402
from sessions.messages.states import OF_ACK, OUT, Happening  # noqa: E402

GROUPS: tuple[tuple[str, type[SharedSettings], type[SharedSettings] | None], ...] = (
    ("Both programs", SharedSettings, None),
    ("The control API", ApiSettings, MediaSettings),
    ("The worker", WorkerSettings, MediaSettings),
    ("Both programs: files", MediaSettings, EncryptionSettings),
    ("Both programs, and `python -m sessions`", EncryptionSettings, SharedSettings),
)

_MINUTE = timedelta(minutes=1)


def configuration() -> str:
    """Return docs/configuration.md: every setting, its default and its meaning."""
    lines = [
        "# Configuration",
        "",
        "Every setting is an environment variable; a `.env` file in the folder that a program is",
        "started in is read too, and the environment wins. An empty value counts as not set. A",
        "time is a number of seconds (`90`), has a unit (`45s`, `30m`, `12h`, `7d`) or is an ISO",
        "8601 duration (`PT15M`). A setting that cannot work is named at the start, and the",
        "program ends with 78.",
    ]
    for title, owner, base in GROUPS:
        lines += ["", f"## {title}", "", "| setting | default | meaning |", "|---|---|---|"]
        lines += [_row(name, field) for name, field in _own_fields(owner, base)]
    lines += _savings()
    return "\n".join([*lines, ""])


def _savings() -> Iterator[str]:
    """Yield the section on `BROWSER_SAVINGS`."""
    yield from (
        "",
        "## What `BROWSER_SAVINGS` can name",
        "",
        "On without a setting is what names a source: somebody who is known to run the real page",
        "with it. The others save what is told here on the simulated page, and are unproven on the",
        "real one: `make live-check` measures it with them and without. A session's own memory on",
        "the simulated page is 87 MB without any, 82 MB with the proven ones, 45 MB with all.",
        "",
        "| name | what it does | what it saves on the simulated page | source |",
        "|---|---|---|---|",
    )
    for name, facts in KNOWN.items():
        yield f"| `{name}` | {facts.does} | {facts.saves} | {facts.source or 'unproven'} |"


def _own_fields(
    owner: type[SharedSettings], base: type[SharedSettings] | None
) -> Iterator[tuple[str, FieldInfo]]:
    inherited = base.model_fields if base else {}
    for name, field in owner.model_fields.items():
        if name not in inherited:
            yield name, field


def _row(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    names = getattr(alias, "choices", None) or [name.upper()]
    shown = ", ".join(f"`{each}`" for each in names)
    meaning = " ".join((field.description or "").split())
    return f"| {shown} | {_default(field)} | {meaning} |"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or field.default_factory is not None or isinstance(value, SecretStr):
        return ""
    if isinstance(value, timedelta):
        return _span(value)
    if isinstance(value, Path) and value.is_absolute():
        return f"`{value.relative_to(ROOT)}`"
    if value in ((), [], frozenset()):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _span(span: timedelta) -> str:
    for unit, name in ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (_MINUTE, "min")):
        if span and span % unit == timedelta(0):
            return f"{span // unit} {name}"
    return f"{span.total_seconds():g} s"


def states() -> str:
    """Return docs/states.md: the states of a connection, and the statuses of a message."""
    return "\n".join([*_connection_states(), "", *_message_statuses(), ""])


def _connection_states() -> list[str]:
    meanings, reasons = _texts(ConnectionState), _texts(Reason)
    lines = [
        "# The states of a connection",
        "",
        "`GET /api/whatsapp/connections/{id}/status` tells the state as it is true now, a",
        "`reason` beside it and since when. A state that needs a worker is never shown of a worker",
        "that died.",
        "",
        "| state | meaning | who acts next | may move to |",
        "|---|---|---|---|",
    ]
    for state in ConnectionState:
        to = ", ".join(f"`{each}`" for each in ConnectionState if each in MOVES[state])
        acts = acts_next(state, None, timedelta(0))
        lines.append(f"| `{state}` | {meanings[state.name]} | `{acts}` | {to} |")
    lines += ["", "```mermaid", "stateDiagram-v2", "    [*] --> starting"]
    lines += [
        f"    {state} --> {to}" for state in ConnectionState for to in _in_order(MOVES[state])
    ]
    resting = ", ".join(f"`{each}`" for each in ConnectionState if not needs_a_worker(each))
    lines += ["```", "", f"Nobody runs a connection that is {resting}.", "", "## Reasons", ""]
    lines += ["| reason | what it means, and what helps |", "|---|---|"]
    lines += [f"| `{reason}` | {reasons[reason.name]} |" for reason in Reason]
    return [*lines, "", *_actors(), "", *_commands()]


def _actors() -> Iterator[str]:
    """Yield the section on `actsNext`."""
    meanings = _texts(Actor)
    yield from ("## Who acts next", "")
    seconds = int(WORKER_SOON.total_seconds())
    yield from (
        "`actsNext` goes by the state, and for some reasons by the reason. The operator also acts",
        f"on a connection that has been `waiting_for_worker` for more than {seconds} seconds.",
        "",
    )
    yield from ("| actsNext | who | for these reasons |", "|---|---|---|")
    for actor in Actor:
        reasons = ", ".join(f"`{each}`" for each in Reason if ACTS_FOR_REASON.get(each) is actor)
        yield f"| `{actor}` | {meanings[actor.name]} | {reasons} |"


def _commands() -> Iterator[str]:
    """Yield the section on `allowedCommands`."""
    meanings = _texts(Command)
    yield from ("## Commands", "")
    yield from ("| allowedCommands | what it does | in which states |", "|---|---|---|")
    for command in Command:
        states = ", ".join(f"`{each}`" for each in ConnectionState if each in COMMANDS[command])
        yield f"| `{command}` | {meanings[command.name]} | {states} |"


def _message_statuses() -> list[str]:
    """Return the section on what happens to messages."""
    meanings = _texts(Happening)
    lines = ["# The statuses of a message", "", *_status_table(), ""]
    lines += ["```mermaid", "stateDiagram-v2", "    [*] --> queued", *_ways(), "```", ""]
    lines += [
        "The diagram leaves out what an acknowledgement does to a message that WhatsApp is not",
        "known to have: it proves that the message is out, whatever was thought of it. What may be",
        "out is sent again only if a person says so, and then under its own WhatsApp id.",
        "",
        "| what happens | in which status | status after it |",
        "|---|---|---|",
    ]
    for happening, move in HAPPENINGS.items():
        before = ", ".join(f"`{each}`" for each in MessageStatus if each in move.before)
        lines.append(f"| {meanings[happening.name]} | {before} | `{move.after}` |")
    return lines


def _ways() -> Iterator[str]:
    """Yield the arrows of the diagram, each once."""
    for status, after in itertools.product(MessageStatus, repeat=2):
        leading = {
            happening
            for happening, move in HAPPENINGS.items()
            if status in move.before and after is move.after and after is not status
        }
        if leading and (status in OUT or not leading <= {*OF_ACK.values()}):
            yield f"    {status} --> {after}"


def _status_table() -> Iterator[str]:
    meanings = _texts(MessageStatus)
    yield from ("| status | meaning |", "|---|---|")
    yield from (f"| `{status}` | {meanings[status.name]} |" for status in MessageStatus)


def readme() -> str:
    """Return README.md with the table of statuses as it is now."""
    return _with_section("README.md", "## Statuses", _status_table())


def api() -> str:
    """Return docs/api.md with the table of error codes as it is now."""
    return _with_section("docs/api.md", "### Codes", _problem_codes())


def _problem_codes() -> Iterator[str]:
    yield from (
        "Any path may also answer 404 `not_found` (nothing is at this path), 405",
        "`method_not_allowed` and 500 `internal_error` (a fault of ours; the log has it).",
    )
    for title, codes in SECTIONS.items():
        yield from ("", f"| {title} | HTTP | what to do |", "|---|---|---|")
        for code, known in codes.items():
            yield f"| `{code}` | {known.status.value} | {known.advice} |"


def _with_section(page: str, heading: str, lines: Iterable[str]) -> str:
    """Return a page with these lines between a heading and the next one of level 2."""
    text = (ROOT / page).read_text(encoding="utf-8")
    section = "\n".join(lines)
    between = rf"(?<=^{heading}\n\n).*?(?=\n\n## )"
    return re.sub(between, lambda _: section, text, flags=re.DOTALL | re.MULTILINE)


def _in_order(states: frozenset[ConnectionState]) -> Iterator[ConnectionState]:
    return (each for each in ConnectionState if each in states)


def _texts(enum: type[StrEnum]) -> Mapping[str, str]:
    """Read the docstring below each member, which Python itself does not keep."""
    (body,) = (
        node.body
        for node in ast.parse(inspect.getsource(enum)).body
        if isinstance(node, ast.ClassDef)
    )
    texts: dict[str, str] = {}
    for member, below in itertools.pairwise(body):
        if isinstance(member, ast.Assign) and isinstance(below, ast.Expr):
            name, text = member.targets[0], below.value
            if isinstance(name, ast.Name) and isinstance(text, ast.Constant):
                texts[name.id] = " ".join(str(text.value).split())
    return texts


PAGES: Mapping[str, Any] = {
    "docs/configuration.md": configuration,
    "docs/states.md": states,
    "README.md": readme,
    "docs/api.md": api,
}


def main() -> int:
    """Write the pages, or with `--check` only tell which ones are old."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if one is old")
    check = parser.parse_args().check
    old = 0
    for name, write in PAGES.items():
        path, text = ROOT / name, write()
        if check and (not path.exists() or path.read_text(encoding="utf-8") != text):
            print(f"{name} is old: run `make docs`.")
            old += 1
        elif not check:
            path.write_text(text, encoding="utf-8")
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
