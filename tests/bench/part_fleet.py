"""All sides with the same number of sessions: linking, starting, standing idle, sending."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from tests.bench.figures import Goal
from tests.bench.lab import OURS, Lab, Message
from tests.bench.ours import Ours
from tests.bench.report import Report
from tests.bench.side import Side, phone_of, session_name, texts
from tests.bench.sizes import Sizes
from tests.bench.theirs import Theirs
from tests.bench.usage import cpu_seconds, pss_bytes

_MB = 1024 * 1024
_ACKS_WITHIN_SECONDS = 1.5
"""Delivery and reading follow 0.15 and 0.45 s after a message, and are recorded by all."""

_Saving = tuple[Side, asyncio.Task[float]]


async def run(lab: Lab, report: Report, sizes: Sizes) -> None:
    """Link all, lose everything but the store, then measure in turn."""
    sides = [_side(lab, name) for name in sizes.sides]
    linked = 0
    for count in sizes.fleets:
        await _link(report, sides, range(linked, count))
        linked = count
        for side in sides:
            await side.kill()
        report.step("all sides are killed, their disks are lost")
        for round_ in range(1, sizes.rounds + 1):
            for side in sides:
                report.step(f"{count} sessions, round {round_} of {sizes.rounds}: {side.name}")
                await _Round(lab, report, sizes, side, count, round_).measure()


def _side(lab: Lab, name: str) -> Side:
    return Ours(lab) if name == OURS else Theirs(lab, name)


async def _link(report: Report, sides: Sequence[Side], numbers: range) -> None:
    """Link more sessions of each side, ours while theirs wait for their first save."""
    figure = report.figure(
        "login safe after the scan",
        "s",
        "from the scan until the login is in the store: a `kill -9` and an empty disk follow, and "
        "every session must come back",
        Goal(0.15),
    )
    theirs = (side for side in sides if side.name != OURS)
    saving = await asyncio.gather(*(_link_all(report, side, numbers) for side in theirs))
    for side in sides:
        if side.name == OURS:
            saving.append(await _link_all(report, side, numbers))
    for side, saved in chain.from_iterable(saving):
        report.add(figure, side.name, await saved)


async def _link_all(report: Report, side: Side, numbers: range) -> list[_Saving]:
    """Link one session after another; return what ends when they are saved."""
    await _cold_start(report, side)
    saving = [
        (side, await side.link(session_name(number), phone_of(side.name, number)))
        for number in numbers
    ]
    report.step(f"{side.name}: {numbers.stop} sessions are linked")
    return saving


@dataclass(frozen=True)
class _Round:
    """What is measured of one side with so many sessions, from its empty disk on."""

    lab: Lab
    report: Report
    sizes: Sizes
    side: Side
    count: int
    number: int

    async def measure(self) -> None:
        """Start, stand idle, send at the default pace, then through one unpaced session."""
        await self._start()
        await self._prove()
        await asyncio.sleep(self.sizes.settle.total_seconds())
        self._memory(0)
        await self._paced(await self._idle())
        await self.lab.faults({"pageWeightMb": self.sizes.weight_mb})
        await asyncio.sleep(self.sizes.settle.total_seconds() / 2)
        self._memory(self.sizes.weight_mb)
        await self.lab.faults({"pageWeightMb": None})
        await self._unpaced()
        await self.side.stop()

    async def _start(self) -> None:
        cold = self.report.figure(
            f"all {self.count} sessions from a cold start",
            "s",
            "from the start of the processes, with an empty disk, until every session can send; of "
            "theirs, until the last one that did not hang",
            Goal(0.50),
            Goal(0.90),
        )
        self.report.add(cold, self.side.name, await _cold_start(self.report, self.side))

    async def _prove(self) -> None:
        """Send one message from each session: what came back is the login that was linked."""
        for number in range(self.count):
            [message] = texts(f"{self._label}, line {number}", 1, 1)
            await self.side.send(session_name(number), [message])
            await self.lab.until_arrived(phone_of(self.side.name, number), message)

    def _memory(self, weight_mb: int) -> None:
        figure = self.report.figure(
            f"memory per idle session of {self.count}, page weight {weight_mb} MB",
            "MB",
            "proportional set size of all processes of the side, divided by its sessions",
            shell_goal=Goal(0.60 if weight_mb == 0 else 0.80),
        )
        used = pss_bytes(self.side.pids()) / _MB
        self.report.add(figure, self.side.name, used / self.count)

    async def _idle(self) -> float:
        """Measure what all use at rest; return the seconds in a second, servers included."""
        own = self.report.figure(
            f"idle processor time of {self.count} sessions",
            "s/min",
            "processor seconds a minute while nothing is sent, after a time at rest",
            shell_goal=Goal(1.0),
        )
        servers = self.report.figure(
            f"idle, {self.count} sessions, MongoDB and Redis beside it",
            "s/min",
            "processor seconds a minute of the two servers, which belong to neither side",
        )
        last = self.count == max(self.sizes.fleets)
        await asyncio.sleep((self.sizes.rest if last else self.sizes.settle).total_seconds())
        before, seconds = self._used(), self.sizes.idle.total_seconds()
        await asyncio.sleep(seconds)
        used = self._used() - before
        self.report.add(own, self.side.name, used.own * 60 / seconds)
        self.report.add(servers, self.side.name, used.servers * 60 / seconds)
        return used.total / seconds

    async def _paced(self, idle: float) -> None:
        """Send from every session at the default pace: one message after each pause of it."""
        figure = self.report.figure(
            f"processor time of a message at the default pace, {self.count} sessions",
            "ms",
            "of all processes of the side and the two servers, until the acks are in, beyond what "
            "they use at rest; theirs calls `sendMessage` after each pause and stores nothing",
            shell_goal=Goal(1.3),
        )
        recipients = self.sizes.paced_messages
        known = texts(f"{self._label}, known", recipients, recipients)
        for number in range(self.count):
            await self.side.send(session_name(number), known)
        # What those messages leave to be done is not to be counted with the ones that are measured.
        await asyncio.sleep(self.sizes.settle.total_seconds())
        messages = texts(f"{self._label}, paced", self.sizes.paced_messages, recipients)
        before, began = self._used(), time.monotonic()
        await self.side.send_paced(self.count, messages)
        await asyncio.sleep(_ACKS_WITHIN_SECONDS)
        used = (self._used() - before).total - idle * (time.monotonic() - began)
        self.report.add(figure, self.side.name, used * 1000 / (self.count * len(messages)))
        for number in range(self.count):
            await _check(self.lab, phone_of(self.side.name, number), messages)

    async def _unpaced(self) -> None:
        """Send as fast as one session can."""
        rate = self.report.figure(
            f"messages through one unpaced session of {self.count}",
            "1/s",
            "from the first call until the last message has arrived at WhatsApp",
        )
        own = self.report.figure(
            f"processor time for 1,000 unpaced messages, {self.count} sessions",
            "s",
            "of all processes of the side, until the acks are in; idle sessions included",
        )
        servers = self.report.figure(
            f"1,000 unpaced messages, {self.count} sessions, MongoDB and Redis beside it",
            "s",
            "processor seconds of the two servers, which belong to neither side",
        )
        phone = phone_of(self.side.name, 0)
        messages = texts(self._label, self.sizes.messages, self.sizes.recipients)
        before, began = self._used(), time.monotonic()
        await self.side.send(session_name(0), messages)
        await self.lab.until_arrived(phone, messages[-1])
        self.report.add(rate, self.side.name, len(messages) / (time.monotonic() - began))
        await asyncio.sleep(_ACKS_WITHIN_SECONDS)
        used, thousands = self._used() - before, len(messages) / 1000
        self.report.add(own, self.side.name, used.own / thousands)
        self.report.add(servers, self.side.name, used.servers / thousands)
        await _check(self.lab, phone, messages)

    @property
    def _label(self) -> str:
        return f"{self.count} sessions, round {self.number}"

    def _used(self) -> _Used:
        return _Used(cpu_seconds(self.side.pids()), self.lab.servers_cpu())


@dataclass(frozen=True)
class _Used:
    """Processor seconds of a side, and of the two servers."""

    own: float
    servers: float

    def __sub__(self, earlier: _Used) -> _Used:
        return _Used(self.own - earlier.own, self.servers - earlier.servers)

    @property
    def total(self) -> float:
        return self.own + self.servers


async def _cold_start(report: Report, side: Side) -> float:
    """Return after how many seconds all could send, but for those that hung, which are counted."""
    began = time.monotonic()
    await side.start()
    ready = await side.until_ready()
    report.started(side.name, ready.hung)
    return ready.at - began


async def _check(lab: Lab, phone: str, messages: Sequence[Message]) -> None:
    """Fail when a message of the measurement has not arrived exactly once."""
    wanted = {each.text for each in messages}
    entries = [
        entry
        for to in {each.to for each in messages}
        for entry in await lab.arrived(phone, to)
        if entry["text"] in wanted
    ]
    assert {each["text"] for each in entries} == wanted
    assert all(each["arrivals"] == 1 for each in entries)
