"""Keep one launcher of an embedded server running while this process wants the server."""

import asyncio
import logging
import os
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

from sessions.embedded.errors import MissingPartError
from sessions.embedded.kinds import ServerKind
from sessions.process.child_environment import needed_by_children

_PROJECT = Path(__file__).parents[2]
_FIRST_PAUSE = timedelta(milliseconds=200)
_LONGEST_PAUSE = timedelta(seconds=5)
_KEPT_LINES = 5
_LISTEN_AFTER_END = timedelta(seconds=1)

logger = logging.getLogger(__name__)


class Guard:
    """Starts a launcher again whenever it ends.

    Of two guards on one data directory, one's launcher becomes the server and the other's is its
    hot standby.
    """

    def __init__(self, kind: ServerKind, data_dir: Path) -> None:
        self._kind = kind
        self._data_dir = data_dir
        self._stopping = asyncio.Event()
        self._last_words: deque[str] = deque(maxlen=_KEPT_LINES)

    @property
    def last_words(self) -> str:
        """What the launcher said last on its standard error."""
        return " ".join(self._last_words)

    def stop(self) -> None:
        """Ask `run` to end the launcher, or the server that it became, and return."""
        self._stopping.set()

    async def run(self) -> None:
        """Run the launcher until `stop`; raise `MissingPartError` when it can never start."""
        pause = _FIRST_PAUSE
        while True:
            exit_code = await self._run_once()
            if self._stopping.is_set():
                logger.info("embedded %s stopped", self._kind.name)
                return
            if exit_code == MissingPartError.exit_code:
                raise MissingPartError(self.last_words)
            logger.warning(
                "embedded %s ended (%s); starting again. %s",
                *(self._kind.name, exit_code, self.last_words),
            )
            if await self._stopped_within(pause):
                return
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _run_once(self) -> int:
        process = await self._spawn()
        listener = asyncio.create_task(
            self._listen(process.stderr), name=f"listen:{self._kind.name}"
        )
        ended = asyncio.create_task(process.wait(), name=f"wait:{self._kind.name}")
        stopping = asyncio.create_task(self._stopping.wait(), name=f"stop:{self._kind.name}")
        try:
            await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                process.terminate()
            return await self._ended_in_time(ended, process)
        finally:
            stopping.cancel()
            await asyncio.wait({listener}, timeout=_LISTEN_AFTER_END.total_seconds())
            listener.cancel()

    async def _ended_in_time(
        self, ended: asyncio.Task[int], process: asyncio.subprocess.Process
    ) -> int:
        await asyncio.wait({ended}, timeout=self._kind.stop_within.total_seconds())
        if not ended.done():
            logger.warning("embedded %s does not stop; killing it", self._kind.name)
            process.kill()
        return await ended

    async def _spawn(self) -> asyncio.subprocess.Process:
        arguments = ("-m", "sessions.embedded", self._kind.name, "--data", str(self._data_dir))
        lifeline = ("--always", "--die-with-parent", str(os.getpid()))
        return await asyncio.create_subprocess_exec(
            *(sys.executable, *arguments, *lifeline),
            env={**needed_by_children(), "PYTHONPATH": _python_path()},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            # A session of its own: Ctrl-C must reach the clients first, and the servers last.
            start_new_session=True,
        )

    async def _listen(self, stream: asyncio.StreamReader | None) -> None:
        if stream is None:
            return
        async for line in stream:
            text = line.decode(errors="replace").strip()
            self._last_words.append(text)
            logger.warning("embedded %s: %s", self._kind.name, text)

    async def _stopped_within(self, pause: timedelta) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), pause.total_seconds())
        return self._stopping.is_set()


@asynccontextmanager
async def guarded(
    kind: ServerKind, data_dir: Path
) -> AsyncIterator[tuple[Guard, asyncio.Task[None]]]:
    """Keep a server of this kind wanted inside the block; yield its guard and the guard's task."""
    guard = Guard(kind, data_dir)
    task = asyncio.create_task(guard.run(), name=f"embedded:{kind.name}")
    task.add_done_callback(_report)
    try:
        yield guard, task
    finally:
        guard.stop()
        await asyncio.wait({task})


def _python_path() -> str:
    return os.pathsep.join(filter(None, (str(_PROJECT), os.environ.get("PYTHONPATH"))))


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("%s is no longer guarded: %s", task.get_name(), error)
