"""The API's background tasks: read events, expire codes and messages, sample the queues."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from aiohttp import web
from loguru import logger
from pydantic import ValidationError

from business.replies import Replies
from control_api.event_stream.bell import Bell
from control_api.event_stream.feed import EventFeed
from control_api.event_stream.streams import STREAMS
from control_api.services import SERVICES, Services
from sessions.events.log import EventType
from sessions.events.stream import STREAM_DOWN
from sessions.storage.mongo import STORE_DOWN, Refused, brief, refusal

_LOST_WORKERS_EVERY = timedelta(seconds=2)
_EXPIRED_EVERY = timedelta(seconds=2)
"""Every API process does this, since it is one seek into a nearly empty index."""
_SAMPLE_EVERY = timedelta(seconds=10)
_LEFT_MESSAGES_EVERY = timedelta(minutes=1)
_OLD_KEYS_EVERY = timedelta(minutes=10)
_REMINDER_EVERY = timedelta(minutes=1)
_OLD_MESSAGES_EVERY = timedelta(hours=1)
_KEY_USES_EVERY = timedelta(minutes=2)
_OLD_FILES_EVERY = timedelta(minutes=10)
_ERASURES_EVERY = timedelta(seconds=5)
_CAMPAIGNS_EVERY = timedelta(seconds=5)
_BUSINESS_EVERY = timedelta(seconds=30)
"""Only what a crash has left waits for this, and what is planned a month ahead."""
_REPLIES_AT_LEAST_EVERY = timedelta(seconds=15)
"""Messages that come are told by events; this finds those whose event was lost."""
_DELETED_DATA_EVERY = timedelta(seconds=10)


async def follow_events(app: web.Application) -> AsyncIterator[None]:
    """Read events for those who follow them while the application serves."""
    async with _running((app[STREAMS].feed.run(),)):
        yield


async def run_upkeep(app: web.Application) -> AsyncIterator[None]:
    """Repeat the regular work on records while the application serves."""
    services: Services = app[SERVICES]
    async with _running(_upkeep(services, app[STREAMS].feed)):
        yield
    # What was used since the last time would be forgotten.
    with suppress(*STORE_DOWN):
        await services.keys.write_uses()


@asynccontextmanager
async def _running(work: Iterable[Coroutine[None, None, None]]) -> AsyncIterator[None]:
    """Run tasks inside the block; if one fails, the program ends."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
        yield
        for task in tasks:
            task.cancel()


def _upkeep(services: Services, feed: EventFeed) -> tuple[Coroutine[None, None, None], ...]:
    lost, codes = services.connections.announce_lost, services.connections.forget_expired_codes
    work: tuple[Coroutine[None, None, None], ...] = (
        _repeat("lost workers", lost, _LOST_WORKERS_EVERY),
        _repeat("expired codes", codes, _EXPIRED_EVERY),
        _repeat("erasures", services.erasures.go_on, _ERASURES_EVERY),
        _repeat("deleted data", lambda: _remove_deleted(services), _DELETED_DATA_EVERY),
        _repeat("expired messages", services.expiry.end_overdue, _EXPIRED_EVERY),
        _repeat("queue history", lambda: _sample_queues(services), _SAMPLE_EVERY),
        _repeat("left messages", services.outbox.cancel_left, _LEFT_MESSAGES_EVERY),
        _repeat("old messages", services.timeline.place_old, _OLD_MESSAGES_EVERY),
        _repeat("old keys", lambda: _forget_keys(services), _OLD_KEYS_EVERY),
        _repeat("uses of API keys", services.keys.write_uses, _KEY_USES_EVERY),
        _repeat("old files", services.media_janitor.tidy, _OLD_FILES_EVERY),
        _repeat("set-up reminder", services.setup.remind, _REMINDER_EVERY),
    )
    if services.business is not None:
        business = services.business
        work = (
            *work,
            _repeat("business", business.go_on, _BUSINESS_EVERY),
            _repeat("campaigns", business.campaigns.go_on, _CAMPAIGNS_EVERY),
            _answer_replies(business.replies, feed),
        )
    return work


async def end_streams(app: web.Application) -> None:
    """End event streams before the shutdown waits for running requests."""
    await app[STREAMS].close()


async def _answer_replies(replies: Replies, feed: EventFeed) -> None:
    """Read what customers answer as soon as it comes."""
    bell = Bell(feed, [EventType.MESSAGE_RECEIVED], _REPLIES_AT_LEAST_EVERY)
    with feed.followed():
        await _repeat_after("replies", replies.go_on, bell.wait)


async def _repeat(name: str, work: Callable[[], Awaitable[None]], every: timedelta) -> None:
    """Repeat a task regularly."""
    await _repeat_after(name, work, lambda: asyncio.sleep(every.total_seconds()))


async def _repeat_after(
    name: str, work: Callable[[], Awaitable[None]], pause: Callable[[], Awaitable[None]]
) -> None:
    """Repeat a task; an outage or a damaged record is logged and does not end the API."""
    while True:
        try:
            await work()
        except Refused as error:
            logger.error("Not done now ({}): {}", name, refusal(error))
        except STORE_DOWN as error:
            logger.warning("Not done now, MongoDB is away ({}): {}", name, brief(error))
        except STREAM_DOWN as error:
            logger.warning("Not done now, Redis is away ({}): {}", name, str(error) or "no answer")
        except ValidationError as error:
            logger.error("Not done now, a record is damaged ({}): {}", name, error.title)
        await pause()


async def _forget_keys(services: Services) -> None:
    await services.idempotency.forget_old(services.now())


async def _remove_deleted(services: Services) -> None:
    """Remove the remaining data of connections that were deleted some time ago."""
    grace = services.settings.deleted_data_grace
    await services.deleted_data.remove(services.now() - grace)


async def _sample_queues(services: Services) -> None:
    """Store this minute's sample of the queues, unless another API process has done so."""
    minute = await services.history.claim()
    if minute is not None:
        fleet = await services.fleet.look(services.now())
        await services.history.write_down(minute, fleet)
