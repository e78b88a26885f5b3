"""Kill the worker again and again while a message is on its way; none is lost or repeated."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import psutil

from tests.stack_client import StackClient, stack
from tests.waiting import until

_SETTINGS = ("--env", "LEASE_TTL=3", "--env", "GHOST_WAIT=1")


async def kills(count: int, data: Path, *options: str) -> tuple[list[str], list[str]]:
    """Return the texts that were sent, one for each kill, and those that were delivered."""
    async with stack("--supervise", "--data", str(data), *_SETTINGS, *options) as system:
        await system.create()
        await system.scan()
        await system.until_state("connected")
        texts = [f"text {number}" for number in range(count)]
        for place, text in enumerate(texts):
            sent = await system.send(text)
            if place % 2:
                # Killed when WhatsApp has it, which the record need not know yet.
                await _until_arrived(system, place + 1)
            else:
                await system.until_sending(sent)
            psutil.Process(system.pid("worker-1")).kill()
            await system.until_restarted("worker-1", place + 1)
            await system.until_message(sent, "read")
        entries = [each for each in await system.ledger() if each["deliveredAt"] is not None]
        return texts, [str(each["text"]) for each in entries]


async def _until_arrived(system: StackClient, count: int) -> None:
    async def there() -> bool:
        return len(await system.ledger()) >= count

    await until(there, within=timedelta(seconds=60))
