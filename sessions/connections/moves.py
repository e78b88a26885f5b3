"""Build every write of a connection's state from the table of legal moves."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from sessions.connections.states import ConnectionState, Reason, origins
from sessions.events.log import EventType
from sessions.outgoing_events.pending import adds

WITHOUT_PAIRING_CODE = {"$cond": [{"$gt": ["$pairing.code", None]}, "$$REMOVE", "$pairing"]}
"""The expression for a request for a pairing code without its code, which is a credential."""

WHOSE = {"owner": "$owner", "connectionId": "$connectionId"}
"""Facts of each event of a connection: it is told to this owner, even if the record is gone."""


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
    worker left them by legal moves. The event that tells of the move is added to the record, unless
    nothing changes that it would tell.
    """
    moves = {
        "$and": [{"$in": ["$state", [str(each) for each in {*origins(to), *unreported}]]}, where]
    }
    since: Any = "$$NOW" if anew else {"$cond": [{"$eq": ["$state", to]}, "$since", "$$NOW"]}
    changes = {"state": to, "reason": reason, "since": since, "until": until}
    if to is not ConnectionState.AWAITING_SCAN:
        changes |= {"qr": None, "pairing": WITHOUT_PAIRING_CODE}
    told = {"$and": [moves, _differs({"state": to, "reason": reason, "until": until})]}
    return {
        **{field: {"$cond": [moves, new, f"${field}"]} for field, new in changes.items()},
        **tells_state(to, reason, since, until, where=told),
    }


def tells_state(
    state: Any, reason: Any, since: Any, until: Any = None, *, where: Any = True
) -> dict[str, Any]:
    """Return the fields of a `$set` that add the event of a state; all are expressions."""
    facts = {**WHOSE, "state": state, "reason": reason, "since": since, "until": until}
    return adds(EventType.CONNECTION_STATE, facts, where=where)


def _differs(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the expression for records of which one of these fields changes."""
    return {
        "$or": [{"$ne": [{"$ifNull": [f"${field}", None]}, new]} for field, new in changes.items()]
    }
