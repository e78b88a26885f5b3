"""The events of connections: states, QR codes, and deletions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sessions.common.json_values import WrittenTimestamp
from sessions.connections.model import Connection
from sessions.connections.states import (
    Actor,
    Command,
    ConnectionState,
    Reason,
    acts_next,
    allowed_commands,
)
from sessions.events.log import Event, EventData, EventLog, EventType
from sessions.outgoing_events.families import OutgoingEvent, outgoing
from sessions.outgoing_events.pending import PendingEvent

if TYPE_CHECKING:
    from sessions.connections.model import QrCode


class ConnectionStateData(EventData):
    """A connection's state, since when it has it, and the connection's owner."""

    connection_id: str
    owner: str
    state: str
    reason: str | None = None
    since: WrittenTimestamp
    until: WrittenTimestamp | None = None
    phone_number: str | None = None
    acts_next: Actor
    allowed_commands: list[Command]


class ConnectionDeletedData(EventData):
    """A connection that was deleted: its id can be used again."""

    connection_id: str
    owner: str


class ConnectionQrData(EventData):
    """The QR code on show: a credential until it expires."""

    connection_id: str
    code: str
    expires_at: WrittenTimestamp


def state_event(record: Mapping[str, Any]) -> Event:
    """Return the event for the state that was just written to a connection's document."""
    connection = Connection.model_validate(record)
    state, reason = connection.state, connection.reason
    linked = connection.linked_number is not None
    data = ConnectionStateData(
        connection_id=connection.connection_id,
        owner=connection.owner,
        state=state,
        reason=reason,
        since=connection.since,
        until=connection.until,
        phone_number=connection.linked_number or connection.phone_number,
        acts_next=acts_next(state, reason, timedelta(0)),
        allowed_commands=allowed_commands(state, linked=linked),
    )
    return Event(EventType.CONNECTION_STATE, connection.owner, connection.id, data.to_json())


def observed_event(connection: Connection) -> Event:
    """Return the event for a connection's state as it is now, with worker_lost taken in."""
    state, reason = connection.observed()
    data = ConnectionStateData(
        connection_id=connection.connection_id,
        owner=connection.owner,
        state=state,
        reason=reason,
        since=connection.observed_since(),
        until=connection.observed_until(),
        phone_number=connection.linked_number or connection.phone_number,
        acts_next=connection.acts_next(),
        allowed_commands=connection.allowed_commands(),
    )
    return Event(EventType.CONNECTION_STATE, connection.owner, connection.id, data.to_json())


def deleted_event(connection: Connection) -> Event:
    """Return the event for a deleted connection."""
    data = ConnectionDeletedData(connection_id=connection.connection_id, owner=connection.owner)
    return Event(EventType.CONNECTION_DELETED, connection.owner, connection.id, data.to_json())


def qr_event(owner: str, connection: str, connection_id: str, qr: QrCode) -> Event:
    """Return the event for the QR code that a connection shows."""
    data = ConnectionQrData(connection_id=connection_id, code=qr.code, expires_at=qr.expires_at)
    return Event(EventType.CONNECTION_QR, owner, connection, data.to_json())


class ConnectionEvents:
    """How the entries of connections are told to webhooks."""

    collection = "connections"
    fields = ("linkedNumber", "phoneNumber", "qr")

    def tell(self, document: Mapping[str, Any], entry: PendingEvent) -> OutgoingEvent | None:
        """Build the event of a state, a QR code or a deletion; raise ValueError for another.

        A QR code that is no longer shown is not told.
        """
        data = _told(document, entry)
        if data is None:
            return None
        return outgoing(
            document,
            entry,
            owner=entry.facts["owner"],
            data=data.to_json(),
            connection=document["_id"],
        )


class RemovedConnectionEvents(ConnectionEvents):
    """How the entries are told that were left when a connection's record was removed."""

    collection = "removedConnections"


def _told(document: Mapping[str, Any], entry: PendingEvent) -> EventData | None:
    facts, connection_id = entry.facts, entry.facts["connectionId"]
    match EventType(entry.type):
        case EventType.CONNECTION_STATE:
            return _told_state(document, facts)
        case EventType.CONNECTION_QR:
            qr = document.get("qr")
            if not qr or qr["expiresAt"] != facts["expiresAt"]:
                return None
            return ConnectionQrData(
                connection_id=connection_id, code=qr["code"], expires_at=qr["expiresAt"]
            )
        case EventType.CONNECTION_DELETED:
            return ConnectionDeletedData(connection_id=connection_id, owner=facts["owner"])
    raise ValueError(f"a connection has no events of the type {entry.type!r}")


def _told_state(document: Mapping[str, Any], facts: Mapping[str, Any]) -> ConnectionStateData:
    state, because = ConnectionState(facts["state"]), facts.get("reason")
    reason, number = Reason(because) if because else None, document.get("linkedNumber")
    return ConnectionStateData(
        connection_id=facts["connectionId"],
        owner=facts["owner"],
        state=state,
        reason=reason,
        since=facts["since"],
        until=facts.get("until"),
        phone_number=number or document.get("phoneNumber"),
        acts_next=acts_next(state, reason, timedelta(0)),
        allowed_commands=allowed_commands(state, linked=number is not None),
    )


def publish_state(log: EventLog, record: Mapping[str, Any]) -> None:
    """Publish a connection's state, unless the connection is deleted and so has no owner."""
    if record.get("deletedAt") is None:
        log.publish(state_event(record))
