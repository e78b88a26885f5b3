"""All sides with the same number of sessions: linking, starting, standing idle, sending."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterable, Sequence
from itertools import chain

from tests.bench.figures import Figure, Goal
from tests.bench.lab import THEIRS_SHELL, Lab, Message
from tests.bench.ours import Ours
from tests.bench.report import Report
from tests.bench.side import Side, phone_of, session_name, texts
from tests.bench.sizes import Sizes
from tests.bench.theirs import Theirs
from tests.bench.usage import cpu_seconds, pss_bytes

_MB = 1024 * 1024
_STARTS_AT_MOST = 10
_ACKS_WITHIN_SECONDS = 1.5
"""Delivery and reading follow 0.15 and 0.45 s after a message, and are recorded by all."""

_Saving = tuple[Side, asyncio.Task[float]]
_SendingFigures = tuple[Figure, Figure, Figure]


async def run(lab: Lab, report: Report, sizes: Sizes) -> None:
    """Link all, lose everything but the store, then measure in turn."""
    ours, theirs = Ours(lab), (Theirs(lab), Theirs(lab, THEIRS_SHELL))
    sides: tuple[Side, ...] = (ours, *theirs)
    await _link(report, ours, theirs, sizes)
    for side in sides:
        await side.kill()
    report.step("all sides are killed, their disks are lost")
    for round_ in range(1, sizes.rounds + 1):
        for side in sides:
            report.step(f"round {round_} of {sizes.rounds}: {side.name}")
            await _round(lab, report, side, sizes, f"round {round_}")


async def _link(report: Report, ours: Side, theirs: Iterable[Side], sizes: Sizes) -> None:
    """Link all sessions of each side, ours while theirs wait for their first save."""
    figure = report.figure(
        "login safe after the scan",
        "s",
        "from the scan until the login is in the store: a `kill -9` and an empty disk follow, and "
        "every session must come back",
        Goal(0.15),
    )
    saving = await asyncio.gather(*(_link_all(report, side, sizes) for side in theirs))
    saving.append(await _link_all(report, ours, sizes))
    for side, saved in chain.from_iterable(saving):
        report.add(figure, side.name, await saved)


async def _link_all(report: Report, side: Side, sizes: Sizes) -> list[_Saving]:
    """Link one session after another; return what ends when they are saved."""
    await side.start()
    saving = [
        (side, await side.link(session_name(number), phone_of(side.name, number)))
        for number in range(sizes.sessions)
    ]
    report.step(f"{side.name}: {sizes.sessions} sessions are linked")
    return saving


async def _round(lab: Lab, report: Report, side: Side, sizes: Sizes, label: str) -> None:
    cold = report.figure(
        f"all {sizes.sessions} sessions from a cold start",
        "s",
        "from the start of the processes, with an empty disk, until every session can send",
        Goal(0.50),
        Goal(0.90),
    )
    report.add(cold, side.name, await _cold_start(report, side))
    await _prove(lab, side, sizes, label)
    await asyncio.sleep(sizes.settle.total_seconds())
    _memory(report, side, sizes, 0)
    await _idle(lab, report, side, sizes)
    await lab.faults({"pageWeightMb": sizes.weight_mb})
    await asyncio.sleep(sizes.settle.total_seconds() / 2)
    _memory(report, side, sizes, sizes.weight_mb)
    await lab.faults({"pageWeightMb": None})
    await _sending(lab, report, side, sizes, label)
    await side.stop()


async def _cold_start(report: Report, side: Side) -> float:
    """Return after how many seconds all could send; a start that hangs is counted and repeated."""
    for _ in range(_STARTS_AT_MOST):
        began = time.monotonic()
        await side.start()
        came_up = await side.until_ready()
        seconds = time.monotonic() - began
        report.started(side.name, came_up)
        if came_up:
            return seconds
        await side.kill()
    raise TimeoutError(f"{side.name} does not start")


async def _prove(lab: Lab, side: Side, sizes: Sizes, label: str) -> None:
    """Send one message from each session: what came back is the login that was linked."""
    for number in range(sizes.sessions):
        [message] = texts(f"{label}, line {number}", 1, 1)
        await side.send(session_name(number), [message])
        await lab.until_arrived(phone_of(side.name, number), message)


def _memory(report: Report, side: Side, sizes: Sizes, weight_mb: int) -> None:
    figure = report.figure(
        f"memory per idle session, page weight {weight_mb} MB",
        "MB",
        "proportional set size of all processes of the side, divided by its sessions",
        shell_goal=Goal(0.60 if weight_mb == 0 else 0.80),
    )
    report.add(figure, side.name, pss_bytes(side.pids()) / _MB / sizes.sessions)


async def _idle(lab: Lab, report: Report, side: Side, sizes: Sizes) -> None:
    own = report.figure(
        f"idle processor time of {sizes.sessions} sessions",
        "s/min",
        "processor seconds a minute while nothing is sent, after a time at rest",
        shell_goal=Goal(1.0),
    )
    servers = report.figure(
        "idle, MongoDB and Redis beside it",
        "s/min",
        "processor seconds a minute of the two servers, which belong to neither side",
    )
    await asyncio.sleep(sizes.rest.total_seconds())
    before, servers_before = cpu_seconds(side.pids()), lab.servers_cpu()
    await asyncio.sleep(sizes.idle.total_seconds())
    minutes = sizes.idle.total_seconds() / 60
    report.add(own, side.name, (cpu_seconds(side.pids()) - before) / minutes)
    report.add(servers, side.name, (lab.servers_cpu() - servers_before) / minutes)


async def _sending(lab: Lab, report: Report, side: Side, sizes: Sizes, label: str) -> None:
    session = session_name(0)
    await side.send(session, texts(f"{label}, first", sizes.recipients, sizes.recipients))
    singly = (
        report.figure(
            "messages through one unpaced session",
            "1/s",
            "from the first call until the last message has arrived at WhatsApp",
        ),
        report.figure(
            "processor time for 1,000 messages",
            "s",
            "of all processes of the side, until the acks are in; idle sessions included",
        ),
        report.figure(
            "1,000 messages, MongoDB and Redis beside it",
            "s",
            "processor seconds of the two servers, which belong to neither side",
        ),
    )
    messages = texts(label, sizes.messages, sizes.recipients)
    await _measure(lab, report, side, side.send(session, messages), messages, singly)
    if isinstance(side, Ours):
        messages = texts(f"{label}, in bulk", sizes.messages, sizes.recipients)
        bulk = side.send_in_bulk(session, messages)
        await _measure(lab, report, side, bulk, messages, _in_bulk(report))


def _in_bulk(report: Report) -> _SendingFigures:
    meaning = "the same, given to the API by requests of 100; theirs has no such call"
    return (
        report.figure("messages given in bulk", "1/s", meaning),
        report.figure("processor time for 1,000 messages given in bulk", "s", meaning),
        report.figure("the same, MongoDB and Redis beside it", "s", meaning),
    )


async def _measure(
    lab: Lab,
    report: Report,
    side: Side,
    sending: Awaitable[None],
    messages: Sequence[Message],
    figures: _SendingFigures,
) -> None:
    rate, own, servers = figures
    phone = phone_of(side.name, 0)
    before, servers_before = cpu_seconds(side.pids()), lab.servers_cpu()
    began = time.monotonic()
    await sending
    await lab.until_arrived(phone, messages[-1])
    report.add(rate, side.name, len(messages) / (time.monotonic() - began))
    await asyncio.sleep(_ACKS_WITHIN_SECONDS)
    thousands = len(messages) / 1000
    report.add(own, side.name, (cpu_seconds(side.pids()) - before) / thousands)
    report.add(servers, side.name, (lab.servers_cpu() - servers_before) / thousands)
    await _check(lab, phone, messages)


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
