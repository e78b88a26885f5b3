"""What a connection receives is told to webhooks, with what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessions.common.clock import utc_now
from sessions.conversations.identity import MessageName
from sessions.conversations.inbox import Inbox
from sessions.conversations.model import (
    Details,
    MediaState,
    Place,
    ReceivedMedia,
    ReceivedType,
)
from sessions.conversations.received_files import ReceivedFiles
from sessions.conversations.seen import Edit, Response, Revocation, Sighting
from sessions.messages.model import MessageStatus
from sessions.messages.responses import Vote
from sessions.messages.sealed_texts import TextSealer
from tests.arrivals import FRIEND, after, arrival, ciphertext, new_name, reaction
from tests.builders import PLAIN, TO
from tests.integration.webhooks.kit import Kit
from tests.integration.webhooks.receiver import Receiver

if TYPE_CHECKING:
    from sessions.connections.leases import Lease

Event = dict[str, Any]


@pytest.fixture(params=["plain", "sealed"])
def texts(request: pytest.FixtureRequest, kit: Kit) -> TextSealer:
    return PLAIN if request.param == "plain" else TextSealer(kit.keys, on=True)


class _Told:
    """A connection that receives, and a webhook that is told of it."""

    def __init__(self, kit: Kit, receiver: Receiver, texts: TextSealer, lease: Lease) -> None:
        self._kit = kit.with_texts(texts)
        self._receiver = receiver
        self.lease = lease
        self._inbox = Inbox(kit.database, kit.stores.events, texts, utc_now)

    async def start(self) -> None:
        await self._kit.relay_all()
        self._webhook, self._secret = await self._kit.webhook(self._receiver.url)

    async def after(self, **seen: Any) -> list[Event]:
        """Record what was seen, and return what the receiver gets then."""
        await self._inbox.record(self.lease, Sighting(**seen))
        before = len(self._receiver.got)
        await self._kit.tell(self._webhook)
        return [each.verified(self._secret) for each in self._receiver.got[before:]]


@pytest.fixture
async def told(kit: Kit, receiver: Receiver, texts: TextSealer) -> _Told:
    _, lease = await kit.stores.leased()
    told = _Told(kit, receiver, texts, lease)
    await told.start()
    return told


async def test_a_message_is_told_once_with_its_text(told: _Told) -> None:
    came = arrival(from_number="+15551234567", sender_name="Friend")
    (event,) = await told.after(arrivals=(came,))
    assert event["type"] == "message.received"
    data = event["data"]
    assert (data["direction"], data["from"], data["text"]) == ("in", FRIEND, "Hello")
    assert (data["chatId"], data["fromNumber"], data["senderName"]) == (
        FRIEND,
        "+15551234567",
        "Friend",
    )
    assert data["timestamp"] == "2026-11-29T12:00:00.000Z"
    assert await told.after(arrivals=(came,)) == []


async def test_other_kinds_of_content(told: _Told) -> None:
    place = Place(latitude=32.1, longitude=34.8, name="Here")
    media = ReceivedMedia(mimetype="image/png", size=7, filename="a.png")
    located, pictured = await told.after(
        arrivals=(
            arrival(type=ReceivedType.LOCATION, text=None, details=Details(location=place)),
            arrival(type=ReceivedType.IMAGE, text="look", media=media, at=after(1)),
        )
    )
    assert located["data"]["location"] == {"latitude": 32.1, "longitude": 34.8, "name": "Here"}
    assert "text" not in located["data"]
    assert pictured["data"]["text"] == "look"
    assert pictured["data"]["media"] == {
        "state": "pending",
        "mimetype": "image/png",
        "size": 7,
        "filename": "a.png",
    }


@pytest.mark.parametrize("state", [MediaState.STORED, MediaState.EXPIRED])
async def test_what_becomes_of_a_file_is_told_once(
    kit: Kit, told: _Told, state: MediaState
) -> None:
    media = ReceivedMedia(mimetype="image/png", size=7, filename="a.png")
    await told.after(arrivals=(arrival(type=ReceivedType.IMAGE, text="look", media=media),))
    files = ReceivedFiles(kit.database, kit.stores.events)
    (message,) = await files.pending(told.lease, 9)
    for _ in range(2):
        if state is MediaState.STORED:
            await files.stored(told.lease, message, "0" * 26)
        else:
            await files.ended(told.lease, message, state)
    (event,) = await told.after()
    assert event["type"] == "message.media"
    data = event["data"]
    assert (data["messageId"], data["from"]) == (message.id, FRIEND)
    assert "text" not in data
    assert (data["media"]["state"], data["media"]["mimetype"]) == (state, "image/png")
    assert data["media"].get("mediaId") == ("0" * 26 if state is MediaState.STORED else None)


async def test_a_ciphertext_is_told_when_its_content_comes(told: _Told) -> None:
    name = new_name()
    assert await told.after(arrivals=(ciphertext(name),)) == []
    (event,) = await told.after(arrivals=(arrival(name, text="at last"),))
    assert (event["type"], event["data"]["text"]) == ("message.received", "at last")


async def test_what_happens_to_a_message_afterwards(told: _Told) -> None:
    name = new_name()
    await told.after(arrivals=(arrival(name),))
    (edited,) = await told.after(edits=(Edit(name, "Hello again", after(1)),))
    assert (edited["type"], edited["data"]["text"]) == ("message.edited", "Hello again")
    liked = Response(name, reaction("👍", 2))
    (reacted,) = await told.after(responses=(liked,))
    assert reacted["type"] == "message.reaction"
    assert (reacted["data"]["emoji"], reacted["data"]["from"]) == ("👍", FRIEND)
    (undone,) = await told.after(responses=(Response(name, reaction(None, 3)),))
    assert "emoji" not in undone["data"]
    (revoked,) = await told.after(revocations=(Revocation(name, after(4)),))
    assert revoked["type"] == "message.revoked"
    assert "text" not in revoked["data"]


async def test_edits_that_wait_tell_the_text_that_the_message_has_by_now(told: _Told) -> None:
    name = new_name()
    await told.after(arrivals=(arrival(name),))
    edits = tuple(Edit(name, f"edit {n}", after(n)) for n in (1, 2))
    events = await told.after(edits=edits)
    assert [each["data"]["text"] for each in events] == ["edit 2", "edit 2"]


async def test_many_long_edits_fit_while_nobody_relays(told: _Told, kit: Kit) -> None:
    name = new_name()
    await told.after(arrivals=(arrival(name),))
    edits = tuple(Edit(name, f"{n}" + "é" * 99_000, after(n)) for n in range(1, 101))
    events = await told.after(edits=edits)
    assert {each["data"]["text"][:3] for each in events} == {"100"}
    assert len(events) == 100


async def test_many_long_votes_fit_while_nobody_relays(told: _Told) -> None:
    name = new_name()
    await told.after(arrivals=(arrival(name),))
    votes = [
        Response(name, Vote(sender=FRIEND, options=(f"{n}", "é" * 99_000), at=after(n)))
        for n in range(1, 101)
    ]
    events = await told.after(responses=tuple(votes))
    numbers = [int(each["data"]["options"][0]) for each in events]
    assert numbers == list(range(numbers[0], 101))


async def test_what_is_stored_of_a_reaction_names_who_reacted(kit: Kit, told: _Told) -> None:
    member, name = "15557654321@c.us", new_name("120363000000000000@g.us", FRIEND)
    await told.after(arrivals=(arrival(name),))
    await told.after(responses=(Response(name, reaction("👍", 1, member)),))
    stored = kit.database["webhookDeliveries"].find({"chats": member})
    assert [each["type"] async for each in stored] == ["message.reaction"]


async def test_answers_to_what_we_have_sent(kit: Kit, told: _Told) -> None:
    connection = await kit.stores.connections.find("admin", "main")
    message = await kit.stores.message(connection)
    await kit.database["messages"].update_one(
        {"_id": message.id},
        {"$set": {"bareId": "3EB0AA", "status": MessageStatus.SENT, "chatId": TO}},
    )
    await told.after()
    name = MessageName(from_me=True, chat_id=TO, bare_id="3EB0AA")
    vote = Vote(sender=TO, options=("Yes",), at=after(1))
    (voted,) = await told.after(responses=(Response(name, vote),))
    assert (voted["type"], voted["data"]["options"]) == ("poll.vote", ["Yes"])
    assert voted["data"]["messageId"] == message.id
