"""The event log: in order, bounded, honest about what it dropped."""

from __future__ import annotations

import asyncio

from sessions.events.log import GAP, Event, EventLog, EventType


def _events(count: int) -> list[Event]:
    return [Event(EventType.MESSAGE_STATUS, "o", "c", str(number)) for number in range(count)]


def test_events_are_taken_in_order_and_piece_by_piece() -> None:
    log = EventLog()
    events = _events(5)
    log.publish(*events[:3])
    log.publish(*events[3:])
    assert [log.take(2), log.take(2), log.take(2), log.take(2)] == [
        events[:2],
        events[2:4],
        events[4:],
        [],
    ]


def test_a_full_log_drops_the_oldest_and_says_so_once() -> None:
    log = EventLog(room=2)
    events = _events(4)
    for event in events[:3]:
        log.publish(event)
    assert log.take(1) == [GAP, events[1]]
    log.publish(events[3])
    assert log.take() == events[2:]


def test_more_at_once_than_there_is_room_for() -> None:
    log = EventLog(room=2)
    events = _events(3)
    log.publish(*events)
    assert log.take() == [GAP, *events[1:]]


async def test_a_closed_log_gives_what_it_has_and_ends() -> None:
    log = EventLog()
    log.publish(*_events(1))
    log.close()
    assert await log.wait()
    log.take()
    assert not await log.wait()


async def test_nothing_published_is_not_taken_for_the_end() -> None:
    log = EventLog()
    log.publish()
    waiting = asyncio.create_task(log.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    log.publish(*_events(1))
    assert await waiting


async def test_waiting_ends_with_the_next_event() -> None:
    log = EventLog()
    log.publish(*_events(1))
    log.take()
    waiting = asyncio.create_task(log.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    log.publish(*_events(1))
    assert await waiting


async def test_what_is_discarded_goes_from_a_batch_that_is_under_way_too() -> None:
    log = EventLog()
    first, second, third = _events(3)
    log.publish(first, second, third)
    under_way = log.take(2)
    log.discard(lambda event: event in (first, third))
    assert under_way == [second]
    assert log.take() == []
    waiting = asyncio.create_task(log.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    log.publish(first)
    assert await waiting
