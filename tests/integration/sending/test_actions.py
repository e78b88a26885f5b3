"""Replies, and what is done to messages: in order, once, and seen at the message."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sessions.common.ids import new_id
from sessions.connections.leases import Lease
from sessions.connections.model import Connection
from sessions.connections.pacing import Pacing
from sessions.encryption.keys import Key, KeyRing
from sessions.messages.actions import ActionRequest
from sessions.messages.content import Action, Edit, Poll, Reaction, Revoke, Text
from sessions.messages.model import Ack, Draft, Message, MessageStatus, Priority
from sessions.messages.referred import ReferredMessages
from sessions.messages.sealed_texts import TextSealer
from tests.builders import OWNER, PLAIN, TO, Stores
from tests.dispatching import MOMENT, dispatch_limits, dispatching, reaches
from tests.fake_page import US, FakePage
from tests.waiting import until

SEALED = TextSealer(KeyRing([Key("one", b"1" * 32)]), on=True)
HIGH = Priority.HIGH


async def _reply(
    stores: Stores, connection: Connection, to: str, priority: Priority = Priority.NORMAL
) -> Message:
    draft = Draft(id=new_id(), to=TO, text="a reply", priority=priority, reply_to=to)
    return (await stores.add(connection, [draft]))[0]


async def _ask(
    stores: Stores,
    connection: Connection,
    target: str,
    content: Action,
    texts: TextSealer = PLAIN,
) -> Message:
    """Put an action into the outbox."""
    referred = await ReferredMessages(stores.database).named(OWNER, target)
    action_id = new_id()
    draft = ActionRequest(referred, content).to_draft(
        action_id, texts.seal_content(action_id, content)
    )
    return (await stores.add(connection, [draft]))[0]


async def _sent(
    stores: Stores, page: FakePage, texts: TextSealer = PLAIN
) -> tuple[Connection, Lease, Message]:
    """Send a text; return it."""
    connection, lease = await stores.leased()
    stored = texts.seal_content(message_id := new_id(), Text(text="frist"))
    (message,) = await stores.add(connection, [Draft(message_id, TO, stored.text)])
    async with dispatching(stores, page, lease, texts=texts):
        sent = await reaches(stores, message, MessageStatus.SENT)
    return connection, lease, sent


async def _received(stores: Stores, connection: Connection) -> str:
    """Store what a worker has received."""
    received: dict[str, Any] = {
        "_id": new_id(),
        "owner": OWNER,
        "connection": connection.id,
        "connectionId": connection.connection_id,
        "chatId": "15550001111@lid",
        "whatsappKey": "false_15550001111@lid_3EB0AA",
        "at": connection.since,
    }
    await stores.database["receivedMessages"].insert_one(received)
    return str(received["_id"])


async def test_a_reply_names_the_message_that_it_answers(stores: Stores) -> None:
    page = FakePage()
    connection, lease, sent = await _sent(stores, page)
    received = await _received(stores, connection)
    replies = [await _reply(stores, connection, each) for each in (sent.id, received)]
    async with dispatching(stores, page, lease):
        last = [await reaches(stores, each, MessageStatus.SENT) for each in replies]
    keys = [page.references[each.whatsapp_id or ""] for each in last]
    assert keys == [sent.whatsapp_id, "false_15550001111@lid_3EB0AA"]


async def test_a_reply_never_overtakes_what_it_answers(stores: Stores) -> None:
    connection, lease = await stores.leased()
    page = FakePage(fail_prepare=2)
    answered = await stores.message(connection, "a question", Priority.LOW)
    reply = await _reply(stores, connection, answered.id, HIGH)
    async with dispatching(stores, page, lease):

        async def waits() -> bool:
            found = await stores.outbox.find(OWNER, reply.id)
            return found.reason == "waits_for_message"

        await until(waits)
        await reaches(stores, answered, MessageStatus.SENT)
        await stores.database["messages"].update_one(
            {"_id": reply.id}, [{"$set": {"dueAt": "$$NOW"}}]
        )
        await reaches(stores, reply, MessageStatus.SENT)
    assert [text for _, text in page.delivered] == ["a question", "a reply"]


@pytest.mark.parametrize("gone", [True, False])
async def test_a_reply_to_what_was_never_sent_fails(stores: Stores, gone: bool) -> None:
    connection, lease = await stores.leased()
    answered = await stores.message(connection, "never")
    reply = await _reply(stores, connection, answered.id)
    await stores.outbox.cancel(OWNER, answered.id)
    if gone:
        await stores.database["messages"].delete_one({"_id": answered.id})
    page = FakePage()
    async with dispatching(stores, page, lease):
        failed = await reaches(stores, reply, MessageStatus.FAILED)
    assert failed.reason == ("message_not_found" if gone else "message_not_sent")
    assert page.delivered == []


@pytest.mark.parametrize("texts", [PLAIN, SEALED], ids=["plain", "sealed"])
async def test_an_edit_changes_what_the_message_says(stores: Stores, texts: TextSealer) -> None:
    page = FakePage()
    connection, lease, sent = await _sent(stores, page, texts)
    edit = await _ask(stores, connection, sent.id, Edit(text="first"), texts)
    async with dispatching(stores, page, lease, texts=texts):
        done = await reaches(stores, edit, MessageStatus.SENT)
    assert page.done == [(done.whatsapp_id, Edit(text="first"))]
    assert page.references[done.whatsapp_id or ""] == sent.whatsapp_id
    edited = await stores.outbox.find(OWNER, sent.id)
    assert texts.open_content(edited) == Text(text="first")
    assert isinstance(edited.text, str) is (texts is PLAIN)
    assert edited.edited_at is not None
    assert edited.status is MessageStatus.SENT


async def test_a_revocation_is_noted_at_the_message(stores: Stores) -> None:
    page = FakePage()
    connection, lease, sent = await _sent(stores, page)
    revoke = await _ask(stores, connection, sent.id, Revoke())
    async with dispatching(stores, page, lease):
        await reaches(stores, revoke, MessageStatus.SENT)
    assert (await stores.outbox.find(OWNER, sent.id)).revoked_at is not None


async def test_reactions_are_noted_once_at_messages_of_both_directions(stores: Stores) -> None:
    page = FakePage()
    connection, lease, sent = await _sent(stores, page)
    received = await _received(stores, connection)
    actions = [
        await _ask(stores, connection, target, Reaction(emoji=emoji))
        for target in (sent.id, received)
        for emoji in ("👍", "❤️")
    ]
    async with dispatching(stores, page, lease):
        for each in actions:
            await reaches(stores, each, MessageStatus.SENT)
    for name, target in (("messages", sent.id), ("receivedMessages", received)):
        document = await stores.database[name].find_one({"_id": target})
        assert document is not None
        (reaction,) = document["reactions"]
        assert (reaction["from"], reaction["emoji"], reaction["fromMe"]) == (US, "❤️", True)
    assert [content for _, content in page.done] == [
        Reaction(emoji="👍"),
        Reaction(emoji="❤️"),
    ] * 2


async def test_actions_are_done_in_the_order_of_the_messages(stores: Stores) -> None:
    page = FakePage()
    connection, lease, sent = await _sent(stores, page)
    edit = await _ask(stores, connection, sent.id, Edit(text="first"))
    text = await stores.message(connection, "second")
    revoke = await _ask(stores, connection, sent.id, Revoke())
    async with dispatching(stores, page, lease):
        last = [await reaches(stores, each, MessageStatus.SENT) for each in (edit, text, revoke)]
    times = [each.sent_at for each in last]
    assert times == sorted(each for each in times if each is not None)


@pytest.mark.parametrize("point", ["written down", "done"])
async def test_an_action_is_done_again_after_a_crash_under_its_own_id(
    stores: Stores, point: str
) -> None:
    page = FakePage()
    connection, lease, sent = await _sent(stores, page)
    edit = await _ask(stores, connection, sent.id, Edit(text="first"))
    claimed = await stores.queue.claim_next(lease)
    assert claimed is not None
    key = await page.prepare(edit.chat)
    await stores.queue.write_down(lease, claimed, key, edit.chat, new_chat=False)
    if point == "done":
        await page.send(key, edit.chat, Edit(text="first"), sent.whatsapp_id)
        page.outcomes.clear()
    async with dispatching(stores, page, lease):
        await reaches(stores, edit, MessageStatus.SENT)
    # The page looks first whether it is done already.
    assert {each for each, _ in page.done} == {key}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("edit_window_over", MessageStatus.FAILED),
        ("message_not_in_page", MessageStatus.FAILED),
        ("not_confirmed", MessageStatus.UNKNOWN),
    ],
)
async def test_what_was_not_done_says_why_and_changes_nothing(
    stores: Stores, code: str, status: MessageStatus
) -> None:
    page = FakePage()
    connection, lease, sent = await _sent(stores, page)
    edit = await _ask(stores, connection, sent.id, Edit(text="first"))
    text = await stores.message(connection, "after it")
    page.refused = code
    page.before_send = lambda said: setattr(page, "refused", code if "first" in said else None)
    async with dispatching(stores, page, lease):
        ended = await reaches(stores, edit, status)
        await reaches(stores, text, MessageStatus.SENT)
    assert ended.reason == code
    unchanged = await stores.outbox.find(OWNER, sent.id)
    assert (unchanged.text, unchanged.edited_at) == ("frist", None)


async def test_a_poll_that_stays_unacknowledged_is_unknown_and_stops_nothing(
    stores: Stores,
) -> None:
    connection, lease = await stores.leased()
    content = Poll(question="When?", options=("a", "b"))
    stored = PLAIN.seal_content(poll_id := new_id(), content)
    draft = Draft(poll_id, TO, kind=stored.kind, content=stored.content)
    (poll,) = await stores.add(connection, [draft])
    page = FakePage(held=True)
    limits = dispatch_limits(outcome=MOMENT, ghost=timedelta(hours=1))
    async with dispatching(stores, page, lease, limits):
        unknown = await reaches(stores, poll, MessageStatus.UNKNOWN)
        page.held = False
        text = await stores.message(connection, "after the poll")
        await reaches(stores, text, MessageStatus.SENT)
    assert unknown.reason == "stored_but_not_acknowledged"
    # An ack that comes all the same corrects it.
    assert unknown.whatsapp_id is not None
    await stores.queue.record_acks(lease, {unknown.whatsapp_id: Ack.DEVICE})
    await reaches(stores, poll, MessageStatus.DELIVERED)


async def test_an_action_opens_no_chat(stores: Stores) -> None:
    page = FakePage()
    connection, lease, _ = await _sent(stores, page)
    pacing = Pacing(new_chats_per_day=0, jitter_seconds=(0, 0), typing=False)
    await stores.database["connections"].update_one(
        {"_id": connection.id}, {"$set": {"pacing": pacing.model_dump(by_alias=True)}}
    )
    received = await _received(stores, connection)
    react = await _ask(stores, connection, received, Reaction(emoji="👍"))
    async with dispatching(stores, page, lease):
        await reaches(stores, react, MessageStatus.SENT)


async def test_nobody_looks_for_the_acks_of_actions(stores: Stores) -> None:
    page = FakePage()
    connection, lease, sent = await _sent(stores, page)
    actions = [
        await _ask(stores, connection, sent.id, Reaction(emoji=each)) for each in ("👍", None)
    ]
    async with dispatching(stores, page, lease):
        for each in actions:
            await reaches(stores, each, MessageStatus.SENT)
    assert [each.id for each in await stores.queue.unsettled(lease, 10)] == [sent.id]
