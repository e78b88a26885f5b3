"""Mask what no log line may show: phone numbers, passwords in URLs, keys and codes."""

from __future__ import annotations

import re

_KEPT_DIGITS = 3
_SHORTEST, _LONGEST = 7, 15
"""Digits of a phone number without separators; E.164 allows at most 15."""
_SHORTEST_SPACED = 9
_HIDDEN = "***"

_SECRETS = (
    # A user and password in a URL; a password may contain `/`, a port never does.
    (
        re.compile(
            r"(://)(?:[^\s:/\"'<>]{0,300}:(?!\d{1,5}/)[^\s\"'<>]{0,300}|[^\s/?#\"'<>]{0,300})@"
        ),
        rf"\1{_HIDDEN}@",
    ),
    (re.compile(r"(?i)\b(bearer)\s+[\w.~+/=-]{8,}"), rf"\1 {_HIDDEN}"),
    (
        re.compile(
            r"(?i)(?<![a-z])(x-api-key|api_?key|password|secret|access_?token|refresh_?token|token)"
            r"([\"']?\s*[:=]\s*[\"']?)[^\s\"',;&)]+"
        ),
        rf"\1\2{_HIDDEN}",
    ),
    (re.compile(r"\bcgw_[\w-]{8,}"), f"cgw_{_HIDDEN}"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), _HIDDEN),
    # The text of a QR code: a reference and three keys.
    (re.compile(r"(?<![\w@])\d@[\w+/=-]{8,}(?:,[\w+/=-]+)*"), _HIDDEN),
)

_CHAT = r"(?<!\d)\d{5,32}(?:-\d{5,20})?(?=(?::\d+)?@(?:c\.us|g\.us|lid|s\.whatsapp\.net))"
_SAFE = (
    r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",  # UUID
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?",
    r"\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)",  # IPv4
    r"\d+(?:\.\d+)?\s?(?:bytes?|[kKMG]i?B|ms|µs|us|ns|s|seconds?|%)(?![A-Za-z0-9])",
    r"\d+\.\d+(?![\d.])",
    r"(?:pid|process|browser|port|line)[ =:]\d+",
    r"\\[nrt]",  # else the letter of an escaped line end would seem to belong to the number
    # ULIDs, digests and names: letters among the digits, as in `host-1234567`.
    r"(?=\d*[A-Za-z])[A-Za-z0-9]++(?:-\d{1,8}(?!\d))?",
)
_NUMBER = r"\+?\(?\d(?:[\d().\u00a0 \u2010-\u2015-]*\d)?"
_RUN = re.compile(rf"(?<!\d)\d{{{_SHORTEST},{_LONGEST}}}(?!\d)")
_CANDIDATE = re.compile(
    rf"(?P<chat>{_CHAT})|(?P<encoded>%2B\d+)|(?P<safe>{'|'.join(_SAFE)})|(?P<number>{_NUMBER})"
)


_SUSPECT = re.compile(r"(?i)[\d@:=]|bearer|cgw_|eyj")
"""A quick check: no pattern here matches a text without any of these, as most texts are."""


def mask(text: str) -> str:
    """Return the text with secrets hidden, and of phone numbers only the last digits."""
    if not _SUSPECT.search(text) or _is_plain_id(text):
        return text
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return _CANDIDATE.sub(_masked, text)


def _is_plain_id(text: str) -> bool:
    """Tell whether a text is one word of letters and digits, like our own ids."""
    return text.isascii() and text.isalnum() and not text.isdigit()


def _masked(match: re.Match[str]) -> str:
    found = match[0]
    if match["safe"]:
        return found
    if match["number"] and not _is_phone_number(found):
        # It is no phone number as a whole, but may contain one beside other digits.
        return _RUN.sub(lambda run: _cut(run[0]), found)
    return _cut(found.removeprefix("%2B"))


def _cut(text: str) -> str:
    return _HIDDEN + re.sub(r"\D", "", text)[-_KEPT_DIGITS:]


def _is_phone_number(text: str) -> bool:
    """Tell whether digits look like a phone number: with `+`, in one run, or in usual groups."""
    digits = sum(character.isdigit() for character in text)
    if text.startswith("+"):
        return digits >= _SHORTEST
    if text.isdigit():
        return _SHORTEST <= digits <= _LONGEST
    # Versions of browsers have groups of one digit; of a phone number only the first may be so.
    groups = [group for group in re.split(r"\D+", text) if group]
    rest = groups if "." in text else groups[1:]
    return _SHORTEST_SPACED <= digits <= _LONGEST and all(len(group) > 1 for group in rest)
