"""The ratios as a picture: one bar for each figure, equality, and the goal."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tests.bench.figures import Figure, number

_LEFT, _WIDTH, _ROW, _TOP = 380, 400, 26, 50
_LARGEST = 2.0
_STYLE = """
    text { font: 13px sans-serif; fill: #24292f }
    .head { font-weight: bold }
    .met { fill: #2da44e }
    .MISSED { fill: #cf222e }
    .grid { stroke: #8c959f; stroke-dasharray: 3 3 }
    .goal { stroke: #24292f; stroke-width: 3 }
"""


def picture(figures: Sequence[Figure]) -> str:
    """Return an SVG of the figures that have a goal and a ratio."""
    shown = [each for each in figures if each.goal is not None and each.ratio is not None]
    height = _TOP + _ROW * len(shown) + 20
    rows = "\n".join(_row(each, _TOP + _ROW * place) for place, each in enumerate(shown))
    even, size = _x(1), f'width="{_LEFT + _WIDTH + 80}" height="{height}"'
    return f"""<svg xmlns="http://www.w3.org/2000/svg" {size}>
  <style>{_STYLE}</style>
  <rect width="100%" height="100%" fill="white"/>
  <text class="head" x="10" y="24">Ours / theirs; the black mark is the goal</text>
  <text x="{even}" y="{_TOP - 8}" text-anchor="middle">1.0</text>
  <line class="grid" x1="{even}" x2="{even}" y1="{_TOP - 4}" y2="{height - 16}"/>
{rows}
</svg>
"""


def _row(figure: Figure, y: int) -> str:
    assert figure.ratio is not None
    assert figure.goal is not None
    end, goal = _x(figure.ratio), _x(figure.goal.ratio)
    return "\n".join(
        [
            f'  <text x="{_LEFT - 10}" y="{y + 14}" text-anchor="end">{escape(figure.name)}</text>',
            f'  <rect class="{figure.verdict}" x="{_LEFT}" y="{y + 3}" width="{end - _LEFT}" '
            f'height="{_ROW - 10}"/>',
            f'  <line class="goal" x1="{goal}" x2="{goal}" y1="{y}" y2="{y + _ROW - 4}"/>',
            f'  <text x="{end + 6}" y="{y + 14}">{number(figure.ratio)}</text>',
        ]
    )


def _x(ratio: float) -> int:
    return _LEFT + round(min(ratio, _LARGEST) / _LARGEST * _WIDTH)
