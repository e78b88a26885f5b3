"""A table of counters in memory whose size is bounded, whatever strangers send."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Expiring(Protocol):
    """An entry that expires."""

    over_at: float
    """When it expires, in seconds by the table's clock."""


Entry = TypeVar("Entry", bound=Expiring)
Who = tuple[str, ...]

_OWN = 20_000
_SHARED = 1024
_PURGE_EVERY = 1.0
"""Seconds; removing expired entries takes milliseconds."""


class BoundedTable(Generic[Entry]):
    """Find the entry of a name in a group.

    When the table holds `own` entries that have not expired, further names share `shared` entries
    in each group. A name with a shared entry may be refused for what others did, but everything is
    counted: flooding the table with names does not remove anybody's counts.
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
        """Return the entry of a name, and whether the name has it for itself."""
        entry = self._own.get((group, who))
        if entry is not None:
            return entry, True
        if self._has_room():
            return self._own.setdefault((group, who), self._make()), True
        # Python's hash is random for each process: nobody can aim at another name's entry.
        place = (group, hash(who) % self._shared_by)
        return self._shared.setdefault(place, self._make()), False

    def forget(self, group: str, who: Who) -> None:
        """Remove a name's own entry; a shared one stays, since it counts others, too."""
        self._own.pop((group, who), None)

    def __len__(self) -> int:
        return len(self._own) + len(self._shared)

    def _has_room(self) -> bool:
        now = self._clock()
        if len(self._own) >= self._most and now >= self._purge_at:
            self._purge_at = now + _PURGE_EVERY
            self._own = {key: each for key, each in self._own.items() if each.over_at > now}
        return len(self._own) < self._most
