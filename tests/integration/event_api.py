"""Serve the API with its events over real stores, as often as a test needs it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aiohttp.test_utils import TestClient, TestServer, get_port_socket

from control_api.app import build_app
from control_api.event_stream.feed import EventFeed
from control_api.event_stream.streams import STREAMS, EventStreams, StreamLimits
from control_api.services import Services
from sessions.accounts.api_keys import Grant
from sessions.common.callers import Scope
from sessions.common.clock import utc_now
from sessions.common.ids import new_id
from sessions.events.log import Event
from sessions.events.stream import STREAM, open_event_log
from tests.builders import Stores
from tests.event_reader import EventReader
from tests.integration.conftest import KEY
from tests.waiting import until

if TYPE_CHECKING:
    from aiohttp import web
    from arq.connections import ArqRedis

    from control_api.settings import ApiSettings
    from sessions.storage.mongo import Database

LIMITS = StreamLimits(
    per_owner=5, look_up=timedelta(milliseconds=50), ask_again=timedelta(milliseconds=100)
)
ALL = "/api/whatsapp/events"
SocketFactory = Callable[[str, int, socket.AddressFamily], socket.socket]


@dataclass(frozen=True)
class EventApi:
    """One API process, and stores whose events reach it."""

    client: TestClient[web.Request, web.Application]
    services: Services
    streams: EventStreams
    stores: Stores
    redis: ArqRedis

    async def key(self, owner: str, *scopes: Scope) -> tuple[str, dict[str, str]]:
        """Make a key of a user's, for these scopes or all; return its id and its headers."""
        await self._let_in(owner)
        made, secret = await self.services.keys.create(
            Grant(owner, "A key", frozenset(scopes or Scope)), utc_now()
        )
        return made.id, {"X-Api-Key": secret}

    async def _let_in(self, owner: str) -> None:
        """Let there be a user with this id: a key of nobody's does not work."""
        user = {"email": f"{owner}@example.com"}
        await self.stores.database["users"].update_one(
            {"_id": owner}, {"$setOnInsert": user}, upsert=True
        )

    async def settled(self) -> str:
        """Wait until what was published is with those who follow; return the newest id."""
        marker = Event("marker", owner="", connection="", data=new_id())
        self.stores.events.publish(marker)

        async def there() -> bool:
            for entry_id, fields in await self.redis.xrevrange(STREAM, count=1):
                end = str(await self.streams.feed.end())
                return bool(fields[b"data"].decode() == marker.data and entry_id.decode() == end)
            return False

        with self.streams.feed.followed():
            await until(there)
            return str(await self.streams.feed.end())

    async def follow(
        self, path: str = ALL, after: str | None = None, headers: dict[str, str] | None = None
    ) -> EventReader:
        """Follow events, from an id on if one is given."""
        resumption = {"Last-Event-ID": after} if after else {}
        response = await self.client.get(path, headers=resumption | (headers or {}))
        assert response.status == 200, await response.text()
        return EventReader(response)


@asynccontextmanager
async def event_api(
    database: Database,
    redis: ArqRedis,
    settings: ApiSettings,
    limits: StreamLimits = LIMITS,
    at: SocketFactory = get_port_socket,
    *,
    upkeep: bool = False,
    **feed: Any,
) -> AsyncIterator[EventApi]:
    """Serve the API in this loop, at a port of its own or `at` a given socket."""
    async with open_event_log(redis) as events:
        stores = Stores(database, events)
        services = await Services.over(database, redis, events, settings, utc_now)
        await services.keys.choose_first(KEY, utc_now())
        app = build_app(services, upkeep=upkeep)
        streams = app[STREAMS] = EventStreams(EventFeed(services.events, **feed), limits)
        server = TestServer(app, socket_factory=at)
        async with TestClient(server, headers={"X-Api-Key": KEY}) as client:
            yield EventApi(client, services, streams, stores, redis)
