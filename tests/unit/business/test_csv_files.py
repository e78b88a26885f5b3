"""Tables with the oddities of spreadsheets, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from business.csv_files import phone_in, read_table, write_table
from business.errors import FileUnreadableError

COLUMNS = ("name", "phone", "notes")
DANA = {"name": "דנה", "phone": "+972 54-123-4567"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1255", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_and_delimiters_of_spreadsheets_are_read(
    encoding: str, delimiter: str, end: str
) -> None:
    text = end.join([delimiter.join(["name", "phone"]), delimiter.join(DANA.values()), ""])
    (line,) = read_table(text.encode(encoding), COLUMNS)
    assert line.cells == DANA
    assert phone_in(line.cells["phone"]) == "+972541234567"


def test_hebrew_headers_and_empty_lines_are_read_and_lines_are_counted() -> None:
    lines = read_table("\nשם,טלפון\n\nדנה,+972541234567\n".encode(), COLUMNS)
    assert [(each.number, each.cells["name"]) for each in lines] == [(4, "דנה")]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("9.72E+11", "rounded"),
        ("9,72541E+11", "rounded"),
        ("972541234567", "lost"),
        ("0541234567", "lost"),
        ("", "lost"),
        ("+1", "digits"),
        ("+abc", "phone number"),
    ],
)
def test_numbers_that_a_spreadsheet_has_spoilt_are_refused(cell: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        phone_in(cell)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"name\nDana\n",
        b"phone,shoe\n1,2\n",
        b"phone,Mobile\n1,2\n",
        b"\xff\xfe\x00",
        b"phone\n\x00\x00",
    ],
)
def test_what_is_no_table_is_refused_whole(content: bytes) -> None:
    with pytest.raises(FileUnreadableError):
        read_table(content, COLUMNS)


@pytest.mark.parametrize(
    "cell",
    ["＋972 54-123-4567", "٠٠٩٧٢٥٤١٢٣٤٥٦٧", "(+972) 54\u2212123\u22124567", "(00972) 541234567"],
)
def test_a_number_is_read_as_a_send_reads_it(cell: str) -> None:
    assert phone_in(cell) == "+972541234567"


def test_empty_lines_before_the_header_do_not_hide_the_delimiter() -> None:
    (line,) = read_table(b"\n\r\nname;phone\n" + b"a,b,c;+972541234567\n", COLUMNS)
    assert (line.number, line.cells["name"]) == (4, "a,b,c")


@pytest.mark.parametrize("marked", ["\u200e{}\u200f", "\u202a{}\u202c", "\u00a0{}"])
def test_invisible_marks_of_a_copied_number_do_not_count(marked: str) -> None:
    assert phone_in(marked.format("+972 54-123-4567")) == "+972541234567"


@pytest.mark.parametrize("told", ["sep=;", '"sep=;"', "SEP=|"])
def test_a_line_that_tells_a_spreadsheet_the_delimiter_is_no_header(told: str) -> None:
    table = f"{told}\r\nname;phone\r\na,b,c;+972541234567\r\n".replace(";", told.strip('"')[-1])
    (line,) = read_table(table.encode(), COLUMNS)
    assert line.cells == {"name": "a,b,c", "phone": "+972541234567"}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("begin", ["", "sep=,\n", "\n"])
def test_a_row_is_told_by_the_line_of_the_file_on_which_it_begins(begin: str, end: str) -> None:
    lines = ["phone,notes", '1,"one', "two", 'three"', "", "2,short", '3,"a', 'b"', "4,last"]
    numbers = [each.number for each in read_table(_joined(begin, end, lines), COLUMNS)]
    assert [number - len(begin.splitlines()) for number in numbers] == [2, 6, 7, 9]


def test_an_open_quotation_mark_is_told_by_the_line_of_the_file() -> None:
    text = 'sep=;\nphone;name\n1;"two\nlines"\n2;"open\n'
    with pytest.raises(FileUnreadableError, match="line 5"):
        read_table(text.encode(), COLUMNS)


def _joined(begin: str, end: str, lines: list[str]) -> bytes:
    return (begin.replace("\n", end) + end.join(lines)).encode()


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_quotation_mark_that_stays_open_swallows_no_lines(end: str) -> None:
    text = f'name,phone\nAvi,+972541234567\n"Dana,+972541234568\nNoa,+972541234569{end}'
    with pytest.raises(FileUnreadableError, match="line 3"):
        read_table(text.encode(), COLUMNS)


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize(
    ("cell", "name"),
    [('"two\nlines"', "two\nlines"), ('5" disk', '5" disk'), ('"a ""b"""', 'a "b"')],
)
def test_quotation_marks_that_are_closed_are_read_at_the_end(
    cell: str, name: str, end: str
) -> None:
    (line,) = read_table(f"phone,name\n+972541234567,{cell}{end}".encode(), COLUMNS)
    assert line.cells["name"] == name


def test_nothing_that_is_exported_is_a_formula() -> None:
    table = write_table(("name", "phone"), [{"name": "=HYPERLINK(1)", "phone": "+972541234567"}])
    assert table.decode("utf-8-sig").splitlines()[1] == "'=HYPERLINK(1),+972 54-123-4567"


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r\n"), min_size=1).filter(
    str.strip
)


@given(st.lists(st.tuples(NAMES, st.from_regex(r"\A\+9725[0-9]{8}\Z")), min_size=1))
def test_what_was_exported_is_imported_as_it_was(people: list[tuple[str, str]]) -> None:
    rows = [{"name": name, "phone": phone} for name, phone in people]
    lines = read_table(write_table(("name", "phone"), rows), COLUMNS)
    found = [(each.cells["name"], phone_in(each.cells["phone"])) for each in lines]
    assert found == people
