"""Read the messages of a CSV file, as spreadsheets write them."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from chatgrow_cli.exit_codes import WrongUseError
from chatgrow_cli.values import time_of
from chatgrow_cli.words import number_of
from chatgrow_client.models import MediaRequest, MessageRequest

_NAMES: Mapping[str, str] = {
    "to": "to",
    "phone": "to",
    "number": "to",
    "text": "message",
    "message": "message",
    "reference": "reference",
    "priority": "priority",
    "sendat": "send_at",
    "expiresat": "expires_at",
    "replyto": "reply_to",
    "mediaurl": "media_url",
}
"""The field for each column, whose name is read without capitals, spaces, `_` and `-`."""
_TIMES: Mapping[str, str] = {"send_at": "sendAt", "expires_at": "expiresAt"}
_COLUMNS = "to, text, reference, priority, sendAt, expiresAt, replyTo, mediaUrl"
_NAMED_DELIMITER = re.compile(r'\A"?sep=([^"\r\n])"?\r?\n', re.IGNORECASE)
"""The first line of some files of Excel, such as `sep=;`."""
_MOST_SHOWN = 5
AT_ONCE = 1000
"""The most messages that the API takes in one request."""


@dataclass(frozen=True)
class Line:
    """One message, and the line of the file on which it ends."""

    number: int
    message: MessageRequest


@dataclass(frozen=True)
class Chunk:
    """The messages of one request, under a key that is the same for the same file."""

    key: str
    lines: tuple[Line, ...]

    @property
    def messages(self) -> list[MessageRequest]:
        """The messages, in the order of the file."""
        return [each.message for each in self.lines]


@dataclass(frozen=True)
class CsvFile:
    """The messages of a file; `digest` is that of its bytes."""

    digest: str
    lines: tuple[Line, ...]

    def chunks(self, connection_id: str, key: str | None) -> Iterator[Chunk]:
        """Yield the messages in pieces; a key is what the file's name for them begins with."""
        made = hashlib.sha256(f"{connection_id}\0{self.digest}".encode()).hexdigest()[:40]
        for first in range(0, len(self.lines), AT_ONCE):
            lines = self.lines[first : first + AT_ONCE]
            yield Chunk(f"{key or f'csv-{made}'}:{lines[0].number}", lines)


def read_csv(content: bytes, ignore_columns: bool) -> CsvFile:
    """Read a file; raise WrongUseError that names each line that cannot be right."""
    rows = _rows(_decoded(content))
    if not rows:
        raise WrongUseError("The file is empty.")
    fields = _fields(rows[0][1], ignore_columns)
    lines, wrong = _lines(rows[1:], fields)
    if wrong:
        more = len(wrong) - _MOST_SHOWN
        end = f"; and {number_of(more, 'more line')}" if more > 0 else ""
        raise WrongUseError(f"{'; '.join(wrong[:_MOST_SHOWN])}{end}. Nothing was sent.")
    if not lines:
        raise WrongUseError("The file has no line below its header.")
    return CsvFile(hashlib.sha256(content).hexdigest(), tuple(lines))


def _decoded(content: bytes) -> str:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise WrongUseError("The file is no UTF-8: save it as “CSV UTF-8”.") from None


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """Return the rows that are not empty, each with the line on which it ends."""
    named = _NAMED_DELIMITER.match(text)
    # An empty line in its place leaves all others their numbers.
    lines = io.StringIO(_NAMED_DELIMITER.sub("\n", text), newline="")
    reader = csv.reader(lines, delimiter=named[1] if named else _delimiter(text), strict=True)
    try:
        return [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise WrongUseError(f"Line {reader.line_num} is no CSV: {error}.") from error


def _delimiter(text: str) -> str:
    """Find the delimiter in the first line: it depends on the language of the spreadsheet."""
    return max(",;\t", key=text.lstrip().partition("\n")[0].count)


def _fields(header: list[str], ignore_columns: bool) -> list[str | None]:
    found = [_NAMES.get(re.sub(r"[\s_-]", "", name).lower()) for name in header]
    unknown = [name for name, field in zip(header, found) if field is None and name.strip()]
    if unknown and not ignore_columns:
        raise WrongUseError(
            f"Unknown columns: {', '.join(unknown)}. Known are {_COLUMNS}; "
            "--ignore-columns sends without the others."
        )
    named = [field for field in found if field]
    if twice := next((field for field in named if named.count(field) > 1), None):
        raise WrongUseError(f"Two columns are the {twice} of a message.")
    if "to" not in named:
        raise WrongUseError("There is no column `to` in the first line of the file.")
    return found


def _lines(
    rows: list[tuple[int, list[str]]], fields: list[str | None]
) -> tuple[list[Line], list[str]]:
    """Return the messages, and what is wrong with the other lines."""
    lines: list[Line] = []
    wrong: list[str] = []
    for number, row in rows:
        made = _read_line(row, fields)
        if isinstance(made, MessageRequest):
            lines.append(Line(number, made))
        else:
            wrong.append(f"line {number}: {made}")
    return lines, wrong


def _read_line(row: list[str], fields: list[str | None]) -> MessageRequest | str:
    """Return the message of a line, or what is wrong with it."""
    try:
        return _message(row, fields)
    except ValidationError as error:
        told = error.errors()[0]
        return f"{'.'.join(map(str, told['loc'])) or 'message'}: {told['msg']}"
    except ValueError as error:
        return str(error)


def _message(row: list[str], fields: list[str | None]) -> MessageRequest:
    if len(row) > len(fields):
        raise ValueError("it has more cells than the first line")
    cells = {name: cell for name, cell in zip(fields, row) if name and cell.strip()}
    # A text is sent as it stands; in the other cells spaces mean nothing.
    given = {name: cell if name == "message" else cell.strip() for name, cell in cells.items()}
    if "to" not in given:
        raise ValueError("`to` is empty")
    url = given.pop("media_url", None)
    if url is None and "message" not in given:
        raise ValueError("there is no text")
    times = {name: _time(name, given.pop(name)) for name in _TIMES if name in given}
    media = None if url is None else MediaRequest(url=url)
    return MessageRequest.of(**given, **times, media=media)


def _time(name: str, cell: str) -> datetime:
    found = time_of(cell)
    if found is None:
        raise ValueError(f"{_TIMES[name]}: {cell!r} is no time such as 2026-10-31T10:00")
    return found
