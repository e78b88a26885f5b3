"""What phones write and do is recorded from the simulated page, with our script in it."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from chatgrow_worker.page.errors import PageCallError
from chatgrow_worker.page.snapshot import PageState
from sessions.conversations.documents import Documents
from sessions.conversations.model import Card, MediaState, Place, ReceivedMessage, ReceivedType
from tests.builders import PLAIN
from tests.integration.receiving.listening import FRIEND, FRIEND_NUMBER, ME, Line
from tests.integration.scripted_pages import until_it_shows
from tests.waiting import until


async def test_a_text_is_recorded_with_its_sender(line: Line) -> None:
    said = await line.says(text="Hello")
    (message,) = await line.records(1)
    assert (message.text, message.type, message.bare_id) == ("Hello", ReceivedType.TEXT, said)
    assert (message.chat_id, message.from_number) == (FRIEND, FRIEND_NUMBER)
    assert message.sender == FRIEND


async def test_everything_that_a_phone_may_write_is_read(line: Line) -> None:
    content = b"a film, or nearly"
    await line.says(location={"lat": 32.1, "lng": 34.8, "name": "office"})
    await line.says(contact={"name": "Dana", "number": "+972501234567"})
    await line.says(poll={"name": "When?", "options": ["now", "later"]})
    encoded = base64.b64encode(content).decode()
    media = {"base64": encoded, "mimetype": "video/mp4", "filename": "a.mp4"}
    await line.says(text="look", media=media)
    place, card, poll, film = await line.records(4)
    read = Documents(PLAIN).open
    assert read(place).details.location == Place(latitude=32.1, longitude=34.8, name="office")
    assert read(card).details.contacts == (Card(name="Dana", phones=("+972501234567",)),)
    asked = read(poll).details.poll
    assert asked is not None
    assert (asked.question, asked.options) == ("When?", ("now", "later"))
    assert (place.text, card.text, poll.text, film.text) == (None, None, None, "look")
    assert film.media is not None
    assert (film.media.state, film.media.mimetype) == (MediaState.PENDING, "video/mp4")
    assert (film.media.size, film.media.filename) == (len(content), "a.mp4")
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert film.media.sha256 == digest


async def test_no_message_can_be_larger_than_a_document_of_mongodb(line: Line) -> None:
    options = [f"{number}{'€' * 10_000}" for number in range(3)]
    await line.says(poll={"name": "?" * 10_000, "options": options})
    (poll,) = await line.records(1)
    asked = Documents(PLAIN).open(poll).details.poll
    assert asked is not None
    assert asked.question == "?" * 1000
    assert asked.options == tuple(each[:1000] for each in options)


async def test_a_member_of_a_group_is_named_by_the_number(line: Line) -> None:
    members = [ME, FRIEND_NUMBER]
    group = await line.world.hand.good("POST", "/control/groups", subject="Us", members=members)
    await line.says(text="all", **{"from": group["id"], "to": ME})
    (message,) = await line.records(1)
    assert (message.chat_id, message.is_from_group) == (group["id"], True)
    assert message.sender.endswith("@lid")
    assert message.from_number == FRIEND_NUMBER


async def test_a_reply_a_reaction_an_edit_and_a_revocation_are_recorded(line: Line) -> None:
    said = await line.says(text="first")
    (first,) = await line.records(1)
    await line.says(text="second", replyTo=said)
    _, second = await line.records(2)
    assert (second.reply_to, second.quoted_id) == (first.id, said)
    await line.does("react", id=said, emoji="👍")
    await line.does("edit", id=said, text="better")
    await until(_has(line, lambda message: [each.emoji for each in message.reactions] == ["👍"]))
    await until(_has(line, lambda message: message.text == "better"))
    await line.does("react", id=said, emoji="")
    await line.does("revoke", id=said)
    await until(_has(line, lambda message: [each.emoji for each in message.reactions] == [None]))
    await until(_has(line, lambda message: message.revoked_at is not None))
    assert len(await line.stored()) == 2


async def test_a_message_without_content_is_recorded_at_once(line: Line) -> None:
    await line.world.hand.faults(number=ME, ciphertextMs=2000)
    await line.says(text="late")
    await line.one(type=ReceivedType.CIPHERTEXT)
    await line.one(type=ReceivedType.TEXT, text="late")


async def test_a_flood_of_old_messages_is_not_recorded(own_line: Line) -> None:
    await own_line.world.hand.faults(number=ME, hydration=3000)
    await own_line.says(text="live")
    await own_line.page.reload(timedelta(seconds=20))
    await until_it_shows(own_line.page, PageState.READY)

    async def flooded() -> bool:
        return bool(await own_line.raw.evaluate("WPP.whatsapp.MsgStore.length >= 3000"))

    await until(flooded)
    await own_line.look()
    await own_line.says(text="after")
    texts = [each.text for each in await own_line.records(2)]
    assert texts == ["live", "after"]


_TELL = """(told) => {
  const wid = (id) => ({server: id.split('@')[1], toString: () => id});
  for (const {id, from, fromMe, count = 1, ...rest} of told) {
    for (let number = 0; number < count; number += 1) {
      const key = {fromMe, remote: wid(from), toString: () => `${fromMe}_${from}_${id}${number}`};
      const t = Math.floor(Date.now() / 1000);
      WPP.emit('chat.new_message', {type: 'chat', t, body: 'x', from: wid(from), ...rest, id: key});
    }
  }
}"""
_FROM = {"id": "3EB0", "from": FRIEND, "fromMe": False}


async def test_only_what_others_write_in_chats_and_groups_is_told(line: Line) -> None:
    none_of_these = [
        {**_FROM, "fromMe": True},
        {**_FROM, "from": "status@broadcast"},
        {**_FROM, "from": "123@broadcast"},
        {**_FROM, "from": "120363000000000000@newsletter"},
        {**_FROM, "type": "e2e_notification"},
        {**_FROM, "type": "protocol"},
        {**_FROM, "isMdHistoryMsg": True},
        {**_FROM, "t": 1_000_000_000},
    ]
    await line.raw.evaluate(_TELL, [*none_of_these, {**_FROM, "id": "3EB0FF", "body": "this"}])
    (message,) = await line.records(1)
    assert message.text == "this"


async def test_a_look_carries_a_bounded_part_and_what_has_no_room_is_swept(own_line: Line) -> None:
    await own_line.says(text="in the table")
    await own_line.records(1)
    await own_line.look()  # after it the page has forgotten what was recorded
    # More than the page keeps: these are not in its table, so only what it kept is recorded.
    await own_line.raw.evaluate(_TELL, [{**_FROM, "count": 5100}])
    await own_line.stores.database["receivedMessages"].delete_many({})
    look = await own_line.page.look("", 0, own_line.receiver.heard)
    assert look is not None
    assert (len(look.received.items), look.received.more, look.received.missed) == (100, True, True)
    again = await own_line.page.look("", 0, own_line.receiver.heard)
    assert again is not None
    assert again.received.items == look.received.items, "it is told again until it is recorded"
    assert await own_line.receiver.receive(look.epoch, look.received)
    await own_line.look()
    texts = Counter(each.text for each in await own_line.stored())
    assert texts == {"x": 5000, "in the table": 1}


_UNREADABLE = """(types) => {
  const own = require('WAWebDBMessageSerialization');
  const {messageFromDbRow} = own;
  own.messageFromDbRow = (row) => {
    if (types.includes(row.type)) throw new TypeError('no such field');
    return messageFromDbRow(row);
  };
}"""


async def test_a_row_that_whatsapp_cannot_read_is_told_of_all_the_same(own_line: Line) -> None:
    await own_line.says(text="fine")
    await own_line.says(poll={"name": "When?", "options": ["now", "later"]})
    await own_line.records(2)
    await own_line.raw.evaluate(_UNREADABLE, ["poll_creation"])
    page = await own_line.page.received_rows(0, 100)
    assert [(each["type"], each["sender"]) for each in page.items] == [
        ("chat", FRIEND),
        ("unreadable", FRIEND),
    ]
    await own_line.raw.evaluate(_UNREADABLE, ["chat"])
    # If none can be read, nothing may count as recorded.
    with pytest.raises(PageCallError):
        await own_line.page.received_rows(0, 100)


def _has(line: Line, what: Callable[[ReceivedMessage], bool]) -> Callable[[], Awaitable[bool]]:
    """Return a look at the first message, which tells whether this is true of it."""

    async def first_has() -> bool:
        await line.look()
        return what((await line.stored())[0])

    return first_has
