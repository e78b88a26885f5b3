"""What the text of an answer means: a few words, matched on the whole message."""

from __future__ import annotations

import string
import unicodedata
from enum import StrEnum


class Answer(StrEnum):
    """What a person means by an answer."""

    CONFIRM = "confirm"
    CANCEL = "cancel"
    STOP = "stop"
    """No more marketing."""
    STOP_ALL = "stop_all"
    """No more messages of any kind."""
    START = "start"


_STOP = frozenset(
    {"stop", "unsubscribe", "end", "quit"} | {"הסר", "להסרה", "הסירו", "להפסיק", "תפסיק", "עצור"}
)
_STOP_ALL = frozenset({"stopall"})
_START = frozenset({"start", "הצטרף"})
_CONFIRM = frozenset({"1", "כן", "אישור", "מאשר", "yes", "confirm"})
_CANCEL = frozenset({"2", "לא", "ביטול", "no", "cancel"})
_PUNCTUATION = ".!…"
"""What people end an answer with; a question mark is none of it, since it asks."""
_OF_EMOJI = "\ufe0f\u20e3"
"""What makes a picture of a digit: many answer with the key 1."""
_STOP_UNASKED = frozenset({"cancel", "ביטול"})
"""These answer a question if one is open, and otherwise mean STOP."""


def meaning(text: str, *, asked: bool) -> Answer | None:
    """Return what a message means, `asked` if a question is open; None if it means nothing here."""
    word = _plain(text)
    for answer, words in (
        (Answer.STOP_ALL, _STOP_ALL),
        (Answer.STOP, _STOP),
        (Answer.START, _START),
    ):
        if word in words:
            return answer
    if not asked:
        return Answer.STOP if word in _STOP_UNASKED else None
    if word in _CONFIRM:
        return Answer.CONFIRM
    return Answer.CANCEL if word in _CANCEL else None


def _plain(text: str) -> str:
    """Return a text in lower case, without blanks, points and invisible characters around it."""
    plain = unicodedata.normalize("NFKC", text)
    visible = "".join(
        each for each in plain if unicodedata.category(each) != "Cf" and each not in _OF_EMOJI
    )
    return visible.strip(_PUNCTUATION + string.whitespace).casefold()
