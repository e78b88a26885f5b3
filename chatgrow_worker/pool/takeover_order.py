"""The order in which free connections are taken: fairly among owners."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sessions.connections.leases import FreeConnection


def in_turn(
    free: Sequence[FreeConnection], running: Mapping[str, int], waiting: Mapping[str, int]
) -> list[str]:
    """Return the ids of free connections, in the order in which to take them.

    The owner with the fewest running connections comes first, with the connection that has the
    longest queue. That connection is then counted as running, and so on. `running` is by owner,
    `waiting` by connection.
    """
    counts, places = Counter(running), []
    for each in sorted(free, key=lambda each: -waiting.get(each.id, 0)):
        places.append((counts[each.owner], each.id))
        counts[each.owner] += 1
    return [connection for _, connection in sorted(places, key=lambda place: place[0])]
