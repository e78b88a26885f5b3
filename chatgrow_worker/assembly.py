"""From settings to the parts of a worker: every number with its unit, in one place."""

from __future__ import annotations

from datetime import timedelta

from chatgrow_worker.browser.launcher import Launcher
from chatgrow_worker.browser.options import BrowserOptions, check_sandbox, find_chromium
from chatgrow_worker.connections.dispatcher import DispatchLimits
from chatgrow_worker.connections.parts import Limits, Parts
from chatgrow_worker.page.script import MissingScriptError, init_script
from chatgrow_worker.settings import WorkerSettings
from sessions.clock import utc_now
from sessions.connections import ConnectionStore
from sessions.errors import ConfigurationError
from sessions.leases import LeaseStore
from sessions.outbox import Outbox
from sessions.program import Stores

_LEASE_MARGIN = 0.4
"""The part of a lease's life that is kept for closing the page before another may open it."""


async def assemble_parts(
    settings: WorkerSettings, stores: Stores, launcher: Launcher, instance: str
) -> Parts:
    """Build what every connection shares, and create the indexes."""
    connections = ConnectionStore(stores.database)
    outbox = Outbox(stores.database, connections)
    await connections.prepare()
    await outbox.prepare()
    leases = LeaseStore(stores.database, settings.worker_id, instance, settings.lease_ttl)
    return Parts(connections, outbox, leases, launcher, _limits(settings), utc_now)


def browser_options(settings: WorkerSettings) -> BrowserOptions:
    """Return how to start browsers; raise ConfigurationError for what cannot work."""
    url = settings.whatsapp_web_url
    origin = f"{url.scheme}://{url.host}" + (f":{url.port}" if _names_port(str(url)) else "")
    try:
        script = init_script(settings.wa_js_path, origin, settings.device_name)
    except MissingScriptError as error:
        raise ConfigurationError(str(error)) from error
    return BrowserOptions(
        executable=find_chromium(settings.chromium_path),
        sandbox=check_sandbox(settings.chromium_no_sandbox),
        url=str(url),
        script=script,
        call_limit=settings.page_call_limit,
        launch_limit=settings.page_load_limit,
        close_limit=timedelta(seconds=3),
    )


def _limits(settings: WorkerSettings) -> Limits:
    return Limits(
        look_every=timedelta(seconds=2),
        look_while_loading=timedelta(milliseconds=250),
        loading=settings.page_load_limit,
        syncing=timedelta(minutes=10),
        offline=timedelta(minutes=5),
        qr_first=timedelta(seconds=60),
        qr_next=timedelta(seconds=20),
        qr_rounds=settings.qr_rounds,
        lease_ttl=settings.lease_ttl,
        lease_margin=settings.lease_ttl * _LEASE_MARGIN,
        restart_first=timedelta(seconds=1),
        restart_cap=timedelta(minutes=1),
        dispatch=DispatchLimits(
            safety_poll=settings.safety_poll,
            outcome_within=settings.send_outcome_limit,
            outcome_poll=timedelta(milliseconds=500),
            number_recheck=settings.number_recheck,
            ghost_wait=settings.ghost_wait,
        ),
    )


def _names_port(url: str) -> bool:
    return url.split("://", 1)[-1].split("/", 1)[0].rpartition(":")[2].isdigit()
