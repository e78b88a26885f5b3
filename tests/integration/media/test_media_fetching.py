"""Files are fetched from URLs before their messages are sent, and only from allowed hosts."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import BaseTestServer, TestServer

from sessions.common.ids import new_id
from sessions.media.kinds import MediaKind
from sessions.media.store import MediaLimits, MediaStore
from sessions.messages.content import Kind, Media
from sessions.messages.file_tries import FileTries
from sessions.messages.media_fetching import FetchLimits, MediaFetcher
from sessions.messages.model import (
    CONVERTING_MEDIA,
    FETCHING_MEDIA,
    Draft,
    Message,
    MessageStatus,
)
from sessions.network.guarded_client import GuardedClient
from tests.builders import MEDIA_KEYS, OWNER, PLAIN, TO, Stores
from tests.logged import logged
from tests.refusing import refusing
from tests.rings import at_once_and_at, once
from tests.waiting import until

MIB = 1024 * 1024
PNG = b"\x89PNG\r\n\x1a\n" + bytes(2 * MIB)
LIMITS = MediaLimits(4 * MIB, 64 * MIB, timedelta(days=1), timedelta(days=1))
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Host:
    """A web server on this machine; `answers` are what it answers by path."""

    answers: dict[str, Handler] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    server: BaseTestServer | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        return await self.answers[request.path](request)

    def url(self, path: str) -> str:
        assert self.server is not None
        return str(self.server.make_url(path))

    def gives(self, path: str, content: bytes, status: int = 200, **headers: str) -> str:
        async def give(_: web.Request) -> web.Response:
            return web.Response(body=content, status=status, headers=headers)

        self.answers[path] = give
        return self.url(path)


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    host = Host()
    app = web.Application()
    app.router.add_get("/{rest:.*}", host.handle)
    async with TestServer(app) as host.server:
        yield host


@dataclass
class Fetching:
    """A fetcher, and what it has fetched."""

    stores: Stores
    store: MediaStore
    fetcher: MediaFetcher
    fetched: list[Message] = field(default_factory=list)

    async def message(self, url: str, as_: MediaKind | None = None, **more: Any) -> Message:
        """Queue a message whose file is at a URL."""
        connection = await self.stores.connection(new_id())
        content = Media(url=url, as_=as_, **more).model_dump_json(by_alias=True, exclude_none=True)
        draft = Draft(id=new_id(), to=TO, kind=Kind.MEDIA, content=content)
        (message,) = await self.stores.add(connection, [draft])
        return message

    async def after(self, message: Message) -> Message:
        """Fetch what is due; return the message as it is then."""
        await self.fetcher.keep_fetching(once())
        return await self.stores.outbox.find(None, message.id)

    async def due_again(self, message: Message) -> None:
        """Let the wait before the next try be over."""
        await self.stores.database["messages"].update_one(
            {"_id": message.id}, [{"$set": {"fetch.nextAt": "$$NOW"}}]
        )


@asynccontextmanager
async def fetching(
    stores: Stores,
    *allowed: str,
    within: timedelta = timedelta(seconds=5),
    tries: int = 2,
    converts: bool = False,
    resolver: AbstractResolver | None = None,
) -> AsyncIterator[Fetching]:
    store = MediaStore(stores.database, MEDIA_KEYS, LIMITS)
    fetched: list[Message] = []

    async def note(message: Message) -> None:
        fetched.append(message)

    async with GuardedClient(allowed, resolver) as client:
        fetcher = MediaFetcher(
            FileTries(stores.database, stores.events),
            store,
            PLAIN,
            client,
            FetchLimits(within, tries),
            note,
            converts=converts,
        )
        yield Fetching(stores, store, fetcher, fetched)


async def test_a_mongodb_that_refuses_is_told_and_the_file_fetched_later(
    stores: Stores, host: Host
) -> None:
    async with fetching(stores, "127.0.0.1") as world:
        message = await world.message(host.gives("/picture.png", PNG))
        async with refusing(stores.database, "messages"):
            with logged("WARNING") as lines:
                await world.fetcher.keep_fetching(once())
        assert any("No files are made ready" in each for each in lines)
        assert (await world.after(message)).media is not None


async def test_a_file_is_fetched_and_its_message_released(stores: Stores, host: Host) -> None:
    async with fetching(stores, "127.0.0.1") as world:
        url = host.gives("/dir/picture one.png", PNG)
        message = await world.message(url)
        assert message.reason == FETCHING_MEDIA
        ready = await world.after(message)
        assert ready.media is not None
        assert (ready.media.kind, ready.media.mimetype) == (MediaKind.IMAGE, "image/png")
        assert (ready.reason, ready.fetch, ready.status) == (None, None, MessageStatus.QUEUED)
        assert [each.id for each in world.fetched] == [message.id]
        stored = await world.store.find(OWNER, ready.media.media_id)
        assert stored.metadata.sha256 == hashlib.sha256(PNG).hexdigest()
        assert world.store.filename_of(stored) == "picture one.png"
        await world.fetcher.keep_fetching(once())
        assert host.asked == ["/dir/picture one.png"]


async def test_a_message_that_was_put_off_for_its_file_is_due_at_once(
    stores: Stores, host: Host
) -> None:
    async with fetching(stores, "127.0.0.1") as world:
        message = await world.message(host.gives("/a.png", PNG))
        later = {"$set": {"putOff": True, "dueAt": message.due_at + timedelta(hours=1)}}
        await stores.database["messages"].update_one({"_id": message.id}, later)
        ready = await world.after(message)
        assert ready.due_at < message.due_at + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("content", "status", "as_", "reason"),
    [
        (b"gone", 404, None, "media_unavailable"),
        (b"", 200, None, "media_empty"),
        (bytes(5 * MIB), 200, None, "media_too_large"),
        (b"ID3 sound", 200, MediaKind.VOICE, "media_unsuitable"),
        (b"PK\x03\x04 a bomb", 200, MediaKind.IMAGE, "media_unsuitable"),
    ],
)
async def test_what_is_no_file_to_send_fails_the_message_at_once(
    stores: Stores,
    host: Host,
    content: bytes,
    status: int,
    as_: MediaKind | None,
    reason: str,
) -> None:
    async with fetching(stores, "127.0.0.1") as world:
        url = host.gives("/bomb.png", content, status)
        failed = await world.after(await world.message(url, as_))
        assert (failed.status, failed.reason) == (MessageStatus.FAILED, reason)
        assert len(host.asked) == 1
        assert await stores.database["media.chunks"].count_documents({}) == 0
        # A retry by a person fetches it again.
        host.gives("/bomb.png", PNG)
        await stores.outbox.redrive(OWNER, failed.id, unknown_too=False)
        if as_ is None:
            assert (await world.after(failed)).media is not None


async def test_what_can_be_converted_is_kept_for_that(stores: Stores, host: Host) -> None:
    async with fetching(stores, "127.0.0.1", converts=True) as world:
        url = host.gives("/sound.mp3", b"ID3 sound")
        waits = await world.after(await world.message(url, MediaKind.VOICE))
        assert (waits.status, waits.reason) == (MessageStatus.QUEUED, CONVERTING_MEDIA)
        assert waits.original is not None
        assert (waits.original.kind, waits.original.fetched) == (MediaKind.VOICE, True)
        assert (await world.store.find(OWNER, waits.original.media_id)).metadata.size == 9
        await world.fetcher.keep_fetching(once())
        assert host.asked == ["/sound.mp3"]
        # What nothing can be made of is still refused.
        failed = await world.after(await world.message(host.gives("/a", PNG), MediaKind.VIDEO))
        assert (failed.status, failed.reason) == (MessageStatus.FAILED, "media_unsuitable")


async def test_what_fails_for_now_is_tried_again_a_few_times(stores: Stores, host: Host) -> None:
    async with fetching(stores, "127.0.0.1") as world:
        url = host.gives("/busy.png", b"", 503)
        message = await world.message(url)
        waits = await world.after(message)
        assert (waits.status, waits.reason) == (MessageStatus.QUEUED, FETCHING_MEDIA)
        await world.fetcher.keep_fetching(once())
        assert len(host.asked) == 1
        await world.due_again(message)
        failed = await world.after(message)
        assert (failed.status, failed.reason) == (MessageStatus.FAILED, "media_unavailable")
        assert len(host.asked) == 2


@pytest.mark.parametrize(
    "to",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:169.254.169.254]/",
        "http://localhost:1/",
        "http://127.0.0.2/",
        "file:///etc/passwd",
        "http://user:word@example.org/",
    ],
)
async def test_a_redirect_is_checked_like_a_url(stores: Stores, host: Host, to: str) -> None:
    async with fetching(stores, "127.0.0.1", tries=1) as world:
        url = host.gives("/a.png", b"", 302, Location=to)
        failed = await world.after(await world.message(url))
        refused = (MessageStatus.FAILED, "address_not_allowed")
        not_http = (MessageStatus.FAILED, "url_not_allowed")
        assert (failed.status, failed.reason) in (refused, not_http)


async def test_redirects_end(stores: Stores, host: Host) -> None:
    async with fetching(stores, "127.0.0.1", tries=1) as world:
        url = host.gives("/a.png", b"", 302, Location="/a.png")
        failed = await world.after(await world.message(url))
        assert (failed.status, failed.reason) == (MessageStatus.FAILED, "too_many_redirects")


class _Changing(AbstractResolver):
    """Names a public address beside this machine's at first, and only this machine's later."""

    def __init__(self) -> None:
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        addresses = ["8.8.8.8", "127.0.0.1"] if self.asked == 1 else ["127.0.0.1"]
        return [
            ResolveResult(
                hostname=host, host=each, port=port, family=socket.AF_INET, proto=0, flags=0
            )
            for each in addresses
        ]

    async def close(self) -> None:
        """Do nothing."""


async def test_a_name_that_leads_to_this_machine_is_refused_each_time(
    stores: Stores, host: Host
) -> None:
    resolver = _Changing()
    async with fetching(stores, tries=2, resolver=resolver) as world:
        assert host.server is not None
        message = await world.message(f"http://changing.example:{host.server.port}/a.png")
        await world.after(message)
        await world.due_again(message)
        failed = await world.after(message)
        assert (failed.status, failed.reason) == (MessageStatus.FAILED, "address_not_allowed")
        assert (resolver.asked, host.asked) == (2, [])


async def test_who_drips_lies_or_never_answers_is_given_up(stores: Stores, host: Host) -> None:
    over = asyncio.Event()

    async def drip(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        while not over.is_set():
            await answer.write(b"x")
            await asyncio.sleep(0.01)
        return answer

    async def never(_: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.Response()

    async def lie(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": str(2**31)})
        await answer.prepare(request)
        await over.wait()
        return answer

    host.answers = {"/drip": drip, "/never": never, "/lie": lie}
    late = "fetch_timed_out"
    # The smaller a file may be, the sooner a host is too slow.
    async with fetching(stores, "127.0.0.1", within=timedelta(seconds=0.2), tries=1) as world:
        object.__setattr__(world.store, "limits", MediaLimits(1000, MIB, *[timedelta(1)] * 2))
        for path, reason in (("/drip", late), ("/never", late), ("/lie", "media_too_large")):
            failed = await world.after(await world.message(host.url(path)))
            assert (failed.status, failed.reason) == (MessageStatus.FAILED, reason)
        over.set()


async def test_a_slow_host_keeps_no_other_file_waiting(stores: Stores, host: Host) -> None:
    never, bell = asyncio.Event(), asyncio.Event()

    async def wait(_: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    host.answers["/slow"] = wait
    async with fetching(stores, "127.0.0.1") as world:
        slow = await world.message(host.url("/slow"))
        running = asyncio.create_task(world.fetcher.keep_fetching(at_once_and_at(bell)))
        await until(lambda: host.asked == ["/slow"])
        quick = await world.message(host.gives("/quick.png", PNG))
        bell.set()
        await until(lambda: [each.id for each in world.fetched] == [quick.id])
        running.cancel()
        await asyncio.wait({running})
        given_back = await stores.outbox.find(None, slow.id)
        assert given_back.fetch is not None
        assert given_back.fetch.tries == 0
        never.set()


async def test_a_message_that_was_cancelled_meanwhile_keeps_no_file(
    stores: Stores, host: Host
) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def wait(_: web.Request) -> web.StreamResponse:
        asked.set()
        await go_on.wait()
        return web.Response(body=PNG)

    host.answers["/a.png"] = wait
    async with fetching(stores, "127.0.0.1") as world:
        message = await world.message(host.url("/a.png"))
        running = asyncio.create_task(world.fetcher.keep_fetching(once()))
        await asked.wait()
        await stores.outbox.cancel(OWNER, message.id)
        go_on.set()
        await running
        assert world.fetched == []
        assert await stores.database["media.files"].count_documents({}) == 0


async def test_after_a_crash_another_worker_tries_again_and_one_result_counts(
    stores: Stores, host: Host
) -> None:
    asked = 0
    hold = asyncio.Event()

    async def slowly(_: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        if asked == 1:
            await hold.wait()
        return web.Response(body=PNG)

    host.answers["/a.png"] = slowly
    async with fetching(stores, "127.0.0.1") as first, fetching(stores, "127.0.0.1") as second:
        message = await first.message(host.url("/a.png"))
        running = asyncio.create_task(first.fetcher.keep_fetching(once()))

        async def is_asked() -> bool:
            return asked == 1

        await until(is_asked)
        await second.fetcher.keep_fetching(once())
        assert asked == 1
        await second.due_again(message)
        ready = await second.after(message)
        assert ready.media is not None
        hold.set()
        await running
        assert (len(first.fetched), len(second.fetched)) == (0, 1)
        assert await stores.database["media.files"].distinct("_id") == [ready.media.media_id]
