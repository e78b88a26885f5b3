"""In which order free connections are taken: owners in turn, so that none starves the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sessions.connections.leases import FreeConnection


def in_turn(
    free: Sequence[FreeConnection], running: Mapping[str, int], waiting: Mapping[str, int]
) -> list[str]:
    """Return the ids of free connections, in the order in which they are to be taken.

    First comes the owner with the fewest connections that run, with their longest queue; then
    again the one who has the fewest with this one counted, and so on. `running` counts by owner,
    `waiting` by connection.
    """
    counts, places = Counter(running), []
    for each in sorted(free, key=lambda each: -waiting.get(each.id, 0)):
        places.append((counts[each.owner], each.id))
        counts[each.owner] += 1
    return [connection for _, connection in sorted(places, key=lambda place: place[0])]
