"""Build every write of a connection's state from the table of legal moves."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from sessions.connections.states import ConnectionState, Reason, origins

WITHOUT_PAIRING_CODE = {"$cond": [{"$gt": ["$pairing.code", None]}, "$$REMOVE", "$pairing"]}
"""The expression for a request for a pairing code without its code, which is a credential."""


def becomes(
    to: ConnectionState,
    reason: Reason | None,
    *,
    where: Any = True,
    until: datetime | None = None,
    anew: bool = True,
    unreported: AbstractSet[ConnectionState] = frozenset(),
) -> dict[str, Any]:
    """Return the `$set` of a pipeline that moves a connection to a state.

    A record keeps its state if the move is illegal or the expression `where` is false. `until` is
    when the state ends, if that is known. Without `anew`, a record that is in the state already
    keeps its `since`. QR and pairing codes are removed, except on the move to AWAITING_SCAN.
    `unreported` are states that the record may still have because MongoDB was away while the
    worker left them by legal moves.
    """
    moves = {
        "$and": [{"$in": ["$state", [str(each) for each in {*origins(to), *unreported}]]}, where]
    }
    since: Any = "$$NOW" if anew else {"$cond": [{"$eq": ["$state", to]}, "$since", "$$NOW"]}
    changes = {"state": to, "reason": reason, "since": since, "until": until}
    if to is not ConnectionState.AWAITING_SCAN:
        changes |= {"qr": None, "pairing": WITHOUT_PAIRING_CODE}
    return {field: {"$cond": [moves, new, f"${field}"]} for field, new in changes.items()}
