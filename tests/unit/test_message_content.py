"""What a message contains: one content for each request, stored with its kind."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from control_api.schemas.messages import BulkSend
from sessions.common.clock import utc_now
from sessions.encryption.keys import Key, KeyRing
from sessions.encryption.sealed_value import SealedValue
from sessions.messages.content import Contact, Content, Kind, Location, Poll, Text
from sessions.messages.model import Message, MessageStatus
from sessions.messages.requests import MessageRequest, SendRequest
from sessions.messages.sealed_texts import StoredContent, TextSealer, TextUnreadableError

KEYS = KeyRing([Key.generate()])
POLL = {"question": "When?", "options": ["Monday", "Tuesday"]}
CONTENTS: list[Content] = [
    Text(text="Hello"),
    Location(latitude=32.0853, longitude=34.7818, name="Tel Aviv"),
    Location(latitude=-90, longitude=180),
    Contact(name="Dana Levi", phone="+972501234567"),
    Poll(question="When?", options=("Monday", "Tuesday"), multiple=True),
]


def _asked(**fields: Any) -> MessageRequest:
    return MessageRequest.model_validate({"to": "+972501234567", **fields})


def _refused(**fields: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        _asked(**fields)
    return [".".join(map(str, each["loc"])) for each in caught.value.errors()]


@pytest.mark.parametrize("content", CONTENTS, ids=lambda each: each.kind)
def test_a_bulk_takes_each_content_that_a_send_takes(content: Content) -> None:
    said = content.model_dump(mode="json", by_alias=True, exclude_none=True)
    name, value = ("message", said["text"]) if isinstance(content, Text) else (content.kind, said)
    message: dict[str, Any] = {"to": "+972501234567", str(name): value}
    one = SendRequest.model_validate_json(
        json.dumps({"connectionId": "main", **message}), strict=True
    )
    bulk = BulkSend.model_validate_json(
        json.dumps({"connectionId": "main", "messages": [message]}), strict=True
    )
    (read,), _ = bulk.sorted_out()
    assert read.content == one.content == content


def _message(stored: StoredContent) -> Message:
    now = utc_now()
    return Message(
        id="m1",
        owner="admin",
        connection="c1",
        connection_id="main",
        to="972501234567@c.us",
        kind=stored.kind,
        text=stored.text,
        content=stored.content,
        seq=1,
        status=MessageStatus.QUEUED,
        queued_at=now,
        due_at=now,
    )


@pytest.mark.parametrize("content", CONTENTS, ids=repr)
@pytest.mark.parametrize("sealer", [TextSealer(None, on=False), TextSealer(KEYS, on=True)])
def test_a_content_is_read_as_it_was_stored(content: Content, sealer: TextSealer) -> None:
    stored = sealer.seal_content("m1", content)

    assert stored.kind is content.kind
    assert sealer.open_content(_message(stored)) == content


@pytest.mark.parametrize("content", CONTENTS, ids=repr)
def test_a_sealed_content_says_nothing(content: Content) -> None:
    stored = TextSealer(KEYS, on=True).seal_content("m1", content)

    assert all(
        value is None or isinstance(value, SealedValue) for value in (stored.text, stored.content)
    )


def test_a_content_cannot_be_read_in_another_message() -> None:
    sealer = TextSealer(KEYS, on=True)
    message = _message(sealer.seal_content("m2", CONTENTS[1]))

    with pytest.raises(TextUnreadableError):
        sealer.open_content(message)


def test_a_message_of_an_earlier_version_is_a_text() -> None:
    document = _message(StoredContent(Kind.TEXT, text="Hello")).model_dump(by_alias=True)
    old = {name: value for name, value in document.items() if name not in {"kind", "content"}}

    assert TextSealer(None, on=False).open_content(Message.model_validate(old)) == Text(
        text="Hello"
    )


def test_a_request_without_a_content_is_told_which_field_it_lacks() -> None:
    assert _refused() == ["message"]
    assert _refused(message=None, poll=None) == ["message"]


def test_a_request_has_one_content() -> None:
    assert _refused(message="Hello", poll=POLL) == ["message"]
    assert _refused(location={"latitude": 1, "longitude": 1}, poll=POLL) == ["message"]
    assert _asked(message="Hello", poll=None).content == Text(text="Hello")
    assert _asked(poll=POLL).content == Poll(question="When?", options=("Monday", "Tuesday"))


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("location.latitude", {"location": {"latitude": 90.1, "longitude": 0}}),
        ("location.longitude", {"location": {"latitude": 0, "longitude": -180.1}}),
        ("location.latitude", {"location": {"latitude": True, "longitude": 0}}),
        ("location.latitude", {"location": {"latitude": "32", "longitude": 0}}),
        ("location.latitude", {"location": json.loads('{"latitude": NaN, "longitude": 0}')}),
        ("location.name", {"location": {"latitude": 1, "longitude": 0, "name": "\u200b"}}),
        ("contact.phone", {"contact": {"name": "Dana", "phone": "call me"}}),
        ("contact.name", {"contact": {"name": " ", "phone": "+972501234567"}}),
        ("poll.options", {"poll": {"question": "When?", "options": ["Monday"]}}),
        ("poll.options", {"poll": {"question": "When?", "options": ["Monday", "Monday"]}}),
        ("poll.options", {"poll": {"question": "When?", "options": [str(n) for n in range(13)]}}),
        ("poll.options.1", {"poll": {"question": "When?", "options": ["a", "b" * 101]}}),
        ("poll.question", {"poll": {"question": "?" * 256, "options": ["a", "b"]}}),
        ("replyTo", {"message": "Hello", "replyTo": "../../x"}),
    ],
)
def test_values_that_whatsapp_would_not_take_are_refused(
    field: str, fields: dict[str, Any]
) -> None:
    assert _refused(**fields)[0] == field
