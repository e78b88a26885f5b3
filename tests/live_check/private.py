"""What must never be in a report: numbers, texts, ids, codes."""

from __future__ import annotations

import re

_REMOVED = "[removed]"
_SHORTEST = 5


class Private:
    """Remembers what is somebody's, and takes it out of a text: the last look before it is written.

    The findings have no field for any of it, so this should find nothing.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()

    def add(self, *values: str | None) -> None:
        """Remember texts, ids and codes."""
        self._known.update(filter(None, values))

    def add_number(self, *numbers: str | None) -> None:
        """Remember phone numbers, however they are written."""
        for number in filter(None, numbers):
            digits = re.sub(r"\D", "", number)
            # Within its own country it is written without the country's code.
            self._known |= {number, digits, digits[-8:]}

    def taken_out_of(self, text: str) -> str:
        """Return the text without any of it."""
        for value in sorted(self._known, key=len, reverse=True):
            if len(value) >= _SHORTEST:
                text = text.replace(value, _REMOVED)
        return text
