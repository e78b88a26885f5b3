"""E-mail addresses as accounts know them: two spellings of one address are one account."""

from __future__ import annotations

import unicodedata

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode's categories of characters that nobody sees, or that mean nothing yet."""


def normal_email(text: str) -> str:
    """Return an address in small letters, without blanks around it, in Unicode's form NFKC.

    Raises ValueError for one with characters that cannot be seen: two that look alike would be two
    accounts.
    """
    address = unicodedata.normalize("NFKC", text).strip().lower()
    if any(unicodedata.category(each) in _UNSEEN for each in address):
        raise ValueError("There are characters in it that cannot be seen.")
    return address
