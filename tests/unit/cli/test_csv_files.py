"""CSV files are read as spreadsheets write them, and what cannot be right is named by its line."""

from __future__ import annotations

import pytest

from chatgrow_cli.csv_files import AT_ONCE, CsvFile, read_csv
from chatgrow_cli.exit_codes import WrongUseError


def _read(text: str | bytes, ignore_columns: bool = False) -> CsvFile:
    return read_csv(text.encode() if isinstance(text, str) else text, ignore_columns)


def _told(text: str | bytes) -> str:
    with pytest.raises(WrongUseError) as raised:
        _read(text)
    return str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "to,text\n+972501234567,שלום\n",
        "\ufeffTo;Text\r\n+972501234567;שלום\r\n",
        "Phone\tMessage\n+972501234567\tשלום\n\n",
        "to,text\n+972501234567,שלום\n".encode("utf-16"),
    ],
)
def test_the_files_of_spreadsheets_are_read(text: str | bytes) -> None:
    (line,) = _read(text).lines
    assert (line.number, line.message.to, line.message.message) == (2, "+972501234567", "שלום")


@pytest.mark.parametrize("first", ["sep=;", '"SEP=|"', "sep=\t", "sep=,"])
def test_a_first_line_may_name_the_delimiter(first: str) -> None:
    cells = (("to", "text"), ("1", '"Hello, Dana; hello"'))
    rows = [first, *(first.strip('"')[-1].join(row) for row in cells)]
    (line,) = _read("\ufeff" + "\r\n".join(rows)).lines
    assert (line.number, line.message.message) == (3, "Hello, Dana; hello")


def test_all_columns_are_read_and_a_text_stays_as_it_is() -> None:
    read = _read(
        "to,text,reference,priority,send at,Expires_At,media-url\n"
        '1,"two\nlines  ",a 7 ,high,2026-10-31T10:00:00Z,2026-10-31T12:00+02:00,https://x/y.pdf\n'
    )
    (line,) = read.lines
    assert line.number == 3
    assert line.message.to_json() == (
        b'{"to":"1","media":{"url":"https://x/y.pdf"},"message":"two\\nlines  ",'
        b'"reference":"a 7","priority":"high","sendAt":"2026-10-31T10:00:00Z",'
        b'"expiresAt":"2026-10-31T12:00:00+02:00"}'
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty"),
        ("to,text\n", "no line below"),
        ("name,text\nDana,Hello\n", "Unknown columns: name"),
        ("text\nHello\n", "no column `to`"),
        ("to,phone,text\n1,2,Hello\n", "Two columns are the to"),
        ("to,text\n1,Hello\n,Hello\n", "line 3: `to` is empty"),
        ("to,text\n1,\n", "line 2: there is no text"),
        ("to,text\n1,Hello, Dana\n", "line 2: it has more cells"),
        ("to,text,sendAt\n1,Hello,tomorrow\n", "line 2: sendAt: 'tomorrow'"),
        # A day as Excel counts them, which is a second of 1970 to a computer.
        ("to,text,sendAt\n1,Hello,46326.375\n", "line 2: sendAt: '46326.375'"),
        ("to,text,sendAt\n1,Hello,20261031\n", "line 2: sendAt: '20261031'"),
        ('to,text\n1,"Hello\n', "is no CSV"),
        ("to,text\n1,שלום\n".encode("cp1255"), "CSV UTF-8"),
    ],
)
def test_what_cannot_be_right_is_told(text: str | bytes, told: str) -> None:
    assert told in _told(text)


def test_unknown_columns_can_be_left_out() -> None:
    (line,) = _read("name,to,text\nDana,1,Hello\n", ignore_columns=True).lines
    assert line.message.to == "1"


def test_the_same_file_has_the_same_keys_and_another_one_has_others() -> None:
    text = "to,text\n" + "1,Hello\n" * (AT_ONCE + 1)

    def keys(text: str, connection: str = "main", key: str | None = None) -> list[str]:
        return [each.key for each in _read(text).chunks(connection, key)]

    assert keys(text) == keys(text)
    assert len({*keys(text), *keys(text, "other"), *keys(text + "2,Hi\n")}) == 6
    assert [each.rpartition(":")[2] for each in keys(text)] == ["2", str(AT_ONCE + 2)]
    assert keys(text, key="june") == ["june:2", f"june:{AT_ONCE + 2}"]
