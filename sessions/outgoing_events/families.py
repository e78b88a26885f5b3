"""What the relay has to know of documents with pending events: a family for each collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sessions.outgoing_events.pending import PendingEvent, event_id


@dataclass(frozen=True)
class OutgoingEvent:
    """An event as webhooks are told it.

    `connection` is our id of the connection it is about, if it is about one. `chats` are all ids
    that its chat is known by: events that share one are delivered in order, and the events of a
    person are found by them. `data` is JSON, and can hold texts.
    """

    id: str
    type: str
    at: datetime
    owner: str
    data: str = field(repr=False)
    order: str
    """Sorts events: by time, then by their document, then by number."""
    connection: str | None = None
    chats: tuple[str, ...] = ()


class Family(Protocol):
    """The documents of one collection, and how their entries are told.

    An event belongs to the `owner` among the facts of its entry, or else to that of the document.
    """

    @property
    def collection(self) -> str:
        """The name of the collection."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a document that `tell` reads."""

    def tell(self, document: Mapping[str, Any], entry: PendingEvent) -> OutgoingEvent | None:
        """Build the event of an entry; None if nobody needs to be told any more.

        Raises an error if that is not possible now, such as for a missing key: then the relay
        leaves the document's entries and comes back to them.
        """


def outgoing(
    document: Mapping[str, Any],
    entry: PendingEvent,
    *,
    owner: str,
    data: str,
    connection: str | None,
    chats: tuple[str, ...] = (),
) -> OutgoingEvent:
    """Return the event of an entry, with its id and its place in the order."""
    place = str(document["_id"])
    milliseconds = round(entry.at.timestamp() * 1000)
    return OutgoingEvent(
        id=event_id(place, entry.n),
        type=entry.type,
        at=entry.at,
        owner=owner,
        data=data,
        order=f"{milliseconds:015d}.{place}.{entry.n:09d}",
        connection=connection,
        chats=chats,
    )
