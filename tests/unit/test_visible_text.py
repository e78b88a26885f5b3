"""Whether there is something to see in a text is asked of Unicode, character by character."""

from __future__ import annotations

import re
import sys

import pytest

from sessions.messages.visible_text import PATTERN, VISIBLE, check_line, check_text, is_visible


@pytest.mark.parametrize(
    "text",
    [
        *("\u2066\u2069", "\u061c", "\u034f", "\U000e0001", "\ufe0f", "\U000e0100", "\u17b4"),
        *("\u2800", "\u3164", "\u115f\u1160", "\uffa0", "\u2065", "\ufff0", "\ufffe", "\U000e0080"),
        *("", " ", "\u00a0\u2009", "\n\t\r\n", "\u200b\u200d", "\u00ad", "\u180e", "\U0001d159"),
    ],
)
def test_a_text_that_shows_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="nothing to see"):
        check_text(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "a",
            ".",
            "\u05e9\u05dc\u05d5\u05dd",
            "\u200f\u05d0",
            "\u2066a\u2069",
            "1\ufe0f\u20e3",
            "\u0301",
            "\ue000",
        ),
        # The last is younger than Unicode 14, which Python 3.11 knows.
        *("\U0001f469\u200d\U0001f4bb", "a\tb\r\nc", "\U0001fae8"),
    ],
)
def test_a_text_that_shows_something_is_taken(text: str) -> None:
    assert check_text(text) == text
    assert re.search(PATTERN, text)


@pytest.mark.parametrize("control", ["\0", "\x07", "\x0b", "\x1b", "\x7f", "\x85", "\x9f"])
def test_a_control_character_is_named(control: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"U+{ord(control):04X}")):
        check_text(f"a{control}b")
    assert not re.search(PATTERN, f"a{control}b")


@pytest.mark.parametrize("control", ["\0", "\t", "\n", "\x1f", "\x85"])
def test_a_line_has_no_control_character_at_all(control: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"U+{ord(control):04X}")):
        check_line(f"a{control}b")


def test_the_document_says_what_the_check_does() -> None:
    differ = [
        f"U+{code:04X}"
        for code in range(0x10000)
        if not 0xD800 <= code < 0xE000
        and bool(re.match(VISIBLE, chr(code))) != is_visible(chr(code))
    ]
    assert differ == []
    assert sys.maxunicode == 0x10FFFF
