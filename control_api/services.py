"""What the handlers ask: the stores and the doorbell, in one typed place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from aiohttp import web

from sessions.api_keys import ApiKeyStore
from sessions.connections import ConnectionStore
from sessions.doorbell import Doorbell
from sessions.linking import LinkingDesk
from sessions.mongo import database_answers
from sessions.outbox import Outbox
from sessions.workers import WorkerRegistry

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from sessions.mongo import Database


@dataclass(frozen=True)
class Services:
    """The parts that handlers use, opened once and handed down."""

    database: Database
    connections: ConnectionStore
    outbox: Outbox
    keys: ApiKeyStore
    workers: WorkerRegistry
    desk: LinkingDesk
    doorbell: Doorbell
    now: Callable[[], datetime]

    @classmethod
    async def open(
        cls, database: Database, redis: ArqRedis, now: Callable[[], datetime]
    ) -> Services:
        """Build the stores and create their indexes."""
        connections = ConnectionStore(database)
        outbox = Outbox(database, connections)
        keys = ApiKeyStore(database)
        await connections.prepare()
        await outbox.prepare()
        await keys.prepare()
        registry = WorkerRegistry(database)
        desk = LinkingDesk(database)
        return cls(database, connections, outbox, keys, registry, desk, Doorbell(redis), now)

    async def database_answers(self) -> bool:
        """Tell whether MongoDB answers now."""
        return await database_answers(self.database)


SERVICES = web.AppKey("services", Services)
