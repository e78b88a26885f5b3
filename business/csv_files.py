"""Read tables as spreadsheets write them, and write tables that spreadsheets leave as they are."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers

from business.errors import FileUnreadableError
from sessions.common.errors import InvalidRecipientError
from sessions.messages.visible_text import is_visible, without_controls
from sessions.recipients.address import parse_phone_number, plain

MOST_LINES = 100_000
_SCIENTIFIC = re.compile(r"\s*\d+([.,]\d+)?[eE][+-]?\d+\s*", re.ASCII)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_SEPARATOR_LINE = re.compile(r'"?sep=([^"\r\n])"?(?:\r\n|\r|\n)', re.IGNORECASE)
"""A first line by which a spreadsheet is told what divides columns; it is no part of the table."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the beginning of a cell."""
_HEADERS: Mapping[str, str] = {
    "שם": "name", "טלפון": "phone", "נייד": "phone", "שפה": "language", "תגיות": "tags",
    "הערות": "notes", "רשימה": "list", "mobile": "phone", "number": "phone", "full name": "name",
}  # fmt: skip
"""Other names of the columns."""


class Flaw(StrEnum):
    """What is wrong with a line."""

    ROUNDED = "number_rounded"
    NO_COUNTRY = "number_without_country"
    NUMBER = "number_invalid"
    LANGUAGE = "language_unknown"
    TOO_LONG = "too_long"
    TAKEN = "number_taken"
    NOT_SUBSCRIBED = "not_subscribed"
    OTHER = "other"


class FlawError(ValueError):
    """A line is wrong: what it is, and a sentence that says so."""

    def __init__(self, flaw: Flaw, reason: str) -> None:
        super().__init__(reason)
        self.flaw = flaw


@dataclass(frozen=True)
class Line:
    """A line of a table: the number of the file's line on which it begins, and its cells.

    A cell in quotation marks may go over several lines of the file.
    """

    number: int
    cells: Mapping[str, str]


def read_table(content: bytes, columns: Sequence[str]) -> list[Line]:
    """Read a table in UTF-8 (with or without BOM), UTF-16 with BOM or Windows-1255.

    Columns are divided by commas, semicolons or tabs; the header names them, in any order. Raises
    FileUnreadableError if there is no column `phone`, an unknown one or one twice, a quotation mark
    that is never closed, or too many lines.
    """
    try:
        return _lines(_rows(_decoded(content)), columns)
    except csv.Error as error:
        raise FileUnreadableError(f"This is no table: {error}.") from error


def _decoded(content: bytes) -> str:
    is_utf_16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if is_utf_16 else ("utf-8-sig", "cp1255"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        return text
    raise FileUnreadableError("The file is neither in UTF-8 nor in Windows-1255.")


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a table, each with the number of its first line, from 1.

    Raises FileUnreadableError if the last one has no end.
    """
    lines = io.StringIO(text, newline="").readlines()
    told = _SEPARATOR_LINE.match(text)
    delimiter = told[1] if told else max(",;\t", key=text.lstrip().partition("\n")[0].count)
    begin = first = 1 if told else 0
    reader = csv.reader(lines[begin:], delimiter=delimiter)
    for row in reader:
        after = begin + reader.line_num
        if after == len(lines) and _is_open(lines[first:], delimiter):
            raise FileUnreadableError(
                f"A quotation mark that opens in line {first + 1} is never closed."
            )
        yield first + 1, row
        first = after


def _is_open(lines: Sequence[str], delimiter: str) -> bool:
    """Tell whether a row ends inside quotation marks: then one more line would be part of it."""
    return len(list(csv.reader([*lines, "\n", "\n"], delimiter=delimiter))) == 1


def _lines(rows: Iterable[tuple[int, list[str]]], columns: Sequence[str]) -> list[Line]:
    names: list[str] = []
    lines: list[Line] = []
    for number, row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if not names:
            names = _names(row, columns)
            continue
        if len(lines) == MOST_LINES:
            raise FileUnreadableError(f"Send at most {MOST_LINES} lines at a time.")
        lines.append(Line(number, _cells(names, row)))
    if not names:
        raise FileUnreadableError("The file is empty: its first line names the columns.")
    return lines


def _names(row: Sequence[str], columns: Sequence[str]) -> list[str]:
    plain = [cell.strip().casefold() for cell in row]
    names = [_HEADERS.get(each, each) for each in plain]
    for name in names:
        if name and name not in columns:
            raise FileUnreadableError(
                f"There is no column {name!r}: the first line names {', '.join(columns)}."
            )
        if name and names.count(name) > 1:
            raise FileUnreadableError(f"The first line names the column {name!r} twice.")
    if "phone" not in names:
        raise FileUnreadableError("A column `phone` is missing in the first line.")
    return names


def _cells(names: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    return {name: _unprotected(cell) for name, cell in zip(names, row, strict=False) if name}


def phone_in(cell: str) -> str:
    """Return the number in a cell; raise FlawError, which says what a spreadsheet did to it."""
    text = plain(cell)
    if _SCIENTIFIC.fullmatch(text):
        reason = "A spreadsheet has rounded this number: format the column as text."
        raise FlawError(Flaw.ROUNDED, reason)
    if not text.lstrip("(").startswith(("+", "00")):
        reason = "The number has no + and country code: a spreadsheet may have lost it."
        raise FlawError(Flaw.NO_COUNTRY, reason)
    try:
        return parse_phone_number(text)
    except InvalidRecipientError as error:
        raise FlawError(Flaw.NUMBER, str(error)) from error


def on_one_line(cell: str) -> str:
    """Return the text of a cell with a space for its line breaks and other control characters.

    A cell in which there is nothing to see is empty.
    """
    return _if_visible(_CONTROLS.sub(" ", cell))


def on_lines(cell: str) -> str:
    """Return the text of a cell as `on_one_line` does, with its line breaks."""
    return _if_visible(without_controls(cell))


def _if_visible(text: str) -> str:
    return text.strip() if any(map(is_visible, text)) else ""


def write_table(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> bytes:
    """Return a table in UTF-8 with a BOM, in which a spreadsheet takes nothing for a formula."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_protected(column, row.get(column, "")) for column in columns])
    return b"\xef\xbb\xbf" + file.getvalue().encode()


def _protected(column: str, text: str) -> str:
    if column == "phone":
        return _spaced(text)
    return f"'{text}" if text.startswith((*_FORMULA, "'")) else text


def _unprotected(cell: str) -> str:
    protected = cell.startswith("'") and cell[1:].startswith((*_FORMULA, "'"))
    return cell[1:] if protected else cell


def _spaced(phone: str) -> str:
    """Write a number with spaces, so that a spreadsheet keeps it as text, with its plus."""
    try:
        number = phonenumbers.parse(phone, None)
    except phonenumbers.NumberParseException:
        return f"+ {phone.removeprefix('+')}"
    rest = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    spaced = str(rest)
    if re.sub(r"\D", "", spaced) != phone.removeprefix("+") or " " not in spaced:
        return f"+ {phone.removeprefix('+')}"
    return spaced
