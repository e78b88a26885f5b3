"""A worker that is replaced hands its connections over, and no message suffers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.processes import alive
from tests.stack_client import LOOK_EVERY, PATIENCE, StackClient, stack
from tests.waiting import until

CONNECTIONS = [f"line-{number}" for number in range(4)]


@pytest.mark.slow
async def test_connections_move_one_after_the_other_while_messages_flow() -> None:
    one_at_a_time = ("--env", "START_CONCURRENCY=1", "--env", "WHATSAPP_MAX_CONNECTIONS=4")
    async with stack("--workers", "2", *one_at_a_time) as system:
        for number, connection in enumerate(CONNECTIONS):
            await system.create(connection)
            await system.scan(connection, f"+97250111100{number}")
        for connection in CONNECTIONS:
            await system.until_state("connected", connection)
        await system.until_saved()
        moving = await _of_worker(system, "worker-1")
        assert moving
        async with _states(system) as away:
            sending = asyncio.create_task(_send_until_gone(system, system.pid("worker-1")))
            os.kill(system.pid("worker-1"), signal.SIGTERM)
            sent = await sending
            for connection in CONNECTIONS:
                await system.until_state("connected", connection)
            for message in sent:
                await system.until_message(message, "read")
        assert await _of_worker(system, "worker-2") == sorted(CONNECTIONS)
        assert set().union(*away) == set(moving)
        assert max(len(each) for each in away) == 1
        entries = await system.ledger()
        assert len(entries) == len(sent)
        assert all(entry["arrivals"] == 1 for entry in entries)


async def _send_until_gone(system: StackClient, pid: int) -> list[str]:
    """Send to every connection in turn until the process has ended."""
    sent: list[str] = []

    async def gone() -> bool:
        for connection in CONNECTIONS:
            sent.append(await system.send(f"{connection} {len(sent)}", connection))
        return not alive(pid)

    await until(gone, within=PATIENCE, every=LOOK_EVERY)
    return sent


async def _of_worker(system: StackClient, worker: str) -> list[str]:
    statuses = [await system.status(each) for each in CONNECTIONS]
    return sorted(each["connectionId"] for each in statuses if each.get("worker") == worker)


@asynccontextmanager
async def _states(system: StackClient) -> AsyncIterator[list[set[str]]]:
    """Follow which connections are not connected: one set after each event."""
    away: list[set[str]] = [set()]
    url = f"{system.about['api']}/api/whatsapp/events"
    async with system.http.get(url) as answer:

        async def read() -> None:
            async for line in answer.content:
                if line.startswith(b"data: ") and b'"state"' in line:
                    told = json.loads(line[6:])
                    name, connected = told["connectionId"], told["state"] == "connected"
                    away.append(away[-1] - {name} if connected else away[-1] | {name})

        reading = asyncio.create_task(read())
        try:
            yield away
        finally:
            reading.cancel()
