"""From settings to the parts of a worker: every number with its unit, in one place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from chatgrow_worker.browser.launcher import Launcher
from chatgrow_worker.browser.options import BrowserOptions, check_sandbox, find_chromium
from chatgrow_worker.browser.savings import Saving
from chatgrow_worker.browser.wear import WearLimits
from chatgrow_worker.commands.intake import Command
from chatgrow_worker.commands.send_message import RefuseMessage, SendMessage
from chatgrow_worker.connections.change_gate import GateLimits
from chatgrow_worker.connections.change_watch import ChangeWatch
from chatgrow_worker.connections.delivery import SendLimits
from chatgrow_worker.connections.emergency_html import EmergencyHtml
from chatgrow_worker.connections.number_checks import AskedConnections
from chatgrow_worker.connections.parts import Limits, Parts, StartSlots
from chatgrow_worker.connections.recovery import Ladder, Remedy, Rungs
from chatgrow_worker.metrics import WorkerMetrics
from chatgrow_worker.page.script import WrongScriptError, init_script, read_wa_js
from chatgrow_worker.page.snapshot import PageState
from chatgrow_worker.settings import WorkerSettings
from sessions.acceptance import Acceptance
from sessions.blobs import BlobStore, KeyRing, open_key_ring
from sessions.clock import utc_now
from sessions.commands import CommandDesk
from sessions.connections import ConnectionStore
from sessions.doorbell import Doorbell
from sessions.errors import ConfigurationError
from sessions.events import EventLog
from sessions.idempotency import IdempotencyStore
from sessions.intake_failures import IntakeFailures
from sessions.known_numbers import KnownNumbers
from sessions.leases import LeaseStore
from sessions.linking import LinkingDesk
from sessions.metrics import ProcessMetrics
from sessions.number_checks import NumberCheckDesk
from sessions.outbox import Outbox
from sessions.program import Stores
from sessions.proxy_passwords import ProxyPasswords
from sessions.quotas import QueueQuota
from sessions.removals import Removals
from sessions.saved_html import SavedHtmlStore
from sessions.send_queue import SendQueue
from sessions.states import Reason
from sessions.whatsapp_breaker import BreakerLimits, WhatsAppBreaker
from sessions.workers import WorkerRegistry

_LEASE_MARGIN = 0.4
"""The part of a lease's life that is kept for closing the page before another may open it."""

_RARELY = timedelta(minutes=15)
"""How seldom a remedy is tried at last that helps for a moment only."""


def key_ring(settings: WorkerSettings) -> KeyRing:
    """Return the keys of the saved logins; raise ConfigurationError."""
    production = settings.app_env == "production"
    return open_key_ring(settings.session_encryption_keys, settings.data_dir, production)


async def assemble_parts(
    settings: WorkerSettings,
    stores: Stores,
    events: EventLog,
    launcher: Launcher,
    instance: str,
    predecessor: str | None = None,
    *,
    now: Callable[[], datetime] = utc_now,
    html: EmergencyHtml | None = None,
) -> Parts:
    """Build what every connection shares, and create the indexes."""
    connections = ConnectionStore(stores.database, events)
    outbox = Outbox(stores.database, connections, events)
    removals = Removals(stores.database, outbox, events)
    checks = NumberCheckDesk(stores.database)
    numbers = KnownNumbers(stores.database, settings.not_on_whatsapp_for)
    for store in (connections, removals, checks, numbers):
        await store.prepare()
    await outbox.prepare(settings.message_retention)
    keys = key_ring(settings)
    blobs = BlobStore(stores.database, keys)
    leases = LeaseStore(
        stores.database, events, settings.worker_id, instance, settings.lease_ttl, predecessor
    )
    return Parts(
        connections,
        outbox,
        SendQueue(stores.database, events),
        leases,
        WorkerRegistry(stores.database),
        blobs,
        LinkingDesk(stores.database),
        CommandDesk(stores.database),
        removals,
        checks,
        AskedConnections(checks, settings.safety_poll),
        numbers,
        Doorbell(stores.redis),
        launcher,
        _limits(settings),
        StartSlots(settings.start_concurrency),
        now,
        WorkerMetrics(ProcessMetrics(), now),
        ChangeWatch(WhatsAppBreaker(stores.database, _breaker_limits(settings))),
        html or emergency_html(settings, stores, now),
        ProxyPasswords(keys),
    )


def emergency_html(
    settings: WorkerSettings, stores: Stores, now: Callable[[], datetime]
) -> EmergencyHtml:
    """Build what opens pages from saved HTML."""
    store = SavedHtmlStore(stores.database)
    return EmergencyHtml(store, str(settings.whatsapp_web_url), now)


async def assemble_intake(settings: WorkerSettings, stores: Stores, parts: Parts) -> Command:
    """Build what takes messages from the shared queue, or refuses them, and create its indexes."""
    keys = IdempotencyStore(stores.database)
    failures = IntakeFailures(stores.database, parts.now)
    await keys.prepare()
    await failures.prepare()
    if not settings.takes_jobs:
        return RefuseMessage(failures)
    acceptance = Acceptance(
        parts.connections,
        parts.outbox,
        keys,
        parts.doorbell,
        parts.metrics.process,
        parts.now,
        QueueQuota(stores.database, settings.queued_messages_per_owner),
    )
    return SendMessage(acceptance, failures)


