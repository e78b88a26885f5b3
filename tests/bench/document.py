"""`docs/benchmarks.md` and its picture, as a run writes them."""

from __future__ import annotations

from pathlib import Path

from tests.bench.machine import machine
from tests.bench.picture import picture
from tests.bench.report import Report
from tests.bench.table import COMPARED, alone, as_markdown, compared

_DOCS = Path(__file__).parents[2] / "docs"
_TEXT = Path(__file__).with_name("document.md")


def write(report: Report, command: str) -> Path:
    """Write both; return the document."""
    figures = list(report.compared.values())
    meanings = [f"- **{each.name}**: {each.meaning}." for each in figures]
    tables = [as_markdown([COMPARED, *compared(figures)])] if figures else []
    text = _TEXT.read_text(encoding="utf-8").format(
        command=command,
        minutes=f"{report.seconds / 60:.0f}",
        machine="\n".join(f"- {line}" for line in machine()),
        compared="\n\n".join(tables),
        alone="\n\n".join(as_markdown(table) for table in alone(list(report.alone.values()))),
        meanings="\n".join(meanings),
        hung=report.hung() or "none was made",
    )
    (_DOCS / "benchmarks.svg").write_text(picture(figures), encoding="utf-8")
    document = _DOCS / "benchmarks.md"
    document.write_text(text, encoding="utf-8")
    return document
