"""What is printed suits who reads it, and does nothing to a terminal."""

from __future__ import annotations

import json

import pytest

from chatgrow_cli.output import Output

COLUMNS = ("ID", "NAME", "TEXT")
HOSTILE = "a\x1b[31mred\x1b]0;title\x07\u202e\r\nb\tc\x9b1m"


def test_a_program_gets_whole_cells_between_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    long = "שלום " * 100
    Output().table(COLUMNS, [("1", "דנה", long), ("2", "[bold]Noa", HOSTILE)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ID\tNAME\tTEXT"
    assert lines[1] == f"1\tדנה\t{long.rstrip()}"
    assert lines[2] == "2\t[bold]Noa\ta [31mred ]0;title  b c 1m"


def test_a_table_fits_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    Output().table(COLUMNS, [("1", "דנה", "שלום " * 100), ("2", "Noa", HOSTILE)])
    printed = capsys.readouterr().out
    _, first, second = printed.splitlines()
    # A mark before each cell keeps them in their order beside a Hebrew one.
    assert first.startswith("\u200e1")
    assert first.index("דנה") < first.index("\u200eשלום")
    assert len(first.replace("\u200e", "").rstrip()) <= 40
    assert first.rstrip().endswith("…")
    assert "\u200e" not in second
    assert not {"\x07", "\x9b", "\u202e"} & {*printed}
    assert "\x1b[31m" not in printed


def test_json_keeps_what_was_said_and_escapes_it(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True).line({"text": HOSTILE + "שלום", "none": None})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"text": HOSTILE + "שלום"}
    assert "שלום" in printed
    assert not {"\x1b", "\x07", "\x9b"} & {*printed}
