"""Numbers of one line that are written in two ways."""

import re

_FORMS = (
    (re.compile(r"\+55(\d{2})9?(\d{8})", re.ASCII), ("+55{}{}", "+55{}9{}")),
    (re.compile(r"\+521?(\d{10})", re.ASCII), ("+52{}", "+521{}")),
    (re.compile(r"\+549?(\d{10})", re.ASCII), ("+54{}", "+549{}")),
)
"""Brazil's ninth digit, Mexico's 1 and Argentina's 9: WhatsApp knows some lines by the other."""


def same_line(number: str) -> frozenset[str]:
    """Return the E.164 numbers that may be the same WhatsApp account, this one among them.

    Good for a comparison only: which of them WhatsApp knows, WhatsApp alone can tell.
    """
    for pattern, shapes in _FORMS:
        if found := pattern.fullmatch(number):
            return frozenset({number, *(shape.format(*found.groups()) for shape in shapes)})
    return frozenset({number})
