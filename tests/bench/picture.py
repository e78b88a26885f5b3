"""The ratios as a picture: one bar for each figure, equality, and the goal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from tests.bench.figures import Figure, number
from tests.bench.lab import THEIRS_SHELL

_LEFT, _WIDTH, _ROW, _TOP = 380, 400, 26, 50
_LARGEST = 2.0
_LABEL = 40
_HEAD = "Ours / theirs; thick black mark: the goal; thin blue: ours / theirs on the headless shell"
_STYLE = """
    text { font: 13px sans-serif; fill: #24292f }
    .head { font-weight: bold }
    .met { fill: #2da44e }
    .MISSED { fill: #cf222e }
    .grid { stroke: #8c959f; stroke-dasharray: 3 3 }
    .goal { stroke: #24292f; stroke-width: 3 }
    .shell { stroke: #0550ae; stroke-width: 2 }
"""


def picture(figures: Sequence[Figure]) -> str:
    """Return an SVG of the figures that have a goal and a ratio."""
    shown = [each for each in figures if each.verdict]
    height = _TOP + _ROW * len(shown) + 20
    rows = "\n".join(_row(each, _TOP + _ROW * place) for place, each in enumerate(shown))
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


def _row(figure: Figure, y: int) -> str:
    ratio, shell = figure.ratio(), figure.ratio(THEIRS_SHELL)
    assert ratio is not None
    assert figure.goal is not None
    end = _x(ratio)
    marks = {"goal": figure.goal.ratio} | ({} if shell is None else {"shell": shell})
    parts = [
        f'<text x="{_LEFT - 10}" y="{y + 14}" text-anchor="end">{escape(figure.name)}</text>',
        f'<rect class="{figure.verdict}" x="{_LEFT}" y="{y + 3}" width="{end - _LEFT}" '
        f'height="{_ROW - 10}"/>',
        *(_mark(kind, at, y) for kind, at in marks.items()),
        f'<text x="{_label_x(end, marks.values())}" y="{y + 14}">{number(ratio)}</text>',
    ]
    return "\n".join(f"  {part}" for part in parts)


def _mark(kind: str, ratio: float, y: int) -> str:
    x = _x(ratio)
    return f'<line class="{kind}" x1="{x}" x2="{x}" y1="{y}" y2="{y + _ROW - 4}"/>'


def _label_x(end: int, marks: Iterable[float]) -> int:
    """Return where the number stands: behind the bar, and behind the marks that it would hide."""
    for mark in sorted(map(_x, marks)):
        if end <= mark < end + _LABEL:
            end = mark
    return end + 6


def _x(ratio: float) -> int:
    return _LEFT + round(min(ratio, _LARGEST) / _LARGEST * _WIDTH)
