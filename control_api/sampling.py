"""Write the queues down minute by minute, while the API serves."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from loguru import logger

from control_api.services import Services
from sessions.mongo import STORE_DOWN, brief

_LOOK_EVERY = timedelta(seconds=10)


async def keep_sampling(services: Services) -> None:
    """Write every minute down, unless another process of the API has done so."""
    while True:
        try:
            minute = await services.history.claim()
            if minute is not None:
                fleet = await services.fleet.look(services.now())
                await services.history.write_down(minute, fleet)
        except STORE_DOWN as error:
            logger.warning("The queues are not written down, MongoDB is away: {}", brief(error))
        await asyncio.sleep(_LOOK_EVERY.total_seconds())
