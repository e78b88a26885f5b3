"""Whether there is something to see in a text, by the properties of its characters in Unicode."""

from __future__ import annotations

import re
import unicodedata

TYPED = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
"""Any character but control characters other than tabs and ends of lines."""
ON_ONE_LINE = r"[^\x00-\x1f\x7f-\x9f]"
"""Any character but control characters."""
VISIBLE = (
    r"[^\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"
    r"\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    r"\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff]"
)
"""What `is_visible` says of the first 65,536 characters, for the API's document."""
PATTERN = rf"^{TYPED}*{VISIBLE}{TYPED}*$"
"""The same for a whole text."""

_CONTROL = re.compile(TYPED.replace("[^", "["))
_ANY_CONTROL = re.compile(ON_ONE_LINE.replace("[^", "["))
_NOTHING_TO_SEE = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})
"""Control and format characters, halves of characters, and blanks."""
_EMPTY = re.compile(
    r"^HANGUL .*FILLER$|HANGUL FILLER$|^KHITAN SMALL SCRIPT FILLER$|VARIATION SELECTOR"
    r"|GRAPHEME JOINER|VOWEL INHERENT|^BRAILLE PATTERN BLANK$|NULL NOTEHEAD$"
)
"""The names of letters, marks and symbols that are blank or only change their neighbours."""


def check_text(text: str) -> str:
    """Return the text; raise ValueError for a control character, or if there is nothing to see."""
    check_typed(text)
    if not any(map(is_visible, text)):
        raise ValueError("There is nothing to see in this text.")
    return text


def check_typed(text: str) -> str:
    """Return the text; raise ValueError for a control character but a tab or the end of a line."""
    return _without(_CONTROL, text)


def check_line(text: str) -> str:
    """Return the text; raise ValueError for any control character."""
    return _without(_ANY_CONTROL, text)


def _without(controls: re.Pattern[str], text: str) -> str:
    if found := controls.search(text):
        raise ValueError(
            f"There is a control character in this text (U+{ord(found[0]):04X}). Remove it."
        )
    return text


def without_controls(text: str) -> str:
    """Return the text with a space for each control character."""
    return _CONTROL.sub(" ", text)


def is_visible(character: str) -> bool:
    """Tell whether a character shows anything by itself.

    One that this Python does not know yet may be a new emoji.
    """
    category = unicodedata.category(character)
    if category == "Cn":
        return not _stays_empty(ord(character))
    return category not in _NOTHING_TO_SEE and not _EMPTY.search(unicodedata.name(character, ""))


def _stays_empty(code: int) -> bool:
    """Tell whether Unicode has set an unassigned code aside for what is not shown.

    Those are Default_Ignorable_Code_Point (DerivedCoreProperties.txt) and Noncharacter_Code_Point.
    """
    ignorable = code == 0x2065 or 0xFFF0 <= code <= 0xFFF8 or 0xE0000 <= code <= 0xE0FFF
    return ignorable or code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
