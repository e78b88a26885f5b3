"""Phone numbers that can be written in two ways."""

import re

_FORMS = (
    (re.compile(r"\+55(\d{2})9?(\d{8})", re.ASCII), ("+55{}{}", "+55{}9{}")),
    (re.compile(r"\+521?(\d{10})", re.ASCII), ("+52{}", "+521{}")),
    (re.compile(r"\+549?(\d{10})", re.ASCII), ("+54{}", "+549{}")),
)
"""Brazil's ninth digit, Mexico's 1 and Argentina's 9: WhatsApp may use the other form."""


def same_line(number: str) -> frozenset[str]:
    """Return all E.164 numbers that may be the same WhatsApp account, including this one.

    Use them only to compare: only WhatsApp knows which of them it uses.
    """
    for pattern, shapes in _FORMS:
        if found := pattern.fullmatch(number):
            return frozenset({number, *(shape.format(*found.groups()) for shape in shapes)})
    return frozenset({number})
