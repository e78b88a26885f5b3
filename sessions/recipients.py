"""Read who a message goes to: a phone number in E.164 or a WhatsApp id."""

import re
from dataclasses import dataclass

import phonenumbers

from sessions.errors import InvalidRecipientError

_WHATSAPP_ID = re.compile(r"\d{5,32}(-\d{5,20})?@(c\.us|g\.us|lid)", re.ASCII)
_NUMBER = re.compile(r"\+?[\d\s().\-\u2010-\u2015]+", re.ASCII)
_DIRECTION_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Invisible marks that come along when a number is copied from right-to-left text."""
_MAX_LENGTH = 64


@dataclass(frozen=True)
class Recipient:
    """Whom a message goes to: the WhatsApp id that the page takes."""

    chat_id: str


def parse_recipient(text: str) -> Recipient:
    """Read a number with or without `+`, spaces or dashes, or a WhatsApp id.

    Raises InvalidRecipientError. A number is checked for a length that can exist in its country,
    not for a range in use: numbering plans grow faster than any list, and WhatsApp itself answers
    whether the number has an account.
    """
    text = _clean(text)
    if len(text) <= _MAX_LENGTH and _WHATSAPP_ID.fullmatch(text):
        return Recipient(chat_id=text)
    return Recipient(chat_id=f"{parse_phone_number(text).lstrip('+')}@c.us")


def parse_phone_number(text: str, region: str | None = None) -> str:
    """Return the number in E.164 with its `+`, or raise InvalidRecipientError.

    With a `region` (`IL`) a number with a leading zero is read as people there write it.
    """
    text = _clean(text)
    if len(text) > _MAX_LENGTH or not _NUMBER.fullmatch(text):
        raise InvalidRecipientError(
            "Not a phone number in international format (+972501234567) and not a WhatsApp id."
        )
    digits = re.sub(r"\D", "", text, flags=re.ASCII)
    local = region is not None and digits.startswith("0") and not digits.startswith("00")
    try:
        number = phonenumbers.parse(digits if local else f"+{digits}", region)
    except phonenumbers.NumberParseException as error:
        raise InvalidRecipientError(
            "No country code that exists: write the number in international format (+972501234567)."
        ) from error
    if not phonenumbers.is_possible_number(number):
        raise InvalidRecipientError("A phone number of this length cannot exist in its country.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _clean(text: str) -> str:
    return _DIRECTION_MARKS.sub("", text).strip()
