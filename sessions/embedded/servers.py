"""Run embedded servers for as long as a block runs."""

import asyncio
import logging
import os
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from sessions.embedded.answers import answering_uri
from sessions.embedded.kinds import MONGO, REDIS, EmbeddedServerError, MissingPartError, ServerKind
from sessions.embedded.layout import Layout
from sessions.process.child_environment import needed_by_children

Mode = Literal["auto", "attach"]

_ANSWER_WITHIN = timedelta(seconds=60)
_POLL = timedelta(milliseconds=50)
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


@dataclass(frozen=True)
class ServerUris:
    """The addresses of the embedded servers; empty for one that was not asked for."""

    mongo: str = ""
    redis: str = ""


@dataclass(frozen=True)
class _Wanted:
    """A server that is asked for; guarded by us, or by another process when `guard` is None."""

    kind: ServerKind
    layout: Layout
    guard: Guard | None = None
    task: asyncio.Task[None] | None = None


@asynccontextmanager
async def embedded_servers(
    data_dir: Path,
    *,
    need_mongo: bool = True,
    need_redis: bool = True,
    mode: Mode = "auto",
    answer_within: timedelta = _ANSWER_WITHIN,
) -> AsyncIterator[ServerUris]:
    """Yield the addresses of servers that answer; on leaving, stop Redis, then Mongo.

    `auto` starts them, or is a hot standby when another process on this data directory has them;
    `attach` starts nothing and waits for those of a supervisor. Raises `EmbeddedServerError`.
    Enter it from the main thread: the servers end with the thread that started them.
    """
    kinds = [kind for kind, need in ((MONGO, need_mongo), (REDIS, need_redis)) if need]
    async with AsyncExitStack() as stack:
        wanted = [await _want(kind, data_dir, mode, stack) for kind in kinds]
        uris = {each.kind.name: await _await_answer(each, answer_within) for each in wanted}
        yield ServerUris(**uris)


async def _want(kind: ServerKind, data_dir: Path, mode: Mode, stack: AsyncExitStack) -> _Wanted:
    layout = Layout.of(data_dir, kind)
    if mode == "attach":
        return _Wanted(kind, layout)
    guard, task = await stack.enter_async_context(guarded(kind, data_dir))
    return _Wanted(kind, layout, guard, task)


async def _await_answer(wanted: _Wanted, within: timedelta) -> str:
    try:
        async with asyncio.timeout(within.total_seconds()):
            while (uri := await answering_uri(wanted.kind, wanted.layout)) is None:
                if wanted.task is not None and wanted.task.done():
                    await wanted.task
                await asyncio.sleep(_POLL.total_seconds())
    except TimeoutError as error:
        raise EmbeddedServerError(_silence(wanted, within)) from error
    return uri


def _silence(wanted: _Wanted, within: timedelta) -> str:
    kind = wanted.kind
    sentences = [
        f"The embedded {kind.name} did not answer within {within.total_seconds():g} s.",
        wanted.guard.last_words if wanted.guard else "",
        f"Its log is {wanted.layout.log_file}.",
        f"Or set {kind.setting} to a server of your own.",
    ]
    return " ".join(filter(None, sentences))
