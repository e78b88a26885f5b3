"""Their sides: one Node process with whatsapp-web.js and RemoteAuth, and its browsers."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from tests.bench.browsers import headless_shell, whole_chromium
from tests.bench.lab import LONG, THEIRS, THEIRS_SHELL, Lab, Message
from tests.bench.side import Readiness
from tests.bench.usage import MARK, marked

_PROGRAM = Path(__file__).with_name("peer.js")
_LONGEST_LINE = 1 << 22
_AT_ONCE = 3
"""How many clients take hold of their page at a time: all are up soonest with it on two cores."""
_STARTED_AGAIN_AT_MOST = 10
_PAUSE = timedelta(seconds=3)
"""The mean pause between two messages of one connection at our default pace."""
_FIRST_WITHIN = timedelta(seconds=45)
_NEXT_WITHIN = timedelta(seconds=15)
"""They come up in quick succession: one that is so long behind another hangs."""


def _puppeteer(side: str) -> dict[str, object]:
    """Return what a client of a side is told of its browser; the rest is the library's choice."""
    arguments = {"args": ["--no-sandbox"]}
    if side == THEIRS_SHELL:
        return {**arguments, "executablePath": str(headless_shell()), "headless": "shell"}
    return {**arguments, "executablePath": str(whole_chromium())}


def _chats(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"to": f"{each.to.removeprefix('+')}@c.us", "text": each.text} for each in messages]


