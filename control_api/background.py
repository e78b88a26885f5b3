"""What the API does beside answering: read events, notice workers that died, keep a history."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

from aiohttp import web
from loguru import logger

from control_api.event_streams import STREAMS
from control_api.sampling import keep_sampling
from control_api.services import SERVICES, Services
from sessions.connections import ConnectionStore
from sessions.mongo import STORE_DOWN, brief

_LOOK_EVERY = timedelta(seconds=2)


async def run_background(app: web.Application) -> AsyncIterator[None]:
    """Run the side tasks while the application serves; one that dies ends the program."""
    services: Services = app[SERVICES]
    work = {
        "event feed": app[STREAMS].feed.run(),
        "lost workers": _announce_lost(services.connections),
        "queue history": keep_sampling(services),
    }
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each, name=name) for name, each in work.items()]
        yield
        for task in tasks:
            task.cancel()


async def end_streams(app: web.Application) -> None:
    """End the streams first: they would last as long as the program waits for requests."""
    await app[STREAMS].close()


async def _announce_lost(connections: ConnectionStore) -> None:
    """Tell of connections whose worker died: it cannot any more."""
    while True:
        try:
            await connections.announce_lost()
        except STORE_DOWN as error:
            logger.warning("No look for lost workers, MongoDB is away: {}", brief(error))
        await asyncio.sleep(_LOOK_EVERY.total_seconds())
