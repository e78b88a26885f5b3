"""Run embedded servers inside a block, and restart those that end."""

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
from sessions.process.supervisor import own_supervisor

Mode = Literal["auto", "attach"]

_ANSWER_WITHIN = timedelta(seconds=60)
_POLL = timedelta(milliseconds=50)
_WAIT_IS_TOLD_AFTER = timedelta(seconds=1)
_PROJECT = Path(__file__).parents[2]
_FIRST_PAUSE = timedelta(milliseconds=200)
_LONGEST_PAUSE = timedelta(seconds=5)
_KEPT_LINES = 5
_LISTEN_AFTER_END = timedelta(seconds=1)

logger = logging.getLogger(__name__)


class Restarter:
    """Run a launcher, and start it again whenever it ends.

    If two processes do this on one data directory, one launcher becomes the server and the other
    is its hot standby.
    """

    def __init__(self, kind: ServerKind, data_dir: Path) -> None:
        self._kind = kind
        self._data_dir = data_dir
        self._stopping = asyncio.Event()
        self._last_lines: deque[str] = deque(maxlen=_KEPT_LINES)

    @property
    def last_output(self) -> str:
        """The last lines that the launcher wrote to its standard error."""
        return " ".join(self._last_lines)

    def stop(self) -> None:
        """Ask `run` to stop the launcher, or the server that it became, and to return."""
        self._stopping.set()

    async def run(self) -> None:
        """Run the launcher until `stop`; raise MissingPartError if it can never start."""
        pause = _FIRST_PAUSE
        while True:
            exit_code = await self._run_once()
            if self._stopping.is_set():
                logger.info("embedded %s stopped", self._kind.name)
                return
            if exit_code == MissingPartError.exit_code:
                raise MissingPartError(self.last_output)
            logger.warning(
                "embedded %s ended (%s); starting again. %s",
                *(self._kind.name, exit_code, self.last_output),
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
        switches = ("--always", "--die-with-parent", str(os.getpid()))
        return await asyncio.create_subprocess_exec(
            *(sys.executable, *arguments, *switches),
            env={**needed_by_children(), "PYTHONPATH": _python_path()},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            # A session of its own, so that Ctrl-C does not stop the servers before their clients.
            start_new_session=True,
        )

    async def _listen(self, stream: asyncio.StreamReader | None) -> None:
        if stream is None:
            return
        async for line in stream:
            text = line.decode(errors="replace").strip()
            self._last_lines.append(text)
            logger.warning("embedded %s: %s", self._kind.name, text)

    async def _stopped_within(self, pause: timedelta) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), pause.total_seconds())
        return self._stopping.is_set()


@asynccontextmanager
async def _running(
    kind: ServerKind, data_dir: Path
) -> AsyncIterator[tuple[Restarter, asyncio.Task[None]]]:
    """Keep a server of this kind running inside the block; yield its restarter and that's task."""
    restarter = Restarter(kind, data_dir)
    task = asyncio.create_task(restarter.run(), name=f"embedded:{kind.name}")
    task.add_done_callback(_report)
    try:
        yield restarter, task
    finally:
        restarter.stop()
        await asyncio.wait({task})


def _python_path() -> str:
    return os.pathsep.join(filter(None, (str(_PROJECT), os.environ.get("PYTHONPATH"))))


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("%s is not restarted any more: %s", task.get_name(), error)


@dataclass(frozen=True)
class ServerUris:
    """The addresses of the embedded servers; empty for one that is not needed."""

    mongo: str = ""
    redis: str = ""


@dataclass(frozen=True)
class _Server:
    """A server that is needed; run by us, or by a supervisor if `restarter` is None."""

    kind: ServerKind
    layout: Layout
    restarter: Restarter | None = None
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
    """Yield the addresses of servers that answer; at the end, stop Redis, then MongoDB.

    `auto` starts the servers, or waits as a hot standby if another process runs them on the same
    data directory; `attach` waits for servers that a supervisor starts. Enter the block in the
    main thread: the servers end with the thread that started them. Raises EmbeddedServerError.
    """
    kinds = [kind for kind, need in ((MONGO, need_mongo), (REDIS, need_redis)) if need]
    async with AsyncExitStack() as stack:
        servers = [await _start(kind, data_dir, mode, stack) for kind in kinds]
        uris = {each.kind.name: await _await_answer(each, answer_within) for each in servers}
        yield ServerUris(**uris)


async def _start(kind: ServerKind, data_dir: Path, mode: Mode, stack: AsyncExitStack) -> _Server:
    layout = Layout.of(data_dir, kind)
    if mode == "attach":
        return _Server(kind, layout)
    restarter, task = await stack.enter_async_context(_running(kind, data_dir))
    return _Server(kind, layout, restarter, task)


async def _await_answer(server: _Server, within: timedelta) -> str:
    saying = asyncio.get_running_loop().call_later(
        _WAIT_IS_TOLD_AFTER.total_seconds(), _say_that_we_wait, server
    )
    try:
        async with asyncio.timeout(within.total_seconds()):
            while (uri := await answering_uri(server.kind, server.layout)) is None:
                await _check_hopes(server)
                await asyncio.sleep(_POLL.total_seconds())
    except TimeoutError as error:
        raise EmbeddedServerError(_no_answer(server, within)) from error
    finally:
        saying.cancel()
    return uri


def _say_that_we_wait(server: _Server) -> None:
    logger.warning(
        "waiting for the embedded %s to answer on %s", server.kind.name, server.layout.socket
    )


async def _check_hopes(server: _Server) -> None:
    """Raise MissingPartError if the server can never start."""
    if server.task is not None:
        if server.task.done():
            await server.task
    elif reason := await asyncio.to_thread(server.layout.refusal, own_supervisor()):
        raise MissingPartError(reason)


def _no_answer(server: _Server, within: timedelta) -> str:
    kind = server.kind
    sentences = [
        f"The embedded {kind.name} did not answer within {within.total_seconds():g} s.",
        server.restarter.last_output if server.restarter else "",
        f"Its log is {server.layout.log_file}." if server.layout.log_file.exists() else "",
        f"Or set {kind.setting} to a server of your own.",
    ]
    return " ".join(filter(None, sentences))
