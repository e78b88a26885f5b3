"""What a page shows is recorded once, whoever sees it and however often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from control_api.schemas.conversations import ReceivedView
from sessions.common.clock import utc_now
from sessions.common.errors import LeaseLostError
from sessions.connections.leases import Lease
from sessions.conversations.documents import Content, Documents
from sessions.conversations.identity import parse_key
from sessions.conversations.inbox import Inbox
from sessions.conversations.model import (
    COLLECTION,
    Card,
    Details,
    Place,
    PollAsked,
    ReceivedMedia,
    ReceivedMessage,
    ReceivedType,
)
from sessions.conversations.seen import Arrival, Edit, Response, Revocation, Sighting
from sessions.encryption.keys import Key, KeyRing
from sessions.encryption.sealed_value import SealedValue
from sessions.messages.responses import Reaction, Vote
from sessions.messages.sealed_texts import Rotated, TextSealer, rotate_texts
from sessions.outgoing_events.pending import pending_in
from sessions.storage.bounded_arrays import AT_MOST
from sessions.storage.mongo import STORE_DOWN
from tests.arrivals import FRIEND, after, arrival, ciphertext, new_name, reaction
from tests.builders import LONG, OWNER, PLAIN, Stores
from tests.logged import logged
from tests.refusing import refusing

GROUP = "120363000000000000@g.us"
OTHER = "15557654321@c.us"
POLL = PollAsked(question="When?", options=("yes", "no"))


async def _stored(stores: Stores) -> list[dict[str, Any]]:
    cursor = stores.database["receivedMessages"].find(sort=[("at", 1), ("_id", 1)])
    return [each async for each in cursor]


async def _only(stores: Stores) -> ReceivedMessage:
    (document,) = await _stored(stores)
    return ReceivedMessage.model_validate(document)


async def _told(stores: Stores) -> list[str]:
    return [each.type for document in await _stored(stores) for each in pending_in(document)]


async def _saw(stores: Stores, lease: Lease, *arrivals: Arrival, **others: Any) -> None:
    await stores.inbox.record(lease, Sighting(arrivals, **others))


async def test_a_message_is_recorded_once_and_told_of_once(stores: Stores) -> None:
    connection, lease = await stores.leased()
    came = arrival(sender_name="Dana", from_number="+15551234567")
    first = await stores.inbox.record(lease, Sighting((came, came)))
    again = await stores.inbox.record(lease, Sighting((came,)))
    assert (len(first.new), again.new, again.changed) == (1, (), ())
    message = await _only(stores)
    assert (message.owner, message.connection_id) == (OWNER, connection.connection_id)
    assert (message.text, message.sender_name, message.chat_id) == ("Hello", "Dana", FRIEND)
    assert await _told(stores) == ["message.received"]
    assert [each.type for each in stores.events.take() if each.type.endswith("received")] == [
        "message.received"
    ]


async def test_a_chat_that_became_a_lid_shows_no_new_messages(stores: Stores) -> None:
    _, lease = await stores.leased()
    came = arrival()
    moved = parse_key(f"false_999999999@lid_{came.name.bare_id}")
    await _saw(stores, lease, came)
    await _saw(stores, lease, arrival(moved, sender="999999999@lid"))
    assert len(await _stored(stores)) == 1


async def test_members_of_a_group_may_use_one_id(stores: Stores) -> None:
    _, lease = await stores.leased()
    name = new_name(GROUP, FRIEND)
    other = parse_key(f"false_{GROUP}_{name.bare_id}_{OTHER}")
    await _saw(stores, lease, arrival(name), arrival(other, sender=OTHER))
    assert len(await _stored(stores)) == 2


async def test_a_former_owner_records_nothing(stores: Stores) -> None:
    connection, lease = await stores.leased()
    came = arrival()
    await _saw(stores, lease, came)
    await stores.database["connections"].update_one({}, {"$set": {"lease": None}})
    newer = await stores.leases("two").acquire(connection.id)
    assert newer is not None
    for sighting in (
        Sighting((arrival(),)),
        Sighting(edits=(Edit(came.name, "late", after(5)),)),
    ):
        with pytest.raises(LeaseLostError):
            await stores.inbox.record(lease, sighting)
    with pytest.raises(LeaseLostError):
        await stores.marks.move(lease, after(5))
    await _saw(stores, newer, edits=(Edit(came.name, "new", after(5)),))
    assert (await _only(stores)).text == "new"


async def test_a_ciphertext_is_told_of_when_its_content_comes(stores: Stores) -> None:
    _, lease = await stores.leased()
    name = new_name()
    await _saw(stores, lease, ciphertext(name))
    assert ((await _only(stores)).type, await _told(stores)) == (ReceivedType.CIPHERTEXT, [])
    assert len(await stores.inbox.waiting(lease, 10)) == 1
    for _ in range(2):
        recorded = await stores.inbox.record(lease, Sighting((arrival(name),)))
        await _saw(stores, lease, ciphertext(name))
    message = await _only(stores)
    assert (message.type, message.text, recorded.changed) == (ReceivedType.TEXT, "Hello", ())
    assert await _told(stores) == ["message.received"]
    assert await stores.inbox.waiting(lease, 10) == []


async def test_a_ciphertext_and_its_content_may_come_together(stores: Stores) -> None:
    _, lease = await stores.leased()
    name = new_name()
    await _saw(stores, lease, ciphertext(name), arrival(name))
    assert ((await _only(stores)).text, await _told(stores)) == ("Hello", ["message.received"])


async def test_a_ciphertext_that_stays_one_is_told_of_once(stores: Stores) -> None:
    _, lease = await stores.leased()
    name = new_name()
    await _saw(stores, lease, ciphertext(name))
    recorded_at = (await _only(stores)).recorded_at
    await stores.inbox.tell_of_waiting(lease, recorded_at - LONG)
    assert await _told(stores) == []
    for _ in range(2):
        await stores.inbox.tell_of_waiting(lease, recorded_at)
    assert await _told(stores) == ["message.received"]
    await _saw(stores, lease, arrival(name))
    assert await _told(stores) == ["message.received"] * 2


async def test_only_the_latest_edit_counts(stores: Stores) -> None:
    _, lease = await stores.leased()
    came = arrival()
    await _saw(stores, lease, came)
    for text, seconds in (("second", 20), ("first", 10), ("second", 20)):
        await _saw(stores, lease, edits=(Edit(came.name, text, after(seconds)),))
    await _saw(stores, lease, arrival(came.name, text="third", edited_at=after(30)))
    await _saw(stores, lease, arrival(came.name, text="second", edited_at=after(20)))
    message = await _only(stores)
    assert (message.text, message.edited_at) == ("third", after(30))
    assert await _told(stores) == ["message.received", "message.edited", "message.edited"]


async def test_a_revoked_message_keeps_what_it_said_and_takes_no_edit(stores: Stores) -> None:
    _, lease = await stores.leased()
    came = arrival()
    await _saw(stores, lease, came)
    gone = Revocation(came.name, after(10))
    await _saw(stores, lease, revocations=(gone, gone), edits=())
    await _saw(stores, lease, edits=(Edit(came.name, "late", after(20)),))
    seen_later = arrival(came.name, type=ReceivedType.REVOKED, text=None, revoked_at=after(10))
    await _saw(stores, lease, seen_later)
    message = await _only(stores)
    assert (message.text, message.revoked_at, message.type) == ("Hello", after(10), "text")
    assert await _told(stores) == ["message.received", "message.revoked"]


async def test_the_last_reaction_of_each_person_counts(stores: Stores) -> None:
    _, lease = await stores.leased()
    came = arrival()
    await _saw(stores, lease, came)
    told = [
        reaction(None, 1),  # takes back what was not there
        reaction("👍", 10),
        reaction("👍", 10),
        reaction("❤️", 5),  # late
        reaction("$sender", 20, OTHER),
        reaction(None, 30),
        reaction(None, 30),
    ]
    for each in told:
        await _saw(stores, lease, responses=(Response(came.name, each),))
    found = {each.sender: each.emoji for each in (await _only(stores)).reactions}
    assert found == {FRIEND: None, OTHER: "$sender"}
    assert await _told(stores) == ["message.received"] + ["message.reaction"] * 3


@pytest.mark.parametrize(
    ("field", "answer"),
    [
        ("reactions", lambda who, at: reaction("👍", at, who)),
        ("votes", lambda who, at: Vote(sender=who, options=("yes",), at=after(at))),
    ],
)
async def test_of_very_many_answers_the_last_ones_are_kept_and_the_others_counted(
    stores: Stores, field: str, answer: Callable[[str, int], Reaction | Vote]
) -> None:
    _, lease = await stores.leased()
    came = arrival()
    await _saw(stores, lease, came)
    many = [answer(f"{n}@c.us", 1).model_dump(by_alias=True) for n in range(AT_MOST)]
    await stores.database[COLLECTION].update_one({}, {"$set": {field: many}})
    # One who has answered before, and two who have not.
    again = [answer(each, 10) for each in ("500@c.us", FRIEND, OTHER)]
    await _saw(stores, lease, responses=tuple(Response(came.name, each) for each in again))
    message = await _only(stores)
    kept = [each.sender for each in getattr(message, field)]
    assert len(kept) == AT_MOST
    assert kept[0] == "2@c.us"
    assert kept[-3:] == ["500@c.us", FRIEND, OTHER]
    assert getattr(message, f"{field}_left_out") == 2
    shown = ReceivedView.of(message, Content(None, Details(poll=POLL)))
    told = shown.poll.votes_left_out if field == "votes" and shown.poll else None
    assert (shown.reactions_left_out or told) == 2


async def test_reactions_and_votes_reach_what_we_have_sent(stores: Stores) -> None:
    connection, lease = await stores.leased()
    sent = await stores.message(connection)
    name = parse_key(f"true_{FRIEND}_3EB0AAAA")
    found = {"_id": sent.id}
    await stores.database["messages"].update_one(found, {"$set": {"bareId": name.bare_id}})
    vote = Vote(sender=FRIEND, options=("yes",), at=after(20))
    for each in (reaction("👍", 10), vote, vote, Vote(sender=FRIEND, at=after(30))):
        await _saw(stores, lease, responses=(Response(name, each),))
    message = await stores.outbox.find(OWNER, sent.id)
    assert [each.emoji for each in message.reactions] == ["👍"]
    assert [each.options for each in message.votes] == [()]
    document = await stores.database["messages"].find_one(found)
    assert document is not None
    assert [each.type for each in pending_in(document)][-3:] == [
        "message.reaction",
        "poll.vote",
        "poll.vote",
    ]


async def test_what_happens_to_unknown_messages_changes_nothing(stores: Stores) -> None:
    _, lease = await stores.leased()
    name = new_name()
    await _saw(
        stores,
        lease,
        edits=(Edit(name, "x", after(1)),),
        revocations=(Revocation(name, after(1)),),
        responses=(
            Response(name, reaction("👍", 1)),
            Response(parse_key("true_1@c.us_X"), reaction("👍", 1)),
        ),
    )
    assert await _stored(stores) == []


async def test_a_reply_knows_our_id_of_what_it_answers(stores: Stores) -> None:
    _, lease = await stores.leased()
    came = arrival()
    await _saw(stores, lease, came)
    first = await _only(stores)
    answer = arrival(at=after(10), quoted_id=came.name.bare_id)
    unknown = arrival(at=after(20), quoted_id="3EB0UNKNOWN")
    await _saw(stores, lease, answer, unknown)
    _, replied, other = await _stored(stores)
    assert replied["replyTo"] == first.id
    assert ("replyTo" in other, other["quotedId"]) == (False, "3EB0UNKNOWN")


async def test_what_messages_say_is_sealed(stores: Stores) -> None:
    _, lease = await stores.leased()
    texts = TextSealer(KeyRing([Key.generate()]), on=True)
    inbox = Inbox(stores.database, stores.events, texts, utc_now)
    name = new_name()
    place = Details(
        location=Place(latitude=1, longitude=2, name="home"), contacts=(Card(name="Dana"),)
    )
    await inbox.record(lease, Sighting((ciphertext(name),)))
    await inbox.record(lease, Sighting((arrival(name, text="secret", details=place),)))
    await inbox.record(lease, Sighting(edits=(Edit(name, "edited", after(9)),)))
    message = await _only(stores)
    assert isinstance(message.text, SealedValue)
    assert isinstance(message.details, SealedValue)
    assert "secret" not in str(await _stored(stores))
    opened = Documents(texts).open(message)
    assert (opened.text, opened.details) == ("edited", place)
    plain = Documents(PLAIN)
    await _saw(stores, lease, arrival(details=place, text="plain"))
    other = ReceivedMessage.model_validate((await _stored(stores))[-1])
    assert plain.open(other).details == place


async def test_the_name_of_a_file_is_sealed_and_moves_to_a_new_key(stores: Stores) -> None:
    _, lease = await stores.leased()
    old, new = Key.generate(), Key.generate()
    texts = TextSealer(KeyRing([old]), on=True)
    inbox = Inbox(stores.database, stores.events, texts, utc_now)
    media = ReceivedMedia(mimetype="text/plain", filename="secret.txt")
    came = arrival(type=ReceivedType.DOCUMENT, text=None, media=media)
    await inbox.record(lease, Sighting((came,)))
    await _saw(stores, lease, arrival(type=ReceivedType.DOCUMENT, text=None, media=media))
    assert str(await _stored(stores)).count("secret.txt") == 1  # the one from without SEAL_TEXTS
    rotated = await rotate_texts(stores.database, KeyRing([new, old]), plain_too=True)
    assert rotated == Rotated(2, 0)
    assert "secret.txt" not in str(await _stored(stores))
    documents = Documents(TextSealer(KeyRing([new]), on=True))
    for each in await _stored(stores):
        assert documents.open(ReceivedMessage.model_validate(each)).filename == "secret.txt"


async def test_a_message_that_is_too_large_does_not_stop_the_others(stores: Stores) -> None:
    _, lease = await stores.leased()
    large = arrival(text="x" * 17 * 1024 * 1024)
    with logged("ERROR") as lines:
        await _saw(stores, lease, arrival(text="first"), large, arrival(text="last"))
    texts = [each["text"] for each in await _stored(stores) if "text" in each]
    assert texts == ["first", "last"]
    assert large.name.unique in "".join(lines)


async def test_a_change_that_mongodb_refuses_does_not_stop_the_others(stores: Stores) -> None:
    _, lease = await stores.leased()
    names = [new_name() for _ in range(3)]
    await _saw(stores, lease, *map(arrival, names))
    texts = ("first", "poison", "last")
    edits = [Edit(name, text, after(5)) for name, text in zip(names, texts, strict=True)]
    with logged("ERROR") as lines:
        async with refusing(stores.database, "receivedMessages", {"text": {"$ne": "poison"}}):
            await _saw(stores, lease, edits=tuple(edits))
    assert [each["text"] for each in await _stored(stores)] == ["first", "Hello", "last"]
    (line,) = lines
    assert names[1].unique in line
    assert "poison" not in line


async def test_changes_that_mongodb_refuses_like_everything_else_come_again(
    stores: Stores,
) -> None:
    _, lease = await stores.leased()
    name = new_name()
    await _saw(stores, lease, arrival(name))
    async with refusing(stores.database, "receivedMessages"):
        with pytest.raises(STORE_DOWN):
            await _saw(stores, lease, edits=(Edit(name, "edited", after(5)),))
    assert (await _only(stores)).text == "Hello"


def _of(chat: str, bare_id: str, number: str | None = None, **facts: Any) -> Arrival:
    return arrival(parse_key(f"false_{chat}_{bare_id}"), sender=chat, from_number=number, **facts)


async def test_two_people_may_use_the_same_id(stores: Stores) -> None:
    _, lease = await stores.leased()
    first, second = _of(FRIEND, "SAME", text="first"), _of(OTHER, "SAME", text="second")
    for _ in range(2):
        await _saw(stores, lease, first, second)
        await _saw(stores, lease, second)
    assert [each["text"] for each in await _stored(stores)] == ["first", "second"]
    await _saw(stores, lease, edits=(Edit(second.name, "second, edited", after(5)),))
    await _saw(stores, lease, revocations=(Revocation(second.name, after(6)),))
    one, other = await _stored(stores)
    assert (one["text"], other["text"]) == ("first", "second, edited")
    assert ("revokedAt" in one, other["revokedAt"]) == (False, after(6))


@pytest.mark.parametrize("number", [None, "+15557654321"])
async def test_nobody_else_changes_a_message(stores: Stores, number: str | None) -> None:
    _, lease = await stores.leased()
    came = _of(FRIEND, "SAME")
    await _saw(stores, lease, came)
    name = parse_key("false_999999999@lid_SAME")
    await _saw(
        stores,
        lease,
        edits=(Edit(name, "forged", after(5), number),),
        revocations=(Revocation(name, after(6), number),),
    )
    if number is None:  # it may be the same person: nothing is recorded twice
        facts: dict[str, Any] = {"text": "forged", "edited_at": after(5), "revoked_at": after(6)}
        await _saw(stores, lease, _of(name.chat_id, "SAME", **facts))
    message = await _only(stores)
    assert (message.text, message.revoked_at) == ("Hello", None)


async def test_the_sender_changes_a_message_from_before_the_chat_became_a_lid(
    stores: Stores,
) -> None:
    _, lease = await stores.leased()
    await _saw(stores, lease, _of(FRIEND, "SAME"))
    moved = _of("999999999@lid", "SAME", "+15551234567", text="edited", edited_at=after(5))
    await _saw(stores, lease, moved)
    await _saw(stores, lease, revocations=(Revocation(moved.name, after(6), "+15551234567"),))
    message = await _only(stores)
    assert (message.text, message.revoked_at) == ("edited", after(6))


async def test_a_mark_never_moves_back_nor_beyond_the_present(stores: Stores) -> None:
    _, lease = await stores.leased()
    assert (await stores.marks.read(lease)).through is None
    for seconds in (10, 5):
        await stores.marks.move(lease, after(seconds))
    assert (await stores.marks.read(lease)).through == after(10)
    await stores.marks.move(lease, after(10**9))
    mark = await stores.marks.read(lease)
    assert mark.through is not None
    assert mark.through <= mark.now


async def test_a_connection_that_is_being_deleted_records_nothing(stores: Stores) -> None:
    connection, lease = await stores.leased()
    gone = {"$set": {"deletedAt": after(0)}}
    await stores.database["connections"].update_one({"_id": connection.id}, gone)
    recorded = await stores.inbox.record(lease, Sighting((arrival(),)))
    assert (recorded.new, await _stored(stores)) == ((), [])
