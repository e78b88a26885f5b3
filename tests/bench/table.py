"""The figures as tables, on a terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.figures import Figure, Growth, number, spread
from tests.bench.lab import OURS, THEIRS, THEIRS_SHELL

COMPARED = (
    *("figure", "ours", "theirs", "ours / theirs", "goal", ""),
    *("theirs, headless shell", "ours / that", "goal beside that", "that is"),
)


def compared(figures: Sequence[Figure]) -> list[tuple[str, ...]]:
    """Return a row for each figure that the sides have in common."""
    return [
        (
            f"{each.name}, {each.unit}",
            spread(each.of(OURS)),
            spread(each.of(THEIRS)),
            _ratio(each, THEIRS),
            str(each.goal or "–"),
            each.verdict,
            spread(each.of(THEIRS_SHELL)),
            _ratio(each, THEIRS_SHELL),
            str(each.shell_goal or "–"),
            each.shell_verdict,
        )
        for each in figures
    ]


def _ratio(figure: Figure, side: str) -> str:
    ratio = figure.ratio(side)
    return "–" if ratio is None else number(ratio)


def alone(growths: Sequence[Growth]) -> list[list[tuple[str, ...]]]:
    """Return a table, its head first, for each kind of amount."""
    tables = []
    for of in dict.fromkeys(each.of for each in growths):
        mine = [each for each in growths if each.of == of]
        amounts = sorted({amount for each in mine for amount in each.values})
        head = (f"ours alone, by {of}", *(f"{amount:,}" for amount in amounts))
        rows = [
            (
                f"{each.name}, {each.unit}",
                *(number(each.values[at]) if at in each.values else "–" for at in amounts),
            )
            for each in mine
        ]
        tables.append([head, *rows])
    return tables


def as_text(rows: Sequence[Sequence[str]]) -> str:
    """Return rows, the first of which is the head, in columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def as_markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return rows, the first of which is the head, as a table."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    rule = f"|{'|'.join(['---'] * len(rows[0]))}|"
    return "\n".join([lines[0], rule, *lines[1:]])
