"""The worker's side of received messages: record what a page shows, each thing once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from sessions.common.errors import LeaseLostError
from sessions.common.ids import new_id
from sessions.conversations.changes import MARK, Change, Changes
from sessions.conversations.documents import Documents, Home
from sessions.conversations.events import received_event, response_event
from sessions.conversations.identity import MessageName
from sessions.conversations.model import COLLECTION, ReceivedMessage, ReceivedType
from sessions.conversations.namesakes import Namesakes
from sessions.conversations.people import JoinedChats
from sessions.conversations.seen import Arrival, Edit, Response, Sighting
from sessions.conversations.stored import Stored, StoredMessages
from sessions.conversations.writing import insert_new, write_changes
from sessions.events.log import Event, EventLog, EventType
from sessions.messages.model import Message
from sessions.messages.sealed_texts import TextSealer
from sessions.outgoing_events import pending

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.storage.mongo import Collection, Database

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Recorded:
    """What was new: messages, and messages whose content has come now."""

    new: tuple[ReceivedMessage, ...] = ()
    changed: tuple[ReceivedMessage, ...] = ()


class Inbox:
    """Record received messages, and what happens to them, as the holder of a lease.

    Each message is stored once, by a unique index. Every change is made only if it is newer than
    what is stored, so recording the same things again, in any order, changes nothing.
    """

    def __init__(
        self,
        database: Database,
        events: EventLog,
        texts: TextSealer,
        now: Callable[[], datetime],
    ) -> None:
        self._received: Collection = database[COLLECTION]
        self._sent: Collection = database["messages"]
        self._connections: Collection = database["connections"]
        self._events = events
        self._documents = Documents(texts)
        self._chats = JoinedChats(database)
        self._now = now

    async def record(self, lease: Lease, sighting: Sighting) -> Recorded:
        """Record what a page has shown; raise LeaseLostError if the lease is not the newest."""
        if not sighting:
            return Recorded()
        home = await self._home(lease)
        if home is None:
            return Recorded()
        new, known = await self._insert(home, sighting.arrivals)
        stored = StoredMessages(self._received, lease)
        namesakes = Namesakes(await stored.of(_keys(sighting, known)))
        named = [namesakes.arrival(each) for each in known]
        others, known_others = await self._insert(home, [each for each in named if each.name.apart])
        new += others
        known = [each for each in named if not each.name.apart] + known_others
        await self._chats.join(home.connection, new)
        self._events.publish(*(_told(each) for each in new if _is_told(each)))
        changed = await self._change(lease, namesakes.changes(sighting), known, stored)
        return Recorded(tuple(new), changed)

    async def waiting(self, lease: Lease, limit: int) -> list[ReceivedMessage]:
        """Return the newest messages whose content has not come yet."""
        cursor = self._received.find(
            {"connection": lease.connection, "type": ReceivedType.CIPHERTEXT},
            sort=[("recordedAt", -1)],
            limit=limit,
        )
        return [ReceivedMessage.model_validate(each) async for each in cursor]

    async def tell_of_waiting(self, lease: Lease, since: datetime) -> None:
        """Tell of messages that were recorded by then and whose content has not come."""
        if await self._home(lease) is None:
            return
        mark = {MARK: new_id()}
        late = {
            "connection": lease.connection,
            "type": ReceivedType.CIPHERTEXT,
            "recordedAt": {"$lte": since},
            pending.COUNT: None,
        }
        told = pending.adds(EventType.MESSAGE_RECEIVED)
        result = await self._received.update_many(late, [{"$set": told | mark}])
        if result.modified_count:
            changed = await self._marked(self._received, lease, mark)
            self._events.publish(*(_told(ReceivedMessage.model_validate(each)) for each in changed))

    async def _home(self, lease: Lease) -> Home | None:
        """Return whose messages these are, or None if the connection is being deleted.

        Raises LeaseLostError if the lease is not the newest of the connection.
        """
        fields = {"owner": True, "connectionId": True, "deletedAt": True}
        found = await self._connections.find_one(lease.fence(), fields)
        if found is None:
            raise LeaseLostError("The connection is no longer this owner's to record for.")
        if found.get("deletedAt") is not None:
            return None
        return Home(lease.connection, found["connectionId"], found["owner"], lease.generation)

    async def _insert(
        self, home: Home, arrivals: Sequence[Arrival]
    ) -> tuple[list[ReceivedMessage], list[Arrival]]:
        """Store messages; return them, and those that were stored before."""
        firsts: dict[str, Arrival] = {}
        for each in arrivals:
            firsts.setdefault(each.name.unique, each)
        again = [each for each in arrivals if firsts[each.name.unique] is not each]
        answered = await self._answered(home, firsts.values())
        now = self._now()
        # WhatsApp's times have whole seconds: within one, our ids tell which message came first.
        ids = sorted(new_id() for _ in firsts)
        documents = [
            self._documents.of(home, our_id, each, now, answered)
            for our_id, each in zip(ids, firsts.values(), strict=True)
        ]
        inserted = await insert_new(self._received, documents)
        new = [
            ReceivedMessage.model_validate(each)
            for place, each in enumerate(documents)
            if place not in inserted.not_new
        ]
        return new, [each for n, each in enumerate(firsts.values()) if n in inserted.known] + again

    async def _answered(self, home: Home, arrivals: Iterable[Arrival]) -> Mapping[str, str]:
        """Return our ids of the messages that these answer, by their bare ids."""
        quoted = {each.quoted_id for each in arrivals if each.quoted_id is not None}
        if not quoted:
            return {}
        named = {"connection": home.connection, "bareId": {"$in": sorted(quoted)}}
        found = {}
        for collection in (self._received, self._sent):
            async for each in collection.find(named, {"bareId": True}):
                found[each["bareId"]] = str(each["_id"])
        return found

    async def _change(
        self, lease: Lease, sighting: Sighting, known: Sequence[Arrival], stored: StoredMessages
    ) -> tuple[ReceivedMessage, ...]:
        """Make all changes with one write for each collection, and publish them."""
        mark = {MARK: new_id()}
        changes = Changes(lease, mark)
        updates = await self._updates(changes, sighting, known, stored)
        changed: tuple[ReceivedMessage, ...] = ()
        if await write_changes(self._received, updates):
            documents = await self._marked(self._received, lease, mark)
            changed = tuple(ReceivedMessage.model_validate(each) for each in documents)
            self._publish_changes(changed, sighting, known)
        await self._change_sent(lease, changes, mark, sighting.responses)
        return changed

    async def _updates(
        self,
        changes: Changes,
        sighting: Sighting,
        known: Sequence[Arrival],
        messages: StoredMessages,
    ) -> list[Change]:
        # A name that somebody else's message has was exchanged for another one meanwhile.
        stored = await messages.of(each.unique for each in _changed(sighting, known))
        return [
            *chain.from_iterable(
                self._catch_up(changes, each, stored[each.name.unique])
                for each in known
                if each.name.unique in stored
            ),
            *(
                self._edit(changes, each, stored[each.target.unique].id)
                for each in sighting.edits
                if each.target.unique in stored
            ),
            *(changes.revocation(each.target, each.at) for each in sighting.revocations),
            *(
                changes.response(each.target, each.response)
                for each in sighting.responses
                if not each.target.from_me
            ),
        ]

    def _catch_up(self, changes: Changes, seen: Arrival, stored: Stored) -> Iterable[Change]:
        """Yield the changes after which a stored message is as it was seen now."""
        empty = (ReceivedType.CIPHERTEXT, ReceivedType.REVOKED)
        if stored.type is ReceivedType.CIPHERTEXT and seen.type not in empty:
            yield changes.content(seen.name, self._documents.content_of(stored.id, seen))
        edited = seen.edited_at is not None and seen.edited_at > (stored.edited_at or _NEVER)
        if edited and seen.edited_at is not None and seen.text is not None:
            yield self._edit(changes, Edit(seen.name, seen.text, seen.edited_at), stored.id)
        if seen.revoked_at is not None and stored.revoked_at is None:
            yield changes.revocation(seen.name, seen.revoked_at)

    def _edit(self, changes: Changes, edit: Edit, our_id: str) -> Change:
        return changes.edit(edit.target, self._documents.text_field(our_id, edit.text), edit.at)

    async def _change_sent(
        self,
        lease: Lease,
        changes: Changes,
        mark: dict[str, Any],
        responses: Sequence[Response],
    ) -> None:
        """Record responses to messages that we have sent, and publish them."""
        ours = [each for each in responses if each.target.from_me]
        updates = [changes.response(each.target, each.response) for each in ours]
        if not await write_changes(self._sent, updates):
            return
        documents = await self._marked(self._sent, lease, mark)
        changed = {each["bareId"]: Message.model_validate(each) for each in documents}
        self._events.publish(
            *(
                response_event(changed[each.target.bare_id], each.response)
                for each in ours
                if each.target.bare_id in changed
            )
        )

    async def _marked(
        self, collection: Collection, lease: Lease, mark: dict[str, Any]
    ) -> list[dict[str, Any]]:
        return [each async for each in collection.find({"connection": lease.connection, **mark})]

    def _publish_changes(
        self, changed: Sequence[ReceivedMessage], sighting: Sighting, known: Sequence[Arrival]
    ) -> None:
        now = {each.key: each for each in changed}
        told = (
            (EventType.MESSAGE_RECEIVED, (each.name for each in known if not each.edited_at)),
            (EventType.MESSAGE_EDITED, (each.name for each in known if each.edited_at)),
            (EventType.MESSAGE_EDITED, (each.target for each in sighting.edits)),
            (EventType.MESSAGE_REVOKED, (each.target for each in sighting.revocations)),
        )
        for kind, names in told:
            found = (now[name.unique] for name in names if name.unique in now)
            self._events.publish(*(received_event(kind, each) for each in found))
        for each in sighting.responses:
            if not each.target.from_me and each.target.unique in now:
                message = now[each.target.unique]
                self._events.publish(response_event(message, each.response))


def _changed(sighting: Sighting, known: Sequence[Arrival]) -> Iterator[MessageName]:
    """Yield the names of messages whose content may have changed."""
    yield from (each.name for each in known)
    yield from (each.target for each in sighting.edits)


def _keys(sighting: Sighting, known: Sequence[Arrival]) -> Iterator[str]:
    """Yield the keys of messages of which it matters what is stored, or who has sent it."""
    yield from (each.unique for each in _changed(sighting, known))
    others = (
        *(each.target for each in sighting.revocations),
        *(each.target for each in sighting.responses),
    )
    yield from (each.unique for each in others if each.in_private)


def _is_told(message: ReceivedMessage) -> bool:
    return message.type is not ReceivedType.CIPHERTEXT


def _told(message: ReceivedMessage) -> Event:
    return received_event(EventType.MESSAGE_RECEIVED, message)
