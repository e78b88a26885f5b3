"""What can be asked to be done to a message, and what is refused at once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient

from sessions.common.clock import utc_now
from sessions.common.ids import new_id
from sessions.messages.content import Location, Poll
from sessions.messages.model import Draft, Message, MessageStatus
from tests.builders import OWNER, PLAIN, TO, Stores

if TYPE_CHECKING:
    from aiohttp import web

    from sessions.connections.leases import Lease

    Client = TestClient[web.Request, web.Application]

KEY = "true_972501234567@c.us_3EB0"
MESSAGES = "/api/whatsapp/messages"


async def _ask(
    client: Client, message_id: str, deed: str, body: object = None, key: str | None = None
) -> tuple[int, dict[str, Any]]:
    headers = {"Idempotency-Key": key} if key else {}
    answer = await client.post(f"{MESSAGES}/{message_id}/{deed}", json=body, headers=headers)
    return answer.status, await answer.json()


async def _sent(stores: Stores, lease: Lease, draft: Draft | None = None) -> Message:
    """Store a message that WhatsApp has got."""
    connection = await stores.connections.get(lease.connection)
    (message,) = await stores.add(connection, [draft or Draft(new_id(), TO, "frist")])
    claimed = await stores.queue.claim_next(lease)
    assert claimed is not None
    written = await stores.queue.write_down(
        lease, claimed, f"{KEY}{message.id}", TO, new_chat=False
    )
    settled = await stores.queue.settle(lease, written, MessageStatus.SENT)
    assert settled is not None
    return settled


async def _received(stores: Stores, lease: Lease) -> str:
    connection = await stores.connections.get(lease.connection)
    received = {
        "_id": new_id(),
        "owner": OWNER,
        "connection": connection.id,
        "connectionId": connection.connection_id,
        "chatId": "15550001111@lid",
        "whatsappKey": "false_15550001111@lid_3EB0AA",
        "at": utc_now(),
    }
    await stores.database["receivedMessages"].insert_one(received)
    return str(received["_id"])


async def test_each_action_is_a_message_in_the_queue(client: Client, stores: Stores) -> None:
    _, lease = await stores.leased()
    sent = await _sent(stores, lease)
    asked = [
        ("reaction", {"emoji": "👍"}, {"kind": "reaction", "emoji": "👍"}),
        ("reaction", {"emoji": None}, {"kind": "reaction"}),
        ("edit", {"message": "first"}, {"kind": "edit", "text": "first"}),
        ("revoke", None, {"kind": "revoke"}),
    ]
    for deed, body, shown in asked:
        status, accepted = await _ask(client, sent.id, deed, body)
        assert (status, accepted["status"]) == (202, "queued")
        view = await (await client.get(f"{MESSAGES}/{accepted['messageId']}")).json()
        assert {name: view.get(name) for name in ("kind", "emoji", "text")} == {
            "kind": None,
            "emoji": None,
            "text": None,
        } | shown
        assert (view["target"], view["to"], view["connectionId"]) == (sent.id, TO, "main")


async def test_only_a_reaction_can_be_for_a_received_message(
    client: Client, stores: Stores
) -> None:
    _, lease = await stores.leased()
    received = await _received(stores, lease)
    status, accepted = await _ask(client, received, "reaction", {"emoji": "👍"})
    assert status == 202
    action = await stores.outbox.find(OWNER, accepted["messageId"])
    assert (action.chat, action.target) == ("15550001111@lid", received)
    for deed, body in (("edit", {"message": "no"}), ("revoke", None)):
        status, problem = await _ask(client, received, deed, body)
        assert (status, problem["code"]) == (409, "not_own_message")


async def test_a_message_that_is_not_sent_can_only_be_cancelled(
    client: Client, stores: Stores
) -> None:
    connection, _ = await stores.leased()
    queued = await stores.message(connection)
    for deed, body in (
        ("reaction", {"emoji": "👍"}),
        ("edit", {"message": "no"}),
        ("revoke", None),
    ):
        status, problem = await _ask(client, queued.id, deed, body)
        assert (status, problem["code"], problem["messageStatus"]) == (
            409,
            "wrong_status",
            "queued",
        )


@pytest.mark.parametrize(
    ("deed", "body", "age", "code"),
    [
        ("edit", {"message": "first"}, timedelta(seconds=1201), "edit_window_over"),
        ("edit", {"message": "first"}, timedelta(seconds=1100), None),
        ("revoke", None, timedelta(hours=61), "revoke_window_over"),
        ("revoke", None, timedelta(hours=59), None),
        ("reaction", {"emoji": "👍"}, timedelta(days=30), None),
    ],
)
async def test_whatsapps_windows_are_told_at_once(
    client: Client, stores: Stores, deed: str, body: object, age: timedelta, code: str | None
) -> None:
    _, lease = await stores.leased()
    sent = await _sent(stores, lease)
    await stores.database["messages"].update_one(
        {"_id": sent.id}, {"$set": {"sentAt": utc_now() - age}}
    )
    status, answer = await _ask(client, sent.id, deed, body)
    assert (status, answer.get("code")) == ((202, None) if code is None else (409, code))


@pytest.mark.parametrize(
    "content",
    [Location(latitude=1, longitude=2), Poll(question="When?", options=("a", "b"))],
    ids=["location", "poll"],
)
async def test_what_has_no_text_cannot_be_edited(
    client: Client, stores: Stores, content: Location | Poll
) -> None:
    _, lease = await stores.leased()
    stored = PLAIN.seal_content(message_id := new_id(), content)
    sent = await _sent(
        stores, lease, Draft(message_id, TO, kind=stored.kind, content=stored.content)
    )
    assert (await _ask(client, sent.id, "edit", {"message": "x"}))[1]["code"] == "not_editable"


async def test_a_revoked_message_is_left_alone_and_an_action_is_no_target(
    client: Client, stores: Stores
) -> None:
    _, lease = await stores.leased()
    sent = await _sent(stores, lease)
    _, action = await _ask(client, sent.id, "reaction", {"emoji": "👍"})
    assert (await _ask(client, action["messageId"], "revoke"))[1]["code"] == "message_not_found"
    await stores.database["messages"].update_one(
        {"_id": sent.id}, {"$set": {"revokedAt": utc_now()}}
    )
    for deed, body in (("reaction", {"emoji": "👍"}), ("edit", {"message": "x"}), ("revoke", None)):
        assert (await _ask(client, sent.id, deed, body))[1]["code"] == "message_revoked"
    assert (await (await client.get(f"{MESSAGES}/{sent.id}")).json())["revoked"] is True


async def test_a_repeated_request_is_the_same_action_even_when_its_time_is_over(
    client: Client, stores: Stores
) -> None:
    _, lease = await stores.leased()
    sent, other = await _sent(stores, lease), await _sent(stores, lease)
    status, first = await _ask(client, sent.id, "edit", {"message": "first"}, key="e1")
    assert status == 202
    await stores.database["messages"].update_one(
        {"_id": sent.id}, {"$set": {"sentAt": utc_now() - timedelta(days=1)}}
    )
    status, again = await _ask(client, sent.id, "edit", {"message": "first"}, key="e1")
    assert (status, again["messageId"]) == (202, first["messageId"])
    status, problem = await _ask(client, other.id, "edit", {"message": "first"}, key="e1")
    assert (status, problem["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("emoji", ["👍", "❤️", "👩🏽‍💻", "🇮🇱", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "©", "‼️", "👨‍👩‍👧‍👦"])
async def test_every_emoji_is_one(client: Client, stores: Stores, emoji: str) -> None:
    _, lease = await stores.leased()
    sent = await _sent(stores, lease)
    assert (await _ask(client, sent.id, "reaction", {"emoji": emoji}))[0] == 202


@pytest.mark.parametrize("emoji", ["", "a", "👍👍", "👍 ", "1", "\u200d", "👍" * 40, 5, "ok👍"])
async def test_what_is_not_one_emoji_is_refused(
    client: Client, stores: Stores, emoji: object
) -> None:
    _, lease = await stores.leased()
    sent = await _sent(stores, lease)
    status, problem = await _ask(client, sent.id, "reaction", {"emoji": emoji})
    assert (status, [each["field"] for each in problem["errors"]]) == (422, ["emoji"])


async def test_a_reply_to_a_message_of_nobody_is_refused_and_nothing_is_stored(
    client: Client, stores: Stores
) -> None:
    _, lease = await stores.leased()
    sent, received = await _sent(stores, lease), await _received(stores, lease)
    _, action = await _ask(client, sent.id, "reaction", {"emoji": "👍"})
    body: dict[str, Any] = {"connectionId": "main", "to": "+972501234567", "message": "a reply"}
    for known in (sent.id, received):
        answer = await client.post("/api/whatsapp/send", json=body | {"replyTo": known})
        assert answer.status == 202
        reply = await stores.outbox.find(OWNER, (await answer.json())["messageId"])
        assert reply.reply_to == known
    count = await stores.database["messages"].count_documents({})
    for unknown in (new_id(), action["messageId"]):
        answer = await client.post("/api/whatsapp/send", json=body | {"replyTo": unknown})
        problem = await answer.json()
        assert (answer.status, problem["code"]) == (422, "reply_to_not_found")
        assert [each["field"] for each in problem["errors"]] == ["replyTo"]
    one = {"to": "+972501234567", "message": "x"}
    bulk = {"connectionId": "main", "messages": [one, one | {"replyTo": new_id()}]}
    problem = await (await client.post("/api/whatsapp/send/bulk", json=bulk)).json()
    assert [each["field"] for each in problem["errors"]] == ["messages.1.replyTo"]
    assert await stores.database["messages"].count_documents({}) == count
