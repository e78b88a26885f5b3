"""Normalize e-mail addresses: two spellings of one address are one account."""

from __future__ import annotations

import unicodedata

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode's categories of characters that are invisible or not assigned."""


def normal_email(text: str) -> str:
    """Return an address in lower case and Unicode's form NFKC, without spaces around it.

    Raises ValueError if it has invisible characters: two accounts could look the same.
    """
    address = unicodedata.normalize("NFKC", text).strip().lower()
    if any(unicodedata.category(each) in _UNSEEN for each in address):
        raise ValueError("It contains invisible characters.")
    return address
