"""The daemon: start all services and tasks of a worker, and stop them in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from typing import Any

from arq import Retry
from loguru import logger

from chatgrow_worker.browser.driver import Driver
from chatgrow_worker.browser.launcher import Launcher
from chatgrow_worker.browser.profiles_root import owned_root, succeed
from chatgrow_worker.browser.temporary import own_temporary_folder
from chatgrow_worker.connection.services import WorkerServices
from chatgrow_worker.intake.arq_consumer import Command, Intake
from chatgrow_worker.intake.rings import RingListener
from chatgrow_worker.intake.send_message import RefuseJob
from chatgrow_worker.login.leftovers import LeftProfiles
from chatgrow_worker.observed import observed
from chatgrow_worker.pool.pool import ConnectionPool
from chatgrow_worker.settings import WorkerSettings
from chatgrow_worker.waiting import happens, to_the_next
from chatgrow_worker.webhooks.service import Webhooks, open_webhooks
from chatgrow_worker.wiring import (
    browser_options,
    build_converter,
    build_fetcher,
    build_intake,
    converting_program,
    emergency_html,
    key_ring,
)
from sessions.blobs import BlobStore
from sessions.common.ids import new_id
from sessions.connections.workers import WorkerRegistry
from sessions.events.stream import open_event_log
from sessions.messages.file_tries import FileBells
from sessions.messages.media_converting import MediaConverter
from sessions.messages.media_fetching import MediaFetcher
from sessions.network.guarded_client import GuardedClient
from sessions.process.child_environment import LEAN, child_environment, unless_set, without_settings
from sessions.program import StoppedError, Stores, open_stores, unless_stopped
from sessions.queue.doorbell import SHARED_QUEUE, Job
from sessions.storage.mongo import NO_ANSWER, STORE_DOWN, brief
from sessions.storage.server_clock import server_clock

_SWEEP_EVERY = timedelta(seconds=2)
_CLEAN_EVERY = timedelta(hours=1)
_TIDY_EVERY = timedelta(seconds=10)
_BEAT_EVERY = timedelta(seconds=3)
_OFFERED_AGAIN = timedelta(milliseconds=300)
_SHARED_POLL = (timedelta(milliseconds=500), timedelta(milliseconds=250))
"""Backends that add jobs themselves do not ring the doorbell, and may schedule jobs for later."""


async def run_worker(settings: WorkerSettings, stop: asyncio.Event) -> None:
    """Run connections until `stop` is set."""
    options = browser_options(settings)
    # Bad settings are reported before waiting for servers.
    keys = key_ring(settings)
    converting_program(settings)
    async with AsyncExitStack() as stack:
        stack.enter_context(without_settings())
        root = stack.enter_context(owned_root(settings.whatsapp_session_path))
        async with unless_stopped(stop):
            stores = await stack.enter_async_context(open_stores(settings))
        events = await stack.enter_async_context(
            open_event_log(stores.redis, settings.events_kept_for)
        )
        stack.enter_context(child_environment(unless_set(LEAN)))
        driver = Driver(stack.enter_context(own_temporary_folder(root)))
        stack.push_async_callback(driver.close)
        instance = new_id()
        predecessor = succeed(root, instance)
        now = await stack.enter_async_context(server_clock(stores.database))
        html = emergency_html(settings, stores, now)
        launcher = Launcher(driver, options, root, html.for_opening)
        services = WorkerServices(
            settings, stores, events, launcher, instance, predecessor, keys=keys, now=now, html=html
        )
        await services.prepare()
        pool = ConnectionPool(
            services, settings.worker_id, instance, settings.whatsapp_max_connections
        )
        send_message = await build_intake(services)
        webhooks = await stack.enter_async_context(open_webhooks(stores, events, services, keys))
        client = await stack.enter_async_context(GuardedClient(settings.media_allowed_hosts))
        fetcher, converter = build_fetcher(services, client), build_converter(services)
        await stack.enter_async_context(observed(pool, services))
        logger.info("Worker {} is ready", settings.worker_id)
        async with asyncio.TaskGroup() as group:
            # Rings are heard until the last connection has ended.
            rings = RingListener(stores.redis, settings.worker_id, pool.ring, pool.wake_all)
            listening = group.create_task(rings.listen(), name="rings")
            await _watch(
                stop,
                {
                    "heartbeat": _beat(pool, stop),
                    "sweep": _sweep(pool, stop),
                    "janitor": _clean(services.blobs, stop),
                    "left profiles": _tidy(LeftProfiles(root, services.removals, pool.runs), stop),
                    **_file_work(fetcher, converter, services.file_bells, settings, stop),
                    "change watch": services.change_watch.follow(stop, pool.look_all),
                    "shared queue": _shared_queue(
                        stores, pool, send_message, webhooks, RefuseJob(services.intake_failures)
                    ).listen(stop),
                    "webhook relay": webhooks.relaying.run(stop),
                    "webhook sweep": webhooks.deliverers.sweep(stop),
                },
            )
            logger.info("Stopping {} connections", pool.running)
            # Other workers take its connections only after it has left the list of workers.
            await _leave(services.registry, settings.worker_id, instance)
            await pool.close(settings.stop_limit, settings.start_concurrency)
            listening.cancel()


async def _watch(stop: asyncio.Event, work: dict[str, Coroutine[Any, Any, None]]) -> None:
    """Run background tasks until `stop`; if one fails, the daemon ends with its error."""
    async with asyncio.TaskGroup() as group:
        for name, coroutine in work.items():
            group.create_task(coroutine, name=name)
        await stop.wait()


def _shared_queue(
    stores: Stores,
    pool: ConnectionPool,
    send_message: Command,
    webhooks: Webhooks,
    refuse: RefuseJob,
) -> Intake:
    async def start(_ctx: object, connection: str) -> None:
        if not await pool.take(str(connection)) and await pool.leaves(str(connection)):
            raise Retry(defer=_OFFERED_AGAIN)

    async def deliver(_ctx: object, webhook: str) -> None:
        webhooks.deliverers.start(str(webhook))

    anyone: dict[str, Command] = {
        Job.START_CONNECTION: start,
        Job.SEND_MESSAGE: send_message,
        Job.DELIVER_WEBHOOK: deliver,
    }
    return Intake(SHARED_QUEUE, anyone, stores.redis_url, *_SHARED_POLL, refuse)


async def _beat(pool: ConnectionPool, stop: asyncio.Event) -> None:
    while True:
        try:
            await pool.beat()
        except STORE_DOWN as error:
            logger.warning("No heartbeat, MongoDB is away or refuses it: {}", brief(error))
        if await happens(stop, _BEAT_EVERY):
            return


async def _sweep(pool: ConnectionPool, stop: asyncio.Event) -> None:
    """Take connections without a worker: those of dead workers, and those whose ring was lost."""
    while True:
        try:
            await pool.take_all()
        except NO_ANSWER as error:
            pool.mongo_was_away()
            logger.warning("No sweep, MongoDB is away: {}", brief(error))
        except STORE_DOWN as error:
            logger.error("No sweep, MongoDB refuses it: {}", brief(error))
        if await happens(stop, _SWEEP_EVERY):
            return


async def _clean(blobs: BlobStore, stop: asyncio.Event) -> None:
    """Remove from time to time what interrupted saves have left in MongoDB."""
    while not await happens(stop, _CLEAN_EVERY):
        try:
            removed = await blobs.sweep(_CLEAN_EVERY)
        except STORE_DOWN as error:
            logger.warning("Nothing is cleaned, MongoDB is away or refuses it: {}", brief(error))
        else:
            logger.info("Removed {} leftovers of interrupted saves", removed)


def _file_work(
    fetcher: MediaFetcher,
    converter: MediaConverter | None,
    bells: FileBells,
    settings: WorkerSettings,
    stop: asyncio.Event,
) -> dict[str, Coroutine[Any, Any, None]]:
    """Return the tasks that make the files of messages ready."""
    every = settings.safety_poll
    work = {"files to fetch": _make_ready(fetcher.keep_fetching, bells.fetch, every, stop)}
    if converter is not None:
        converts = _make_ready(converter.keep_converting, bells.convert, every, stop)
        work["files to convert"] = converts
    return work


async def _make_ready(
    keep_doing: Callable[[AsyncIterable[None]], Awaitable[None]],
    bell: asyncio.Event,
    every: timedelta,
    stop: asyncio.Event,
) -> None:
    """Make the files of messages ready when one waits for its file, and now and then.

    What runs at `stop` is cut off and given back, so that another worker does it.
    """
    with suppress(StoppedError):
        async with unless_stopped(stop):
            await keep_doing(_rings(bell, every))


async def _rings(bell: asyncio.Event, every: timedelta) -> AsyncIterator[None]:
    while True:
        yield
        await happens(bell, to_the_next(every))
        bell.clear()


async def _tidy(profiles: LeftProfiles, stop: asyncio.Event) -> None:
    """Remove profiles on this disk whose connections were deleted by another worker."""
    while True:
        try:
            await profiles.remove()
        except (*STORE_DOWN, OSError) as error:
            logger.warning("No profiles are removed: {}", brief(error))
        if await happens(stop, _TIDY_EVERY):
            return


async def _leave(registry: WorkerRegistry, worker: str, instance: str) -> None:
    try:
        await registry.leave(worker, instance)
    except STORE_DOWN as error:
        logger.warning(
            "Cannot leave the list of workers, MongoDB is away or refuses: {}", brief(error)
        )