class Peer:
    """The Node process: deeds go in and are answered, events come out."""

    def __init__(self, side: str, process: asyncio.subprocess.Process) -> None:
        self._side = side
        self._process = process
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._told: dict[tuple[str, str | None], asyncio.Queue[Any]] = {}
        self._reader = asyncio.create_task(self._read(), name="peer")

    @classmethod
    async def start(cls, lab: Lab, side: str, folder: Path) -> Peer:
        """Start one of their sides with a folder for its profiles, as its working folder too."""
        folder.mkdir(parents=True, exist_ok=True)
        addresses = (f"{lab.system.about['simulator']}/", lab.mongo(side))
        with (lab.folder / "logs" / f"{side}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *("node", str(_PROGRAM), *addresses, json.dumps(_puppeteer(side))),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, MARK: lab.mark(side)},
                cwd=folder,
                limit=_LONGEST_LINE,
            )
        return cls(side, process)

    async def do(self, deed: str, **request: object) -> Any:
        """Have something done; return what came of it."""
        number = next(self._numbers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        line = json.dumps({"n": number, "deed": deed, **request})
        self._process.stdin.write(line.encode() + b"\n")
        return await self._answers[number]

    async def told(self, event: str, session: str) -> Any:
        """Wait for an event of a session; return its value."""
        async with asyncio.timeout(LONG.total_seconds()):
            return await self._queue(event, session).get()

    async def end(self) -> None:
        """Wait until the process is gone; SIGTERM it first if nobody has killed it."""
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()
        await self._reader

    def _queue(self, event: str, session: str | None) -> asyncio.Queue[Any]:
        return self._told.setdefault((event, session), asyncio.Queue())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._take(json.loads(line))
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(EOFError("The peer has ended."))

    def _take(self, told: dict[str, Any]) -> None:
        if "event" in told:
            if told["event"] in ("failed", "unhandled"):
                print(f"{self._side}: {told['event']}: {told['value']}", flush=True)
            self._queue(told["event"], told.get("session")).put_nowait(told["value"])
            return
        answer = self._answers.pop(told["n"])
        if "error" in told:
            answer.set_exception(RuntimeError(told["error"]))
        else:
            answer.set_result(told["value"])


class Saver:
    """Their way to save a session, by itself."""

    def __init__(self, peer: Peer, lab: Lab, session: str, profile: Path) -> None:
        self._peer = peer
        self._lab = lab
        self._session = session
        self.profile = profile

    @classmethod
    @asynccontextmanager
    async def running(cls, lab: Lab, session: str) -> AsyncIterator[Saver]:
        """Run it for one session; its profile is there to be filled."""
        folder = lab.folder / "their-saving"
        peer = await Peer.start(lab, THEIRS, folder)
        try:
            yield cls(peer, lab, session, Path(await peer.do("prepare", session=session)))
        finally:
            await peer.end()
            shutil.rmtree(folder, ignore_errors=True)

    async def save(self) -> int:
        """Save what the profile holds now; return the bytes of what was stored."""
        await self._peer.do("save", session=self._session)
        stored = self._lab.database.client[THEIRS][f"whatsapp-RemoteAuth-{self._session}.files"]
        newest = await stored.find_one(sort=[("uploadDate", -1)])
        assert newest is not None
        return int(newest["length"])


class Theirs:
    """All sessions in one process: the leanest way to run several clients."""

    def __init__(self, lab: Lab, name: str = THEIRS) -> None:
        self.name = name
        self._lab = lab
        self._folder = lab.folder / name
        self._sessions: list[str] = []
        self._peer: Peer | None = None
        self._came_up_at = 0.0

    async def start(self) -> None:
        self._peer = await Peer.start(self._lab, self.name, self._folder)
        await self._peer.do("start", sessions=self._sessions, atOnce=_AT_ONCE)

    async def until_ready(self) -> Readiness:
        waiting = await self._wait_for(self._sessions)
        at, hung = self._came_up_at, len(waiting)
        for _ in range(_STARTED_AGAIN_AT_MOST):
            if not waiting:
                return Readiness(at, hung)
            await self._running.do("again", sessions=waiting)
            waiting = await self._wait_for(waiting)
        raise TimeoutError(f"{self.name}: {', '.join(waiting)} hang again and again")

    async def _wait_for(self, sessions: Sequence[str]) -> list[str]:
        """Wait until sessions can send; return those that hang."""
        waiting = {
            asyncio.create_task(self._running.told("ready", session), name=session)
            for session in sessions
        }
        limit = _FIRST_WITHIN
        while waiting:
            came_up, waiting = await asyncio.wait(
                waiting, timeout=limit.total_seconds(), return_when=asyncio.FIRST_COMPLETED
            )
            if not came_up:
                for each in waiting:
                    each.cancel()
                return [each.get_name() for each in waiting]
            self._came_up_at, limit = time.monotonic(), _NEXT_WITHIN
        return []

    async def link(self, session: str, phone: str) -> asyncio.Task[float]:
        self._sessions.append(session)
        await self._running.do("start", sessions=[session], atOnce=1)
        await self._lab.hold_phone(phone)
        scanned = await self._lab.scan(phone, await self._running.told("qr", session))
        saved = asyncio.create_task(self._until_saved(session, scanned))
        await self._running.told("ready", session)
        return saved

    async def send(self, session: str, messages: Sequence[Message]) -> None:
        """Call `sendMessage` in a loop, each call awaited."""
        await self._running.do("send", session=session, messages=_chats(messages), pauseMs=0)

    async def send_paced(self, count: int, messages: Sequence[Message]) -> None:
        """Call `sendMessage` in a loop for each session, with the mean pause of our pace."""
        chats, pause = _chats(messages), _PAUSE / timedelta(milliseconds=1)
        async with asyncio.TaskGroup() as group:
            for session in self._sessions[:count]:
                group.create_task(
                    self._running.do("send", session=session, messages=chats, pauseMs=pause)
                )

    async def stop(self) -> None:
        if self._peer is not None:
            await self._peer.do("destroy")
            await self._peer.end()
            self._peer = None
        self._lose_disk()

    async def kill(self) -> None:
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        await self._running.end()
        self._peer = None
        self._lose_disk()

    def pids(self) -> set[int]:
        return marked(self._lab.mark(self.name))

    @property
    def _running(self) -> Peer:
        assert self._peer is not None, "start it first"
        return self._peer

    def _lose_disk(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _until_saved(self, session: str, scanned: float) -> float:
        await self._running.told("remote_session_saved", session)
        return time.monotonic() - scanned
