"""Run our programs: as processes, or to their end in the test's own process."""

from __future__ import annotations

import asyncio
import os
import runpy
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import business.__main__
import chatgrow_worker.__main__
import control_api.__main__
import sessions.__main__
import sessions.embedded.__main__
from tests.conftest import ROOT

if TYPE_CHECKING:
    from sessions.embedded import ServerUris

PROGRAMS = ("control_api", "chatgrow_worker")
MAINS: dict[str, Callable[[Sequence[str]], int]] = {
    "control_api": control_api.__main__.main,
    "chatgrow_worker": chatgrow_worker.__main__.main,
    "business": business.__main__.main,
    "sessions": sessions.__main__.main,
    "sessions.embedded": sessions.embedded.__main__.main,
    "preflight": lambda _: runpy.run_path(str(ROOT / "scripts/preflight.py"))["main"](),
}
"""What each program does: what ends by itself, soon, needs no process of its own to show it."""
Ended = Callable[..., tuple[int, str]]


def environment_of(data: Path, servers: ServerUris) -> dict[str, str]:
    """Return the settings of a program that keeps its data there."""
    return {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(data),
        "MONGODB_URI": servers.mongo,
        "REDIS_URL": servers.redis,
        "CHROMIUM_NO_SANDBOX": "true",
        "STARTUP_TIMEOUT": "1",
        "PORT": "0",
        "PYTHONPATH": str(ROOT),
    }


@asynccontextmanager
async def program(
    name: str, tmp_path: Path, servers: ServerUris, *arguments: str, **settings: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", name, *arguments),
        cwd=tmp_path,
        env=environment_of(tmp_path, servers) | settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
