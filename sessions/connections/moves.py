"""Every write of a connection's state is built here, from the table of legal moves."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from sessions.connections.states import ConnectionState, Reason, origins

WITHOUT_PAIRING_CODE = {"$cond": [{"$gt": ["$pairing.code", None]}, "$$REMOVE", "$pairing"]}
"""The expression for what is kept of a request for a pairing code: no code, which links a phone."""


def becomes(
    to: ConnectionState,
    reason: Reason | None,
    *,
    where: Any = True,
    until: datetime | None = None,
    anew: bool = True,
    unreported: AbstractSet[ConnectionState] = frozenset(),
) -> dict[str, Any]:
    """Return what moves a connection to a state, for the `$set` of a pipeline.

    A record that fulfils the expression `where` no more, or whose state does not lead there, keeps
    its state. `until` is when the state ends, where that is known. Without `anew` a record that is
    in the state already keeps the time since when it is. Codes go, except where they are shown.
    `unreported` are states that the record may still have because MongoDB was away: the owner has
    left them by legal moves.
    """
    moves = {
        "$and": [{"$in": ["$state", [str(each) for each in {*origins(to), *unreported}]]}, where]
    }
    since: Any = "$$NOW" if anew else {"$cond": [{"$eq": ["$state", to]}, "$since", "$$NOW"]}
    changes = {"state": to, "reason": reason, "since": since, "until": until}
    if to is not ConnectionState.AWAITING_SCAN:
        changes |= {"qr": None, "pairing": WITHOUT_PAIRING_CODE}
    return {field: {"$cond": [moves, new, f"${field}"]} for field, new in changes.items()}
