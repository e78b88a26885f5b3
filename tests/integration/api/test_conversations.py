"""Conversations over HTTP: chats, both directions of one, received messages, and who sees them."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from control_api.services import Services
from sessions.common.clock import utc_now
from sessions.common.ids import first_id, new_id
from sessions.connections.model import Connection
from sessions.conversations.chats import Chats
from sessions.conversations.events import received_event
from sessions.conversations.model import Details, Place, PollAsked, ReceivedType
from sessions.conversations.read_marks import ReadMarks
from sessions.conversations.received_search import ReceivedFilter
from sessions.conversations.sides import RECEIVED, SENT, SIDES
from sessions.conversations.sides import Place as ListPlace
from sessions.conversations.timeline import Timeline
from sessions.events.log import EventType
from sessions.messages.model import Draft, MessageStatus
from tests.builders import Stores
from tests.cases import in_one_test
from tests.integration.received import FRIEND, START, Received

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.test_utils import TestClient

    from sessions.connections.leases import Lease
    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

CHATS = "/api/whatsapp/chats"
MESSAGES = "/api/whatsapp/messages"
OTHER = "972502222222@c.us"
LID = "123456789012345@lid"
GROUP = "120363012345678901@g.us"


@pytest.fixture
async def received(stores: Stores, lease: Lease) -> Received:
    """Give a test people who write to the connection."""
    return Received(stores, lease)


@pytest.fixture
async def lease(stores: Stores) -> Lease:
    return (await stores.leased())[1]


async def _get(client: Client, path: str) -> dict[str, Any]:
    answer = await client.get(path)
    assert answer.status == 200, await answer.text()
    shown: dict[str, Any] = await answer.json()
    return shown


async def _chats(client: Client, more: str = "") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await _get(client, f"{CHATS}?connectionId=main{more}"))["items"]
    return items


def _of(chat: str, more: str = "") -> str:
    return f"{CHATS}/{quote(chat, safe='')}/messages?connectionId=main{more}"


async def _says(client: Client, chat: str) -> list[str]:
    """Return what was said in a chat, oldest first."""
    items = (await _get(client, _of(chat)))["items"]
    return [each["text"] for each in reversed(items)]


async def _send(stores: Stores, lease: Lease, text: str, to: str = FRIEND, chat: str = "") -> str:
    """Have a message sent; `chat` is what WhatsApp answers for the number."""
    connection = await stores.connections.get(lease.connection)
    message = await stores.message(connection, text, to=to)
    claimed = await stores.queue.claim_next(lease)
    assert claimed is not None
    key = f"true_{chat or to}_{claimed.id.upper()}"
    await stores.queue.write_down(lease, claimed, key, chat or to, new_chat=True)
    await stores.queue.settle(lease, claimed, MessageStatus.SENT)
    return message.id


async def test_a_conversation_has_both_directions_in_the_order_of_time(
    client: Client, stores: Stores, lease: Lease, received: Received
) -> None:
    await received.text("Are you open?")
    await _send(stores, lease, "Until six")
    await received.text("Thanks", at=utc_now() + timedelta(seconds=1))
    page = await _get(client, _of(FRIEND))
    assert [each["text"] for each in page["items"]] == ["Thanks", "Until six", "Are you open?"]
    assert [each["direction"] for each in page["items"]] == ["in", "out", "in"]
    assert {each["chatId"] for each in page["items"]} == {FRIEND}
    assert "cursor" not in page


async def test_pages_of_a_conversation_follow_each_other_even_within_one_second(
    client: Client, received: Received
) -> None:
    for n in range(7):
        await received.text(str(n), at=START)
    seen: list[str] = []
    cursor = ""
    while True:
        page = await _get(client, _of(FRIEND, f"&limit=2{cursor}"))
        seen += [each["messageId"] for each in page["items"]]
        if "cursor" not in page:
            break
        cursor = f"&cursor={page['cursor']}"
    assert len(seen) == len(set(seen)) == 7
    assert seen == sorted(seen, reverse=True)


async def test_one_person_is_one_chat_by_number_and_by_lid(
    client: Client, stores: Stores, lease: Lease, received: Received
) -> None:
    await received.text("by number")
    await received.text("by LID", chat=LID, number="+972501234567")
    await _send(stores, lease, "sent")
    said = ["by number", "by LID", "sent"]
    assert await _says(client, FRIEND) == said
    assert await _says(client, LID) == said
    assert await _says(client, "+972-50-123-4567") == said
    (chat,) = await _chats(client)
    assert (chat["chatId"], chat["number"]) == (FRIEND, "+972501234567")


async def test_what_was_written_before_the_number_was_known_is_in_the_same_chat(
    client: Client, received: Received
) -> None:
    await received.text("hidden", chat=LID)
    assert [each["chatId"] for each in await _chats(client)] == [LID]
    await received.text("known", chat=LID, number="+972501234567")
    assert [each["chatId"] for each in await _chats(client)] == [FRIEND]
    assert await _says(client, LID) == ["hidden", "known"]


async def test_events_name_the_chat_that_the_api_shows(received: Received) -> None:
    message = await received.text("by LID", chat=LID, number="+972501234567")
    event = received_event(EventType.MESSAGE_RECEIVED, message)
    assert json.loads(event.data)["chatId"] == FRIEND


async def test_another_spelling_of_a_number_finds_the_chat(
    client: Client, stores: Stores, lease: Lease
) -> None:
    account, asked = "551187654321@c.us", "5511987654321@c.us"
    await _send(stores, lease, "oi", to=asked, chat=account)
    assert [each["chatId"] for each in await _chats(client)] == [account]
    assert await _says(client, asked) == await _says(client, account) == ["oi"]


async def test_chats_are_listed_by_their_newest_message(
    client: Client, stores: Stores, lease: Lease, received: Received
) -> None:
    await received.text("first", name="Dana")
    await received.text("second", chat=OTHER, name="Noa")
    await received.text("in a group", chat=GROUP, sender=FRIEND, name="Dana")
    shown = await _chats(client)
    assert [each["chatId"] for each in shown] == [GROUP, OTHER, FRIEND]
    assert [each["lastMessage"]["text"] for each in shown] == ["in a group", "second", "first"]
    assert [each.get("name") for each in shown] == [None, "Noa", "Dana"]
    await _send(stores, lease, "to the first")
    newest = (await _chats(client))[0]
    assert (newest["chatId"], newest["lastMessage"]["direction"]) == (FRIEND, "out")
    assert newest["name"] == "Dana"


async def test_a_scheduled_message_stands_at_its_time_and_moves_no_chat_before(
    client: Client, stores: Stores, lease: Lease, received: Received
) -> None:
    await received.text("hello")
    await received.text("another", chat=OTHER)
    later = utc_now() + timedelta(days=14)
    connection = await stores.connections.get(lease.connection)
    reminder = Draft(id=new_id(), to=FRIEND, text="reminder", send_at=later)
    await stores.add(connection, [reminder])
    assert [each["chatId"] for each in await _chats(client)] == [OTHER, FRIEND]
    assert await _says(client, FRIEND) == ["hello", "reminder"]


async def test_what_whatsapps_clock_puts_into_the_future_is_listed(
    client: Client, received: Received
) -> None:
    await received.text("now")
    await received.text("soon", chat=OTHER, at=utc_now() + timedelta(minutes=1))
    assert [each["chatId"] for each in await _chats(client)] == [OTHER, FRIEND]
    first = await _get(client, f"{CHATS}?connectionId=main&limit=1")
    assert [each["chatId"] for each in first["items"]] == [OTHER]
    last = await _get(client, f"{CHATS}?connectionId=main&limit=1&cursor={first['cursor']}")
    assert [each["chatId"] for each in last["items"]] == [FRIEND]


async def test_unread_messages_are_counted_until_they_are_read(
    client: Client, stores: Stores, lease: Lease, received: Received
) -> None:
    marks = ReadMarks(stores.database)
    connection = await stores.connections.get(lease.connection)
    for _ in range(3):
        await received.text(at=START)
    assert [each["unread"] for each in await _chats(client)] == [3]
    await marks.mark(connection, FRIEND)
    assert [each["unread"] for each in await _chats(client)] == [0]
    await received.text(at=START)
    assert [each["unread"] for each in await _chats(client)] == [1]
    await marks.mark(connection, FRIEND)
    await marks.mark(connection, FRIEND)
    assert [each["unread"] for each in await _chats(client)] == [0]
    await marks.mark(connection, "972509999999@c.us")


async def test_what_was_read_is_forgotten_with_the_person(
    client: Client, stores: Stores, lease: Lease, received: Received
) -> None:
    await received.text()
    await received.text(chat=OTHER)
    marks = ReadMarks(stores.database)
    connection = await stores.connections.get(lease.connection)
    for chat in (FRIEND, OTHER):
        await marks.mark(connection, chat)
    assert (await client.delete(f"/api/recipients/{FRIEND}")).status == 200
    assert (await marks.of(connection.id, [FRIEND, OTHER])).keys() == {OTHER}


async def test_many_unread_messages_are_counted_up_to_a_hundred(
    client: Client, database: Database, received: Received
) -> None:
    connection = await received.stores.connections.get(received.lease.connection)
    await _fill(database, connection, 150, chats=1)
    assert [each["unread"] for each in await _chats(client)] == [100]


async def test_a_received_message_is_shown_as_the_contract_says(
    client: Client, received: Received
) -> None:
    message = await received.text("Hi", name="Dana", number="+972501234567", chat=LID)
    shown = await _get(client, f"{MESSAGES}/{message.id}")
    assert shown == {
        "messageId": message.id,
        "direction": "in",
        "connectionId": "main",
        "owner": "admin",
        "chatId": FRIEND,
        "from": LID,
        "fromNumber": "+972501234567",
        "senderName": "Dana",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "type": "text",
        "text": "Hi",
        "reactions": [],
    }
    shown = await _get(client, f"{MESSAGES}/{message.id}?fields=senderName")
    assert "text" not in shown
    assert shown["senderName"] == "Dana"


async def test_places_and_polls_are_shown(client: Client, received: Received) -> None:
    place = Place(latitude=32.08, longitude=34.78, name="The shop")
    poll = PollAsked(question="When?", options=("Now", "Later"))
    await received.text("", type=ReceivedType.LOCATION, details=Details(location=place))
    await received.text("", type=ReceivedType.POLL, details=Details(poll=poll))
    asked, where = (await _get(client, _of(FRIEND)))["items"]
    assert where["location"] == {"latitude": 32.08, "longitude": 34.78, "name": "The shop"}
    assert asked["poll"] == {
        "question": "When?",
        "options": ["Now", "Later"],
        "multiple": False,
        "votes": [],
    }


async def test_received_messages_are_listed_page_by_page(
    client: Client, stores: Stores, lease: Lease, received: Received
) -> None:
    ids = [(await received.text(str(n))).id for n in range(5)]
    sent = await _send(stores, lease, "sent")
    first = await _get(client, f"{MESSAGES}?direction=in&limit=3")
    more = f"{MESSAGES}?direction=in&connectionId=main&cursor={first['cursor']}"
    last = await _get(client, more)
    seen = [each["messageId"] for each in [*first["items"], *last["items"]]]
    assert seen == list(reversed(ids))
    assert "cursor" not in last
    for query in ("", "?direction=out"):
        assert [each["messageId"] for each in (await _get(client, MESSAGES + query))["items"]] == [
            sent
        ]
    span = "since=2026-01-01T00:00:01Z&until=2026-01-01T00:00:03Z"
    found = await _get(client, f"{MESSAGES}?direction=in&{span}")
    assert [each["text"] for each in found["items"]] == ["2", "1"]


@in_one_test(
    "path",
    [
        f"{MESSAGES}?direction=both",
        f"{MESSAGES}?direction=in&status=sent",
        f"{MESSAGES}?direction=in&to=%2B972501234567",
        f"{MESSAGES}?direction=in&cursor=01kb0000000000000000000000",
        f"{MESSAGES}?cursor=1767225600000-01kb0000000000000000000000",
        CHATS,
        f"{CHATS}?connectionId=main&cursor=x",
        f"{CHATS}?connectionId=main&cursor=99999999999999-a",
        f"{CHATS}?connectionId=main&limit=101",
        f"{CHATS}/12/messages?connectionId=main",
        f"{CHATS}/status@broadcast/messages?connectionId=main",
        f"{CHATS}/972501234567/messages",
        f"{CHATS}/972501234567/messages?connectionId=main&cursor=1767225600000-x",
    ],
)
async def test_what_cannot_be_meant_is_refused(client: Client, lease: Lease, path: str) -> None:
    assert (await client.get(path)).status == 422


async def test_a_chat_that_nobody_knows_is_empty(client: Client, lease: Lease) -> None:
    assert (await _get(client, _of("+972509999999")))["items"] == []
    assert await _chats(client) == []
    answer = await client.get(f"{CHATS}?connectionId=other")
    assert answer.status == 404


async def test_a_key_for_one_connection_sees_only_its_conversations(
    client: Client, stores: Stores, received: Received
) -> None:
    await stores.connection("other")
    message = await received.text()
    body = {"name": "other", "scopes": ["read"], "connectionIds": ["other"]}
    made = await (await client.post("/api/api-keys", json=body)).json()
    key = {"X-Api-Key": made["key"]}
    for path in (f"{CHATS}?connectionId=main", _of(FRIEND), f"{MESSAGES}/{message.id}"):
        assert (await client.get(path, headers=key)).status == 404
    listed = await client.get(f"{MESSAGES}?direction=in", headers=key)
    assert (await listed.json())["items"] == []


async def test_messages_of_an_earlier_version_get_their_places(
    client: Client, stores: Stores, lease: Lease
) -> None:
    await _send(stores, lease, "sent", to="5511987654321@c.us", chat=FRIEND)
    connection = await stores.connections.get(lease.connection)
    await stores.message(connection, "waits", to=OTHER)
    unplaced = {"$unset": {"conversation": True, "conversationAt": True}}
    await stores.database["messages"].update_many({}, unplaced)
    assert await _chats(client) == []
    await Timeline(stores.database).place_old()
    assert {each["chatId"] for each in await _chats(client)} == {FRIEND, OTHER}
    assert await _says(client, FRIEND) == ["sent"]


MANY = 3000


async def _fill(database: Database, connection: Connection, count: int, chats: int = 100) -> None:
    """Store messages on both sides, a minute apart, of chats in turn."""
    frame = {
        "owner": connection.owner,
        "connection": connection.id,
        "connectionId": connection.connection_id,
        "text": "x",
    }
    received, sent = [], []
    for n in range(count):
        at = START + timedelta(minutes=n)
        chat = f"9725000{n % chats:05d}@c.us"
        place = {"_id": first_id(at), "conversation": chat, **frame}
        key = f"false_{chat}_{n}"
        names = {"key": str(n), "bareId": str(n), "whatsappKey": key, "chatId": chat, "from": chat}
        received.append({**place, **names, "at": at, "recordedAt": utc_now(), "type": "text"})
        times = {"queuedAt": at, "dueAt": at, "conversationAt": at}
        sent.append({**place, **times, "to": chat, "seq": n, "priority": 1, "status": "read"})
    await database[RECEIVED.collection].insert_many(received)
    await database[SENT.collection].insert_many(sent)


async def test_all_chats_are_met_page_by_page_each_once(
    client: Client, database: Database, stores: Stores
) -> None:
    connection = await stores.connection()
    await _fill(database, connection, MANY, chats=130)
    seen: list[str] = []
    cursor = ""
    while True:
        page = await _get(client, f"{CHATS}?connectionId=main&limit=50{cursor}")
        seen += [each["chatId"] for each in page["items"]]
        if "cursor" not in page:
            break
        cursor = f"&cursor={page['cursor']}"
    assert len(seen) == len(set(seen)) == 130
    newest = [f"9725000{n % 130:05d}@c.us" for n in reversed(range(MANY - 130, MANY))]
    assert seen == newest


async def test_a_chat_with_very_many_messages_hides_no_other(
    services: Services, stores: Stores
) -> None:
    database, connection = services.database, await stores.connection()
    await _fill(database, connection, MANY, chats=1)
    old = {"_id": first_id(START), "conversation": OTHER, "connection": connection.id}
    frame = await database[RECEIVED.collection].find_one({}) or {}
    long_ago = START - timedelta(days=1)
    names = {"key": "old", "bareId": "old", "chatId": OTHER, "at": long_ago}
    await database[RECEIVED.collection].insert_one(frame | old | names | {"_id": new_id()})
    chats = Chats(database, ReadMarks(database))
    page, place = await chats.page(connection.id, None, 10, utc_now())
    assert [each.chat_id for each in page] == ["972500000000@c.us", OTHER]
    assert place is None


async def test_no_page_reads_more_messages_than_it_shows(
    services: Services, stores: Stores
) -> None:
    database, connection = services.database, await stores.connection()
    await _fill(database, connection, MANY)
    await stores.database.command("profile", 2)
    chats = Chats(database, ReadMarks(database))
    await chats.page(connection.id, None, 20, utc_now())
    chat, place = "972500000007@c.us", ListPlace(START + timedelta(hours=10), "z")
    await Timeline(database).page(connection.id, chat, place, 10)
    await stores.database.command("profile", 0)
    reads = [
        each
        async for each in database["system.profile"].find({"op": {"$in": ["query", "command"]}})
        if each["ns"].partition(".")[2] in {side.collection for side in SIDES}
    ]
    assert reads
    assert not any("COLLSCAN" in str(each.get("planSummary")) for each in reads)
    assert not any(each.get("hasSortStage") for each in reads)
    assert all(each.get("docsExamined", 0) <= 21 for each in reads)
    assert all(each.get("keysExamined", 0) <= 21 * 100 + 1 for each in reads)


async def test_no_search_for_received_messages_looks_at_more_than_it_shows(
    services: Services, stores: Stores
) -> None:
    database, made = services.database, await stores.connection()
    await _fill(database, made, MANY)
    places = (None, ListPlace(START + timedelta(hours=20), "z"))
    for owner, connection, place in product(["admin", None], [made.id, None], places):
        wanted = ReceivedFilter(owner=owner, connection=connection)
        command = {
            "find": RECEIVED.collection,
            "filter": wanted.to_query(place),
            "sort": {"at": -1, "_id": -1},
            "limit": 51,
            "hint": dict(wanted.index),
        }
        told = await database.command("explain", command, verbosity="executionStats")
        stats: dict[str, Any] = told["executionStats"]
        assert "'stage': 'SORT'" not in str(stats), (wanted, place)
        assert stats["totalDocsExamined"] <= 52, (wanted, place)
        assert stats["nReturned"] == 51, (wanted, place)
