"""The events of connections: states, QR codes, and deletions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sessions.common.json_values import WrittenTimestamp
from sessions.events.log import Event, EventData, EventLog, EventType

if TYPE_CHECKING:
    from sessions.connections.model import Connection, QrCode


class ConnectionStateData(EventData):
    """A connection's state, since when, and whose it is."""

    connection_id: str
    owner: str
    state: str
    reason: str | None = None
    since: WrittenTimestamp
    until: WrittenTimestamp | None = None
    phone_number: str | None = None


class ConnectionDeletedData(EventData):
    """A connection that its owner has deleted: its id is free from now on."""

    connection_id: str
    owner: str


class ConnectionQrData(EventData):
    """The QR code on show: a credential until it expires."""

    connection_id: str
    code: str
    expires_at: WrittenTimestamp


def state_event(record: Mapping[str, Any]) -> Event:
    """Tell the state that a connection's document in MongoDB holds."""
    data = ConnectionStateData(
        connection_id=record["connectionId"],
        owner=record["owner"],
        state=record["state"],
        reason=record.get("reason"),
        since=record["since"],
        until=record.get("until"),
        phone_number=record.get("linkedNumber") or record.get("phoneNumber"),
    )
    return Event(EventType.CONNECTION_STATE, record["owner"], record["_id"], data.to_json())


def observed_event(connection: Connection) -> Event:
    """Tell the state of a connection as it is true now."""
    state, reason = connection.observed()
    data = ConnectionStateData(
        connection_id=connection.connection_id,
        owner=connection.owner,
        state=state,
        reason=reason,
        since=connection.observed_since(),
        until=connection.observed_until(),
        phone_number=connection.linked_number or connection.phone_number,
    )
    return Event(EventType.CONNECTION_STATE, connection.owner, connection.id, data.to_json())


def deleted_event(connection: Connection) -> Event:
    """Tell that a connection is gone for its owner."""
    data = ConnectionDeletedData(connection_id=connection.connection_id, owner=connection.owner)
    return Event(EventType.CONNECTION_DELETED, connection.owner, connection.id, data.to_json())


def qr_event(owner: str, connection: str, connection_id: str, qr: QrCode) -> Event:
    """Tell the QR code that a connection shows."""
    data = ConnectionQrData(connection_id=connection_id, code=qr.code, expires_at=qr.expires_at)
    return Event(EventType.CONNECTION_QR, owner, connection, data.to_json())


def publish_state(log: EventLog, record: Mapping[str, Any]) -> None:
    """Publish a connection's state, unless the connection is deleted: nobody owns it any more."""
    if record.get("deletedAt") is None:
        log.publish(state_event(record))
