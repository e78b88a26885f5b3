"""What an owner keeps of its sends is what MongoDB would tell."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from sessions.connections.pacing import DAY, HOUR, MINUTE
from sessions.messages.model import Message, MessageStatus
from sessions.messages.paced_sends import Paced, PacedSends

if TYPE_CHECKING:
    from sessions.messages.send_queue import SendQueue

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Queue:
    """What MongoDB tells, at once or when it is let."""

    def __init__(self, *stored: Paced) -> None:
        self.stored = list(stored)
        self.reads = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def paced_since(self, connection: str, since: datetime) -> list[Paced]:
        self.reads += 1
        found = [each for each in self.stored if each.at >= since]
        await self.answers.wait()
        return found


def _sends(queue: Queue) -> PacedSends:
    return PacedSends(cast("SendQueue", queue), "c", lambda: START)


def _sent(name: str, at: datetime, *, new_chat: bool = False) -> Message:
    return Message(
        id=name,
        owner="o",
        connection="c",
        connection_id="c",
        to="t@c.us",
        text="t",
        seq=1,
        status=MessageStatus.SENT,
        queued_at=START,
        due_at=START,
        paced_at=at,
        new_chat=new_chat,
    )


async def test_it_reads_once_and_then_knows_by_itself() -> None:
    queue = Queue(Paced("b", START - MINUTE), Paced("a", START - HOUR, new_chat=True))
    sends = _sends(queue)
    assert await sends.nth_latest(2) == START - HOUR
    sends.note(_sent("c", START, new_chat=True))
    assert [await sends.nth_latest(n) for n in (1, 2, 3, 4)] == [
        START,
        START - MINUTE,
        START - HOUR,
        None,
    ]
    assert await sends.new_chats_since(START - DAY) == [START - HOUR, START]
    assert queue.reads == 1


async def test_a_message_counts_once_from_the_last_time_on() -> None:
    sends = _sends(Queue(Paced("a", START - HOUR)))
    assert await sends.nth_latest(1) == START - HOUR
    sends.note(_sent("b", START))
    sends.note(_sent("a", START + MINUTE))
    assert [await sends.nth_latest(n) for n in (1, 2, 3)] == [START + MINUTE, START, None]


async def test_what_no_window_reaches_is_let_go() -> None:
    sends = _sends(Queue(Paced("a", START - DAY)))
    assert await sends.nth_latest(1) == START - DAY
    sends.note(_sent("b", START + 2 * HOUR))
    assert await sends.nth_latest(2) is None


async def test_it_reads_anew_when_it_is_told_to() -> None:
    queue = Queue()
    sends = _sends(queue)
    assert await sends.nth_latest(1) is None
    queue.stored.append(Paced("of another owner", START))
    sends.forget()
    assert await sends.nth_latest(1) == START


async def test_what_is_sent_while_it_reads_is_not_missed() -> None:
    queue = Queue()
    sends = _sends(queue)
    queue.answers.clear()
    asking = asyncio.create_task(sends.nth_latest(1))
    await asyncio.sleep(0)
    assert queue.reads == 1
    queue.stored.append(Paced("a", START + timedelta(seconds=1)))
    sends.note(_sent("a", START + timedelta(seconds=1)))
    queue.answers.set()
    assert await asking == START + timedelta(seconds=1)
