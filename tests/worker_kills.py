"""Kill a worker of a stack, with or without its disk."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

import psutil

from tests.stack_client import StackClient


async def kill_worker(
    system: StackClient, number: int = 1, *, lose_disk: bool, browsers_too: bool = False
) -> None:
    """SIGKILL a worker, and take its profiles away before its successor looks for them.

    Its browsers end by themselves when they miss it, in order; unless they are killed too.
    """
    worker = psutil.Process(system.pid(f"worker-{number}"))
    family = [worker, *worker.children(recursive=True)]
    profiles = Path(system.about["data"]) / "sessions" / f"worker-{number}"
    lost = profiles.with_name(f"lost-{worker.pid}")
    if lose_disk:
        # First: a worker that is started again takes what it finds there at once.
        profiles.rename(lost)
    for process in family if browsers_too else [worker]:
        with suppress(psutil.NoSuchProcess):  # renderers end by themselves without their browser
            process.kill()
    await asyncio.to_thread(psutil.wait_procs, family, 20)
    if lose_disk:
        await asyncio.to_thread(shutil.rmtree, lost)
