"""Start the control API: `chatgrow-api` or `python -m control_api`."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack

from aiohttp import web
from loguru import logger

from control_api.app import build_app
from control_api.credentials.first_key import ensure_first_key
from control_api.credentials.signing import signing_secret
from control_api.http.transport import ApiRunner
from control_api.services import Services
from control_api.settings import ApiSettings
from sessions.common.errors import ConfigurationError
from sessions.events.stream import open_event_log
from sessions.program import command_line, open_stores, run_program, unless_stopped
from sessions.storage.server_clock import server_clock


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the API until a signal; return an exit code."""
    command_line("chatgrow-api", "Serve the control API and its pages.").parse_args(arguments)
    return run_program("control_api", ApiSettings, serve)


async def serve(settings: ApiSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set, then let running requests finish."""
    if settings.app_env != "development":
        # Bad secrets are reported before waiting for servers.
        signing_secret(settings)
    async with AsyncExitStack() as stack:
        async with unless_stopped(stop):
            stores = await stack.enter_async_context(open_stores(settings))
        events = await stack.enter_async_context(
            open_event_log(stores.redis, settings.events_kept_for)
        )
        now = await stack.enter_async_context(server_clock(stores.database))
        services = await Services.over(stores.database, stores.redis, events, settings, now)
        await services.prepare()
        await stack.enter_async_context(services.metrics.process.watching_the_loop())
        chosen = settings.initial_api_key.get_secret_value() if settings.initial_api_key else None
        await ensure_first_key(services.keys, chosen, settings.data_dir, services.now())
        await services.setup.prepare()
        await services.removals.finish_all_alone()
        runner = ApiRunner(build_app(services), settings.keepalive_timeout)
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        await _listen(runner, settings)
        await stop.wait()
        logger.info("Stopping")


async def _listen(runner: web.AppRunner, settings: ApiSettings) -> None:
    site = web.TCPSite(runner, settings.host, settings.port)
    try:
        await site.start()
    except OSError as error:
        raise ConfigurationError(
            f"Cannot listen on HOST {settings.host} PORT {settings.port}: {error.strerror}"
        ) from error
    host, port = runner.addresses[0][:2]
    logger.info("The control API listens on http://{}:{}", host, port)


if __name__ == "__main__":
    sys.exit(main())
