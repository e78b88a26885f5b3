"""The client reads server-sent events as the HTML standard says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chatgrow_client.server_events import EventDecoder, ServerEvent

STREAM = (
    "retry: 2000\n\n"
    ": a comment\n"
    'id: 1-0\nevent: message.status\ndata: {"a": "\u2028ש"}\n\n'
    "id: 2-0\n\n"
    "event: gap\ndata:{}\n\n"
    "data: two\ndata: lines\n\n"
    "event: without data\n\n"
).encode()
EVENTS = [
    ServerEvent("1-0", "message.status", '{"a": "\u2028ש"}'),
    ServerEvent("2-0", "gap", "{}"),
    ServerEvent("2-0", "message", "two\nlines"),
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10_000])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_events_are_the_same_however_the_bytes_arrive(size: int, ending: bytes) -> None:
    text = STREAM.replace(b"\n", ending) + b": the end is not read yet"
    decoder = EventDecoder()
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert [event for piece in pieces for event in decoder.feed(piece)] == EVENTS
    assert decoder.retry == timedelta(seconds=2)


def test_an_event_that_was_cut_off_is_dropped_and_its_id_is_not_kept() -> None:
    decoder = EventDecoder("1-0")
    assert list(decoder.feed(b'id: 2-0\nevent: gap\ndata: {"half')) == []
    decoder.begin()
    assert decoder.last_id == "1-0"
    (event,) = decoder.feed(b"data: whole\n\n")
    assert event == ServerEvent("1-0", "message", "whole")


def test_the_last_id_is_that_of_the_event_that_was_taken() -> None:
    decoder = EventDecoder()
    events = decoder.feed(b"id: 1\ndata: a\n\nid: 2\ndata: b\n\n")
    next(events)
    assert decoder.last_id == "1"
    next(events)
    assert decoder.last_id == "2"
