"""Parse the recipient of a message: a phone number as people write it, or a WhatsApp id.

Numbers are not rewritten by national rules. WhatsApp answers which account belongs to a number; in
Brazil, Mexico and Argentina its digits may differ.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import phonenumbers

from sessions.common.errors import InvalidRecipientError

_WHATSAPP_ID = re.compile(r"\d{5,32}(-\d{5,20})?@(c\.us|g\.us|lid)", re.ASCII)
_NUMBER = re.compile(r"\(?\+?[\d\s()./\-\u2010-\u2015\u2212]+", re.ASCII)
_INTERNATIONAL_PREFIX = "00"
_FEWEST_DIGITS, _MOST_DIGITS = 7, 15
"""Digits of a number with its country code (ITU E.164; no country uses fewer)."""
_MAX_LENGTH = 64
_TAIL = 8
_NUMBERED = "c.us"
"""The server of the ids that are made of numbers."""


@dataclass(frozen=True)
class Recipient:
    """The recipient of a message, by the WhatsApp id that the page accepts."""

    chat_id: str


def parse_recipient(text: str) -> Recipient:
    """Parse a number with or without `+` or `00`, or a WhatsApp id.

    Raises InvalidRecipientError for a country code that does not exist or an impossible number of
    digits. Whether the number is in use is for WhatsApp to decide.
    """
    text = plain(text)
    if len(text) <= _MAX_LENGTH and _WHATSAPP_ID.fullmatch(text):
        return Recipient(chat_id=text)
    return Recipient(chat_id=account_of(parse_phone_number(text)))


def expect_text(value: object) -> object:
    """Refuse a JSON number, since JSON drops leading zeros and spreadsheets round long numbers."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(  # noqa: TRY004  what pydantic tells the sender
            'Send the number as text, in quotes: "+972501234567".'
        )
    return value


def account_of(number: str) -> str:
    """Return the WhatsApp id that is made of a number in E.164, with or without its `+`."""
    return f"{number.removeprefix('+')}@{_NUMBERED}"


def number_of(account: str | None) -> str | None:
    """Return the number in E.164 that a WhatsApp id is made of; None for other ids."""
    user, _, server = (account or "").partition("@")
    return f"+{user}" if server == _NUMBERED and user.isdigit() else None


def parse_phone_number(text: str, region: str | None = None) -> str:
    """Return the number in E.164 with its `+`, or raise InvalidRecipientError.

    With a `region` (`IL`), a number with a leading zero is read as a national number.
    """
    text = plain(text)
    if len(text) > _MAX_LENGTH or not _NUMBER.fullmatch(text):
        raise InvalidRecipientError(
            "Not a phone number in international format (+972501234567) and not a WhatsApp id "
            "(…@c.us, …@g.us, …@lid)."
        )
    digits = re.sub(r"\D", "", text)
    if "+" not in text:
        digits = digits.removeprefix(_INTERNATIONAL_PREFIX)
    if region is not None and digits.startswith("0"):
        return _e164(_local(digits, region))
    if not _FEWEST_DIGITS <= len(digits) <= _MOST_DIGITS:
        raise InvalidRecipientError(
            f"A phone number with its country code has {_FEWEST_DIGITS} to {_MOST_DIGITS} digits."
        )
    return f"+{_without_trunk_zero(digits)}"


def _local(digits: str, region: str) -> phonenumbers.PhoneNumber:
    number = _parsed(digits, region)
    if not phonenumbers.is_possible_number(number):
        raise InvalidRecipientError("A phone number of this length cannot exist in this country.")
    return number


def number_tail(chat_id: str) -> str | None:
    """Return the last digits, which all spellings of one account's number share.

    Spellings in Brazil, Mexico and Argentina differ only before these. None for other ids.
    """
    number, _, server = chat_id.partition("@")
    return number[-_TAIL:] if server == _NUMBERED else None


def _without_trunk_zero(digits: str) -> str:
    """Drop the zero that is dialled only within a country, as in +44 (0)20."""
    number = _parsed(f"+{digits}", None)
    code, e164 = str(number.country_code), _e164(number).lstrip("+")
    written_inside = f"{code}0{e164.removeprefix(code)}"
    return e164 if digits == written_inside else digits


def _parsed(text: str, region: str | None) -> phonenumbers.PhoneNumber:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        raise InvalidRecipientError(
            "No country code that exists: write the number in international format (+972501234567)."
        ) from error


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def plain(text: str) -> str:
    """Return the text with plain digits and spaces, and without invisible characters.

    NFKC turns full-width characters and no-break spaces into plain ones. Format characters
    (Unicode category Cf) get into a text when a number is copied.
    """
    plain = unicodedata.normalize("NFKC", text)
    visible = (each for each in plain if unicodedata.category(each) != "Cf")
    return "".join(_plain_digit(each) for each in visible).strip()


def _plain_digit(character: str) -> str:
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)
