"""What the handlers ask: the stores and the doorbell, in one typed place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from sessions.acceptance import Acceptance
from sessions.api_keys import ApiKeyStore
from sessions.connections import ConnectionStore
from sessions.doorbell import Doorbell
from sessions.idempotency import IdempotencyStore
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
    acceptance: Acceptance
    desk: LinkingDesk
    doorbell: Doorbell
    now: Callable[[], datetime]

    @classmethod
    async def open(
        cls,
        database: Database,
        redis: ArqRedis,
        now: Callable[[], datetime],
        keep_messages_for: timedelta = timedelta(days=90),
    ) -> Services:
        """Build the stores and create their indexes."""
        connections = ConnectionStore(database)
        outbox = Outbox(database, connections)
        keys = ApiKeyStore(database)
        await connections.prepare()
        await outbox.prepare(keep_messages_for)
        await keys.prepare()
        registry = WorkerRegistry(database)
        idempotency = IdempotencyStore(database)
        await idempotency.prepare()
        doorbell = Doorbell(redis)
        return cls(
            database=database,
            connections=connections,
            outbox=outbox,
            keys=keys,
            workers=registry,
            acceptance=Acceptance(connections, outbox, idempotency, doorbell, now),
            desk=LinkingDesk(database),
            doorbell=doorbell,
            now=now,
        )

    async def database_answers(self) -> bool:
        """Tell whether MongoDB answers now."""
        return await database_answers(self.database)


SERVICES = web.AppKey("services", Services)
