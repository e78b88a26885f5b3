"""The pacer against a made-up history and clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatgrow_worker.sending.pacer import Pacer
from sessions.connections.pacing import DAY, HOUR, MINUTE, Pacing, QuietHours
from sessions.messages.model import Message, MessageStatus

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPEN: dict[str, Any] = {"per_minute": 10_000, "per_hour": 100_000, "per_day": 1_000_000}


@dataclass
class History:
    """Sends and new chats, as the outbox would tell them."""

    sends: list[datetime] = field(default_factory=list)
    chats: list[datetime] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    chat_looks: int = 0

    async def nth_latest(self, n: int) -> datetime | None:
        return self.sends[-n] if len(self.sends) >= n else None

    async def opens_chat(self, message: Message) -> bool:
        return await self.is_new_chat(message.to, message.to)

    async def is_new_chat(self, to: str, chat_id: str) -> bool:
        self.chat_looks += 1
        return not {to, chat_id} & self.known

    async def may_be_known(self, message: Message) -> bool:
        return False

    async def new_chats_since(self, since: datetime) -> list[datetime]:
        return [each for each in self.chats if each >= since]


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


def _message(to: str) -> Message:
    return Message(
        id="m",
        owner="o",
        connection="c",
        connection_id="c",
        to=to,
        text="t",
        seq=1,
        status=MessageStatus.QUEUED,
        queued_at=START,
        due_at=START,
    )


@given(
    limits=st.tuples(st.integers(1, 5), st.integers(1, 12), st.integers(1, 20)),
    jitter=st.tuples(st.floats(0, 5), st.floats(5, 30)),
    durations=st.lists(st.floats(0, 40), min_size=30, max_size=60),
)
async def test_no_window_ever_holds_more_than_its_limit(
    limits: tuple[int, int, int], jitter: tuple[float, float], durations: list[float]
) -> None:
    per_minute, per_hour, per_day = limits
    pacing = Pacing(
        per_minute=per_minute, per_hour=per_hour, per_day=per_day, jitter_seconds=jitter
    )
    history, clock = History(), Clock()
    arrivals: list[datetime] = []
    for duration in durations:
        # A new pacer each time: a restart or another worker must not burst.
        pacer = Pacer(history, clock)
        while pause := await pacer.pause(pacing):
            clock.now = pause.until
        arrivals.append(clock.now)
        clock.now += timedelta(seconds=duration)
        history.sends.append(clock.now)
    for window, limit in ((MINUTE, per_minute), (HOUR, per_hour), (DAY, per_day)):
        for first, beyond in zip(arrivals, arrivals[limit:], strict=False):
            assert beyond - first >= window
    for first, following in pairwise(arrivals):
        assert (following - first).total_seconds() >= jitter[0] - 1e-6


async def test_a_pacer_that_is_off_holds_nothing() -> None:
    history = History(sends=[START] * 100)
    assert await Pacer(history, Clock()).pause(Pacing(enabled=False)) is None


async def test_new_limits_hold_at_once() -> None:
    history, clock = History(sends=[START - MINUTE / 2]), Clock()
    pacer = Pacer(history, clock)
    assert await pacer.pause(Pacing(jitter_seconds=(0, 0), **OPEN)) is None
    assert await pacer.pause(Pacing(**{**OPEN, "per_minute": 1})) is not None


async def test_new_chats_have_an_allowance_of_their_own() -> None:
    history = History(chats=[START - HOUR, START - MINUTE], known={"friend@c.us"})
    pacer, pacing = Pacer(history, Clock()), Pacing(new_chats_per_day=2, **OPEN)
    assert await pacer.pause_for(_message("friend@c.us"), pacing) is None
    held = await pacer.pause_for(_message("stranger@c.us"), pacing)
    assert held is not None
    assert (held.until, held.reason) == (START - HOUR + DAY, "new_chats_limited")
    history.chats.pop(0)
    assert await pacer.pause_for(_message("stranger@c.us"), pacing) is None


@pytest.mark.parametrize(
    ("start", "end", "moment", "until"),
    [
        (
            "22:00",
            "07:00",
            datetime(2026, 7, 1, 20, tzinfo=UTC),
            datetime(2026, 7, 2, 4, tzinfo=UTC),
        ),
        (
            "22:00",
            "07:00",
            datetime(2026, 7, 1, 3, tzinfo=UTC),
            datetime(2026, 7, 1, 4, tzinfo=UTC),
        ),
        ("22:00", "07:00", datetime(2026, 7, 1, 12, tzinfo=UTC), None),
        (
            "13:00",
            "15:00",
            datetime(2026, 7, 1, 11, tzinfo=UTC),
            datetime(2026, 7, 1, 12, tzinfo=UTC),
        ),
        ("13:00", "15:00", datetime(2026, 7, 1, 12, tzinfo=UTC), None),
    ],
)
def test_quiet_hours_are_those_of_the_connections_own_time_zone(
    start: str, end: str, moment: datetime, until: datetime | None
) -> None:
    quiet = QuietHours(start=start, end=end, time_zone="Asia/Jerusalem")
    assert quiet.end_after(moment) == until


@pytest.mark.parametrize(
    ("zone", "start", "end", "moment", "until"),
    [
        # New York puts the clock back at 06:00Z: the hour from 01:00 comes twice.
        ("America/New_York", "22:00", "01:30", "2026-11-01T05:10Z", "2026-11-01T05:30Z"),
        ("America/New_York", "22:00", "01:30", "2026-11-01T05:40Z", None),
        ("America/New_York", "22:00", "01:30", "2026-11-01T06:10Z", "2026-11-01T06:30Z"),
        ("America/New_York", "22:00", "07:00", "2026-11-01T05:59Z", "2026-11-01T12:00Z"),
        # It is put forward at 07:00Z: 02:30 does not come.
        ("America/New_York", "22:00", "02:30", "2026-03-08T06:00Z", "2026-03-08T07:00Z"),
        ("America/New_York", "02:15", "02:45", "2026-03-08T07:00Z", None),
        ("America/New_York", "02:15", "04:00", "2026-03-08T07:00Z", "2026-03-08T08:00Z"),
        # Half an hour, at 15:30Z and 15:00Z.
        ("Australia/Lord_Howe", "22:00", "02:15", "2026-10-03T15:00Z", "2026-10-03T15:30Z"),
        ("Australia/Lord_Howe", "22:00", "01:45", "2026-04-04T15:05Z", "2026-04-04T15:15Z"),
        ("Asia/Jerusalem", "21:00", "08:00", "2026-07-01T20:30Z", "2026-07-02T05:00Z"),
    ],
)
def test_quiet_hours_end_at_the_end_that_follows_in_both_changes_of_clocks(
    zone: str, start: str, end: str, moment: str, until: str | None
) -> None:
    quiet = QuietHours(start=start, end=end, time_zone=zone)
    found = quiet.end_after(datetime.fromisoformat(moment))
    assert found == (until and datetime.fromisoformat(until))


_CLOCK = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
_ZONES = ("America/New_York", "Australia/Lord_Howe", "Asia/Jerusalem", "America/Havana", "UTC")


@given(
    start=_CLOCK,
    end=_CLOCK,
    zone=st.sampled_from(_ZONES),
    minute=st.integers(0, 365 * 24 * 60),
)
def test_quiet_hours_end_later_than_now_and_at_the_first_minute_that_is_not_quiet(
    start: str, end: str, zone: str, minute: int
) -> None:
    quiet = QuietHours(start=start, end=end, time_zone=zone)
    moment = START + minute * MINUTE
    until = quiet.end_after(moment)
    if until is None:
        return
    assert moment < until <= moment + timedelta(hours=25)
    assert quiet.end_after(until) is None
    assert quiet.end_after(until - MINUTE) is not None or until - MINUTE < moment


async def test_whether_a_chat_is_new_is_asked_only_when_no_more_may_be_opened() -> None:
    history = History(chats=[START - HOUR])
    pacer = Pacer(history, Clock())
    assert await pacer.pause_for(_message("new@c.us"), Pacing(**OPEN)) is None
    assert await pacer.pause_for_chat("new@c.us", "new@lid", Pacing(**OPEN)) is None
    assert history.chat_looks == 0
    used_up = Pacing(new_chats_per_day=1, **OPEN)
    assert await pacer.pause_for(_message("new@c.us"), used_up) is not None
    assert await pacer.pause_for_chat("new@c.us", "new@lid", used_up) is not None
