"""A table of counters in memory that strangers cannot make grow without end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Lasting(Protocol):
    """An entry that stops to matter at a time."""

    over_at: float
    """Seconds, by the table's clock."""


Entry = TypeVar("Entry", bound=Lasting)
Who = tuple[str, ...]

_OWN = 20_000
_SHARED = 1024
_PURGE_EVERY = 1.0
"""Seconds: looking for what is over takes milliseconds."""


class BoundedTable(Generic[Entry]):
    """Finds the entry of a group and a name.

    While there are `own` entries that still matter, further names share `shared` entries in each
    group. Such a name may be refused for what another did, but nothing goes uncounted: whoever
    floods the table with names does not get rid of what was counted for them.
    """

    def __init__(
        self,
        make: Callable[[], Entry],
        clock: Callable[[], float] = time.monotonic,
        own: int = _OWN,
        shared: int = _SHARED,
    ) -> None:
        self._make = make
        self._clock = clock
        self._most = own
        self._shared_by = shared
        self._own: dict[tuple[str, Who], Entry] = {}
        self._shared: dict[tuple[str, int], Entry] = {}
        self._purge_at = 0.0

    def find(self, group: str, who: Who) -> tuple[Entry, bool]:
        """Return the entry of a name, and whether it is the name's own."""
        entry = self._own.get((group, who))
        if entry is not None:
            return entry, True
        if self._has_room():
            return self._own.setdefault((group, who), self._make()), True
        # Python's hash differs from process to process: nobody can aim at another's entry.
        place = (group, hash(who) % self._shared_by)
        return self._shared.setdefault(place, self._make()), False

    def forget(self, group: str, who: Who) -> None:
        """Remove a name's own entry; a shared one stays, for it counts others too."""
        self._own.pop((group, who), None)

    def __len__(self) -> int:
        return len(self._own) + len(self._shared)

    def _has_room(self) -> bool:
        now = self._clock()
        if len(self._own) >= self._most and now >= self._purge_at:
            self._purge_at = now + _PURGE_EVERY
            self._own = {key: each for key, each in self._own.items() if each.over_at > now}
        return len(self._own) < self._most
