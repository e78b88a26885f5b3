"""The ratios as a picture: one bar for each goal, equality, and the goal itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from tests.bench.figures import Figure, Goal, number
from tests.bench.lab import THEIRS, THEIRS_SHELL

_LEFT, _WIDTH, _ROW, _TOP = 520, 400, 26, 50
_LARGEST = 2.0
_LABEL = 40
_HEAD = "Ours / theirs, as it comes (a) or on the headless shell (s); black mark: the goal"
_STYLE = """
    text { font: 13px sans-serif; fill: #24292f }
    .head { font-weight: bold }
    .met { fill: #2da44e }
    .MISSED { fill: #cf222e }
    .grid { stroke: #8c959f; stroke-dasharray: 3 3 }
    .goal { stroke: #24292f; stroke-width: 3 }
"""


@dataclass(frozen=True)
class _Row:
    label: str
    ratio: float
    goal: Goal

    @property
    def verdict(self) -> str:
        return "met" if self.goal.met_by(self.ratio) else "MISSED"


def picture(figures: Sequence[Figure]) -> str:
    """Return an SVG with a bar for each goal of each figure that has a ratio."""
    shown = [row for each in figures for row in _rows(each)]
    height = _TOP + _ROW * len(shown) + 20
    rows = "\n".join(_draw(each, _TOP + _ROW * place) for place, each in enumerate(shown))
    even, size = _x(1), f'width="{_LEFT + _WIDTH + 80}" height="{height}"'
    return f"""<svg xmlns="http://www.w3.org/2000/svg" {size}>
  <style>{_STYLE}</style>
  <rect width="100%" height="100%" fill="white"/>
  <text class="head" x="10" y="24">{_HEAD}</text>
  <text x="{even}" y="{_TOP - 8}" text-anchor="middle">1.0</text>
  <line class="grid" x1="{even}" x2="{even}" y1="{_TOP - 4}" y2="{height - 16}"/>
{rows}
</svg>
"""


def _rows(figure: Figure) -> Iterator[_Row]:
    for mark, side, goal in (
        ("a", THEIRS, figure.goal),
        ("s", THEIRS_SHELL, figure.shell_goal),
    ):
        ratio = figure.ratio(side)
        if goal is not None and ratio is not None:
            yield _Row(f"{figure.name} ({mark})", ratio, goal)


def _draw(row: _Row, y: int) -> str:
    end, goal = _x(row.ratio), _x(row.goal.ratio)
    parts = [
        f'<text x="{_LEFT - 10}" y="{y + 14}" text-anchor="end">{escape(row.label)}</text>',
        f'<rect class="{row.verdict}" x="{_LEFT}" y="{y + 3}" width="{end - _LEFT}" '
        f'height="{_ROW - 10}"/>',
        f'<line class="goal" x1="{goal}" x2="{goal}" y1="{y}" y2="{y + _ROW - 4}"/>',
        f'<text x="{_label_x(end, goal)}" y="{y + 14}">{number(row.ratio)}</text>',
    ]
    return "\n".join(f"  {part}" for part in parts)


def _label_x(end: int, goal: int) -> int:
    """Return where the number stands: behind the bar, and behind the mark that it would hide."""
    return (goal if end <= goal < end + _LABEL else end) + 6


def _x(ratio: float) -> int:
    return _LEFT + round(min(ratio, _LARGEST) / _LARGEST * _WIDTH)
