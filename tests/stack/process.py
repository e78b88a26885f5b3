"""One running program of the stack: watched, started again if asked to, stopped within a bound."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from tests.stack.program import Program

_FIRST_PAUSE = timedelta(milliseconds=100)
_LONGEST_PAUSE = timedelta(seconds=5)
_SETTLED_AFTER = timedelta(seconds=10)

Announce = Callable[[str, int], None]


class StackProcess:
    """A program's process and its successors."""

    def __init__(self, program: Program, announce: Announce | None) -> None:
        """Prepare it; with `announce` it is started again when it dies, and that is told there."""
        self.program = program
        self._announce = announce
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._runs = False
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The id of the latest process."""
        return self._process.pid if self._process else 0

    @property
    def ended(self) -> bool:
        """Whether it is not running now; how it ended has been told then."""
        return not self._runs

    async def start(self) -> None:
        """Start it, and watch it from here on."""
        process = await self._spawn()
        self._task = asyncio.create_task(self._keep(process), name=f"stack:{self.program.name}")

    async def stop(self) -> None:
        """End it: SIGTERM, then SIGKILL to its whole group after its bound."""
        self._stopping.set()
        if self._task is not None:
            await self._task

    async def _keep(self, process: asyncio.subprocess.Process) -> None:
        pause = _FIRST_PAUSE
        while True:
            lived = await self._attend(process)
            if self._stopping.is_set() or self._announce is None:
                return
            pause = _FIRST_PAUSE if lived > _SETTLED_AFTER else min(pause * 2, _LONGEST_PAUSE)
            if await self._stopped_within(pause):
                return
            process = await self._spawn()
            self._announce(self.program.name, process.pid)

    async def _attend(self, process: asyncio.subprocess.Process) -> timedelta:
        """Return how long it lived, once it has ended by itself or by our order."""
        clock = asyncio.get_running_loop().time
        began = clock()
        ended = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ended.done():
            await self._end(process, ended)
        elif not self._stopping.is_set():
            print(f"{self.program.name} ended: {process.returncode}", file=sys.stderr, flush=True)
        self._runs = False
        return timedelta(seconds=clock() - began)

    async def _end(self, process: asyncio.subprocess.Process, ended: asyncio.Task[int]) -> None:
        process.terminate()
        await asyncio.wait({ended}, timeout=self.program.stop_within.total_seconds())
        if not ended.done():
            print(f"{self.program.name} does not stop; killing it", file=sys.stderr, flush=True)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        await ended

    async def _spawn(self) -> asyncio.subprocess.Process:
        tie = ("-m", "tests.stack.tied", str(os.getpid()))
        log = await asyncio.to_thread(self.program.log.open, "ab")
        with log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, *tie, *self.program.module),
                env=self.program.environment,
                cwd=self.program.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._runs = True
        return self._process

    async def _stopped_within(self, pause: timedelta) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), pause.total_seconds())
        return self._stopping.is_set()
