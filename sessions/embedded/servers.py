"""Have embedded servers for as long as a block runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from sessions.embedded.answers import answering_uri
from sessions.embedded.errors import EmbeddedServerError
from sessions.embedded.guard import Guard, guarded
from sessions.embedded.kinds import MONGO, REDIS, ServerKind
from sessions.embedded.layout import Layout

Mode = Literal["auto", "attach"]

_ANSWER_WITHIN = timedelta(seconds=60)
_POLL = timedelta(milliseconds=50)


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