def browser_options(settings: WorkerSettings) -> BrowserOptions:
    """Return how to start browsers; raise ConfigurationError for what cannot work."""
    url = settings.whatsapp_web_url
    origin = f"{url.scheme}://{url.host}" + (f":{url.port}" if _names_port(str(url)) else "")
    try:
        hide = Saving.HIDDEN_PAGE in settings.savings
        library = read_wa_js(settings.wa_js_path, settings.wa_js_sha256)
        script = init_script(library, origin, settings.device_name, hide=hide)
    except WrongScriptError as error:
        raise ConfigurationError(str(error)) from error
    return BrowserOptions(
        executable=find_chromium(settings.chromium_path),
        sandbox=check_sandbox(settings.chromium_no_sandbox),
        savings=settings.savings,
        url=str(url),
        more_hosts=settings.browser_allowed_hosts,
        script=script,
        call_limit=settings.page_call_limit,
        launch_limit=settings.page_load_limit,
        close_limit=timedelta(seconds=3),
    )


def _limits(settings: WorkerSettings) -> Limits:
    return Limits(
        look_every=timedelta(seconds=2),
        look_when_ready=timedelta(seconds=10),
        look_while_loading=timedelta(milliseconds=250),
        start_slot=timedelta(seconds=30),
        ladder=_ladder(settings),
        reload=settings.page_load_limit,
        wear=WearLimits(
            age=settings.browser_max_age,
            memory_bytes=settings.browser_max_memory_mb * 1024 * 1024,
            look_every=settings.browser_wear_every,
        ),
        collect_garbage=Saving.COLLECT_GARBAGE in settings.savings,
        qr_form=settings.qr_form,
        qr_asked_within=settings.qr_asked_within,
        pairing_pause=settings.pairing_pause,
        wipe_within=timedelta(seconds=10),
        save_after=timedelta(seconds=3),
        save_every=settings.session_save_every,
        lease_ttl=settings.lease_ttl,
        lease_margin=settings.lease_ttl * _LEASE_MARGIN,
        restart_first=timedelta(seconds=1),
        restart_cap=timedelta(minutes=1),
        safety_poll=settings.safety_poll,
        ban_pause=settings.ban_pause,
        logout_within=settings.logout_limit,
        sends=SendLimits(
            outcome_within=settings.send_outcome_limit,
            outcome_poll=timedelta(milliseconds=500),
            number_recheck=settings.number_recheck,
            ghost_wait=settings.ghost_wait,
            stalled_after=timedelta(seconds=20),
            resend_ghosts=settings.resend_ghosts,
            tries=settings.send_tries,
        ),
        gate=GateLimits(
            in_a_row=settings.changed_errors_in_a_row,
            settles=timedelta(seconds=5),
            retry=settings.changed_probe_every,
            probe_within=_probe_within(settings),
            reload=settings.page_load_limit,
        ),
    )


def _breaker_limits(settings: WorkerSettings) -> BreakerLimits:
    return BreakerLimits(
        connections=settings.changed_connections,
        within=settings.changed_within,
        probe_every=settings.changed_probe_every,
        probe_within=_probe_within(settings),
    )


def _probe_within(settings: WorkerSettings) -> timedelta:
    """Return how long a page may load, and then a message may take."""
    return settings.page_load_limit + settings.send_outcome_limit


def _ladder(settings: WorkerSettings) -> Ladder:
    again, new = Remedy.RELOAD, Remedy.NEW_BROWSER
    return {
        PageState.LOADING: Rungs(settings.page_load_limit, (new,), Reason.PAGE_LOADING),
        PageState.SYNCING: Rungs(timedelta(minutes=10), (again, new), Reason.LOADING_CHATS),
        PageState.OFFLINE: Rungs(settings.offline_limit, (again, new), Reason.NETWORK_DOWN),
        PageState.LINE_DEAD: Rungs(settings.line_limit, (again, new), Reason.LINE_LOST),
        PageState.REPLACED: Rungs(
            settings.take_back_after, (again,), Reason.REPLACED, grows_to=_RARELY
        ),
        PageState.STALLED: Rungs(
            settings.stall_limit, (again, new), Reason.SENDS_UNACKNOWLEDGED, grows_to=_RARELY
        ),
        # It loads itself anew all the time; a new browser is for the case that it has a cache.
        PageState.OUTDATED: Rungs(timedelta(minutes=10), (new,), Reason.UPDATE_NEEDED),
        PageState.LEAVING: Rungs(timedelta(minutes=1), (again, new), Reason.PAGE_LOADING),
        PageState.PASSKEY: Rungs(timedelta(minutes=10), (new,), Reason.PASSKEY_WANTED),
    }


def _names_port(url: str) -> bool:
    return url.split("://", 1)[-1].split("/", 1)[0].rpartition(":")[2].isdigit()
