"""Print for people or for programs: tables and lines, or JSON.

At a terminal a table fits its width. Elsewhere it is one line a row, its cells separated by tabs,
whole and without colours.
"""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Union

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

Told = Union[BaseModel, Sequence[Any], dict[str, Any]]
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Marks that would change the direction of what stands around a text."""
_LEFT_TO_RIGHT = "\u200e"
_STYLES = {"good": "green", "warn": "yellow", "bad": "bold red", "dim": "dim", "head": "bold"}


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to whoever runs the command."""
        raise


class Output:
    """Prints what a command has to say."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self.console = _console(sys.stdout)

    @property
    def is_terminal(self) -> bool:
        """Whether somebody looks at it."""
        return self.console.is_terminal

    def document(self, told: Told) -> None:
        """Print one JSON document."""
        self._write(_written(told, indent=2))

    def line(self, told: Told) -> None:
        """Print one line of JSON."""
        self._write(_written(told, indent=None))

    def say(self, text: str, style: str = "") -> None:
        """Print a line for people; nothing with --json."""
        if not self.as_json:
            self._print(Text(one_line(text), style=_STYLES.get(style, style)))

    def note(self, text: str) -> None:
        """Print a remark beside the output."""
        note(text)

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
        folded: Sequence[str] = (),
    ) -> None:
        """Print a table.

        At a terminal the columns to be folded take several lines where there is no room, and the
        last column is cut to what room is left.
        """
        if not self.is_terminal:
            for row in (columns, *rows):
                self._write("\t".join(one_line(each) for each in row))
            return
        table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
        for column in columns:
            gives_way = column in folded or column == columns[-1]
            table.add_column(column, no_wrap=not gives_way, overflow="fold")
        for row in rows:
            table.add_row(*_cells(row, cut=columns[-1] not in folded))
        self.console.print(table)

    def _print(self, text: Text) -> None:
        self.console.print(text, soft_wrap=True)
        self.console.file.flush()

    def _write(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def note(text: str) -> None:
    """Print a line beside the output, on standard error."""
    print(f"chatgrow: {one_line(text)}", file=sys.stderr, flush=True)


def one_line(text: str) -> str:
    """Return a text that can do nothing to a terminal or to the line that it is in."""
    return _DIRECTIONS.sub("", _CONTROLS.sub(" ", text)).rstrip()


def short(at: datetime) -> str:
    """Return a time as it is here, in few characters, for lists."""
    return f"{at.astimezone():%m-%d %H:%M}"


def local(at: datetime | None) -> str:
    """Return a time as it is here, or nothing."""
    return "" if at is None else f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def _cells(row: Sequence[str], cut: bool) -> list[Text]:
    """Return the cells of a row; one in Hebrew does not turn round the order of the others."""
    cells = [one_line(each) for each in row]
    mark = _LEFT_TO_RIGHT if any(map(_is_right_to_left, cells)) else ""
    *most, last = [Text(f"{mark}{each}") for each in cells]
    if cut:
        last.no_wrap, last.overflow = True, "ellipsis"
    return [*most, last]


def _is_right_to_left(text: str) -> bool:
    return any(unicodedata.bidirectional(each) in ("R", "AL") for each in text)


def _console(file: Any) -> Console:
    return _Console(file=file, highlight=False, markup=False, emoji=False)


def _written(told: Told, indent: int | None) -> str:
    text = json.dumps(_plain(told), ensure_ascii=False, indent=indent)
    return re.sub("[\x7f-\x9f]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _plain(told: Any) -> Any:
    """Return what JSON can hold; a model as the API wrote it."""
    if isinstance(told, BaseModel):
        return told.model_dump(mode="json", by_alias=True, exclude_none=True)
    if isinstance(told, dict):
        return {name: _plain(value) for name, value in told.items() if value is not None}
    if isinstance(told, (list, tuple)):
        return [_plain(each) for each in told]
    if isinstance(told, datetime):
        return told.isoformat().replace("+00:00", "Z")
    return told
