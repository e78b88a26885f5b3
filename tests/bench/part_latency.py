"""Ours alone: how long a request takes to be accepted, and a message to reach WhatsApp."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

import aiohttp

from tests.bench.figures import percentile
from tests.bench.lab import OURS, Lab, Message
from tests.bench.linked import linked
from tests.bench.report import Report
from tests.bench.side import phone_of, session_name, texts
from tests.bench.sizes import Sizes

_SESSION = session_name(0)
_RECIPIENTS = 20


async def run(lab: Lab, report: Report, sizes: Sizes) -> None:
    """Measure both on one connection that runs."""
    async with linked(lab, 1) as ours:
        await ours.start()
        await ours.until_ready()
        async with ours.backend() as http:
            await _warm_up(http)
            for rate in sizes.accept_rates:
                await _accepting(lab, report, sizes, http, rate)
            await _to_whatsapp(lab, report, sizes, http)


async def _warm_up(http: aiohttp.ClientSession) -> None:
    for message in texts("warming up", _RECIPIENTS, _RECIPIENTS):
        await _post(http, message)


async def _accepting(
    lab: Lab, report: Report, sizes: Sizes, http: aiohttp.ClientSession, rate: int
) -> None:
    """Post at a steady rate to a connection that is paced, so that little is sent meanwhile."""
    await _pace(http, {"enabled": True, "perMinute": 1})
    messages = texts(f"accept {rate}", int(rate * sizes.accept_for.total_seconds()), _RECIPIENTS)
    took = await _at_a_rate(messages, rate, lambda message: _post(http, message))
    await lab.database["messages"].delete_many({"status": "queued"})
    await _pace(http, {"enabled": False})
    _percentiles(report, "accepted by the API", "requests a second", rate, took)


async def _to_whatsapp(lab: Lab, report: Report, sizes: Sizes, http: aiohttp.ClientSession) -> None:
    """Post at a rate that one session can send; the ledger of WhatsApp says when each arrived."""
    rate = sizes.paced_rate
    posted: dict[str, float] = {}

    async def post(message: Message) -> None:
        posted[message.text] = time.time()
        await _post(http, message)

    messages = texts("latency", int(rate * sizes.paced_for.total_seconds()), _RECIPIENTS)
    await _at_a_rate(messages, rate, post)
    phone = phone_of(OURS, 0)
    await lab.until_arrived(phone, messages[-1])
    took = [
        datetime.fromisoformat(entry["arrivedAt"]).timestamp() - posted[entry["text"]]
        for to in {each.to for each in messages}
        for entry in await lab.arrived(phone, to)
        if entry["text"] in posted
    ]
    assert len(took) == len(messages)
    _percentiles(report, "from the request to WhatsApp", "messages a second", rate, took)


def _percentiles(report: Report, name: str, of: str, rate: int, took: list[float]) -> None:
    for label, part in (("p50", 0.5), ("p99", 0.99)):
        report.grow(f"{name}, {label}", "ms", of, rate, percentile(took, part) * 1000)


async def _at_a_rate(
    messages: list[Message], rate: int, post: Callable[[Message], Awaitable[None]]
) -> list[float]:
    """Begin each post at its time, whatever became of those before; return how long each took."""
    began = time.monotonic()
    took: list[float] = []

    async def one(message: Message, due: float) -> None:
        await post(message)
        took.append(time.monotonic() - due)

    async with asyncio.TaskGroup() as group:
        for place, message in enumerate(messages):
            due = began + place / rate
            await asyncio.sleep(max(0, due - time.monotonic()))
            group.create_task(one(message, due))
    return took


async def _post(http: aiohttp.ClientSession, message: Message) -> None:
    body = {"connectionId": _SESSION, "to": message.to, "message": message.text}
    async with http.post("/api/whatsapp/send", json=body) as answer:
        assert answer.status == 202, await answer.text()


async def _pace(http: aiohttp.ClientSession, pacing: dict[str, object]) -> None:
    path = f"/api/whatsapp/connections/{_SESSION}"
    async with http.patch(path, json={"pacing": pacing}) as answer:
        assert answer.status == 200, await answer.text()
