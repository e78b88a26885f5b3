"""Write what was seen so that it can be handed on: Markdown to read, JSON to compare."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.live_check.advice import savings_advice
from tests.live_check.findings import Findings, Message
from tests.live_check.judgement import checks, verdict
from tests.live_check.private import Private
from tests.live_check.rows import rows


@dataclass(frozen=True)
class Report:
    """The two files of a report; each writing replaces the one before."""

    markdown: Path
    json: Path

    @classmethod
    def in_folder(cls, folder: Path, started: str) -> Report:
        """Name the files of a run that started then (`2026-11-28T21:05:00Z`)."""
        folder.mkdir(parents=True, exist_ok=True)
        name = "live-check-" + started.replace(":", "").removesuffix("Z")
        return cls(folder / f"{name}.md", folder / f"{name}.json")

    def write(self, findings: Findings, private: Private) -> None:
        """Write both; whatever is known to be private is taken out as a last resort."""
        document = json.dumps(as_document(findings), indent=2)
        self.json.write_text(private.taken_out_of(document) + "\n", encoding="utf-8")
        self.markdown.write_text(private.taken_out_of(as_markdown(findings)), encoding="utf-8")


def as_document(findings: Findings) -> dict[str, Any]:
    """Return the report as JSON holds it."""
    return {
        "verdict": verdict(findings),
        "checks": {check.name: check.outcome for check in checks(findings)},
        "rows": [
            {"row": row.number, "what": row.what, "seen": row.seen, "note": row.note}
            for row in rows(findings)
        ],
        "savings": savings_advice(findings),
        "findings": findings.model_dump(by_alias=True, exclude_none=True),
    }


def as_markdown(findings: Findings) -> str:
    """Return the report as people read it."""
    where = "the simulated WhatsApp Web" if findings.simulated else "the real WhatsApp Web"
    early = f" It ended early: {findings.ended_early}." if findings.ended_early else ""
    parts = [
        "# Live check",
        f"**{verdict(findings)}**",
        f"Run against {where}, {findings.started}, {findings.took:g} s.{early} No phone number, "
        "text, id or code is in this report.",
        "## What must hold",
        _table(("check", "outcome"), [(each.name, each.outcome) for each in checks(findings)]),
        "## Versions",
        _table(("of", "version"), _versions(findings)),
        "## Linking and the cut",
        _table(("what", "seen"), _times(findings)),
        "## Messages",
        _table(
            ("when", "to", "status", "sent", "delivered", "read", "arrived"),
            map(_message_row, findings.messages),
        ),
        "## Starts of the worker with the same login",
        _table(
            ("savings", "connected", "of it the page", "sent", "memory at most", "memory at rest"),
            _starts(findings),
        ),
        "\n".join(f"- {line}" for line in savings_advice(findings)),
        "## The page, row by row",
        _table(
            ("row", "what", "seen", "note"),
            [(str(row.number), row.what, row.seen, row.note) for row in rows(findings)],
        ),
        "## States of the connection",
        _table(("at", "state", "reason"), _sights(findings)),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _versions(findings: Findings) -> list[tuple[str, str]]:
    told = findings.versions.model_dump()
    return [(name.replace("_", " "), value or "not known") for name, value in told.items()]


def _times(findings: Findings) -> Iterable[tuple[str, str]]:
    linking, cut = findings.linking, findings.cut
    if linking is not None:
        yield f"first code ({linking.way})", _seconds(linking.first_code)
        yield "codes shown", str(linking.codes)
        yield "linked to connected", _seconds(linking.connected)
    if cut is not None:
        yield "network cut for", _seconds(cut.lasted)
        yield "the cut was told after", _seconds(cut.noticed)
        yield "network back to connected", _seconds(cut.reconnected)


def _message_row(message: Message) -> tuple[str, ...]:
    status = f"{message.status} ({message.reason})" if message.reason else message.status
    arrived = "not counted" if message.arrived is None else f"{message.arrived} ×"
    steps = map(_seconds, (message.sent, message.delivered, message.read))
    return (message.when, message.to, status, *steps, arrived)


def _starts(findings: Findings) -> Iterable[tuple[str, ...]]:
    for start in findings.starts:
        sent = "yes" if start.sent else "no"
        memory = (f"{mb} MB" if mb else "–" for mb in (start.peak_mb, start.settled_mb))
        yield (start.savings, _seconds(start.connected), _seconds(start.loaded), sent, *memory)


def _sights(findings: Findings) -> list[tuple[str, ...]]:
    return [(_seconds(each.at), each.state, each.reason or "") for each in findings.sights]


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:g} s"


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    body = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head), *body])
