"""Build the services of a worker from its settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from chatgrow_worker.browser.launcher import Launcher
from chatgrow_worker.browser.options import BrowserOptions, check_sandbox, find_chromium
from chatgrow_worker.browser.recycling import RecyclingLimits
from chatgrow_worker.browser.savings import Saving
from chatgrow_worker.connection.number_checks import AskedConnections
from chatgrow_worker.connection.recovery import RecoveryRule, RecoveryRules, Remedy
from chatgrow_worker.connection.services import Limits, StartSlots, WorkerServices
from chatgrow_worker.intake.arq_consumer import Command
from chatgrow_worker.intake.send_message import RefuseMessage, SendMessage
from chatgrow_worker.monitoring.metrics import WorkerMetrics
from chatgrow_worker.page.script import WrongScriptError, init_script, read_wa_js
from chatgrow_worker.page.snapshot import PageState
from chatgrow_worker.receiving.downloads import DownloadLimits
from chatgrow_worker.receiving.receiver import ReceivingLimits
from chatgrow_worker.receiving.sweep import SweepLimits
from chatgrow_worker.sending.limits import SendLimits
from chatgrow_worker.sending.outgoing_files import OutgoingFiles
from chatgrow_worker.settings import WorkerSettings
from chatgrow_worker.webhooks.service import WebhookLimits
from chatgrow_worker.whatsapp_change.change_gate import GateLimits
from chatgrow_worker.whatsapp_change.change_watch import ChangeWatch
from chatgrow_worker.whatsapp_change.emergency_html import EmergencyHtml
from sessions.blobs import BlobStore
from sessions.common.clock import utc_now
from sessions.common.errors import ConfigurationError
from sessions.connections.commands import CommandRequests
from sessions.connections.leases import LeaseStore
from sessions.connections.linking import LinkingRequests
from sessions.connections.page_requests import PageRequests
from sessions.connections.proxy_passwords import ProxyPasswords
from sessions.connections.states import Reason
from sessions.connections.store import ConnectionStore
from sessions.connections.workers import WorkerRegistry
from sessions.conversations.inbox import Inbox
from sessions.conversations.marks import Marks
from sessions.conversations.received import ReceivedMessages
from sessions.conversations.received_files import ReceivedFiles
from sessions.deletion.connections import Removals
from sessions.encryption.keys import KeyRing, open_key_ring
from sessions.events.log import EventLog
from sessions.media.ffmpeg import ConversionLimits, Ffmpeg, find_ffmpeg
from sessions.media.store import MediaLimits, MediaStore
from sessions.messages.acceptance import Acceptance
from sessions.messages.effects import Effects
from sessions.messages.file_tries import FileBells, FileTries
from sessions.messages.idempotency import IdempotencyStore
from sessions.messages.media_converting import MediaConverter
from sessions.messages.media_fetching import FetchLimits, MediaFetcher
from sessions.messages.media_intake import MediaIntake
from sessions.messages.model import Message
from sessions.messages.outbox import Outbox
from sessions.messages.quotas import QueueQuota
from sessions.messages.referred import ReferredMessages
from sessions.messages.sealed_texts import TextSealer
from sessions.messages.send_queue import SendQueue
from sessions.metrics import ProcessMetrics
from sessions.network.guarded_client import GuardedClient
from sessions.program import Stores
from sessions.queue.doorbell import Doorbell
from sessions.queue.intake_failures import IntakeFailures
from sessions.recipients.known_numbers import KnownNumbers
from sessions.recipients.number_checks import NumberCheckRequests
from sessions.whatsapp.breaker import BreakerLimits, WhatsAppBreaker
from sessions.whatsapp.saved_html import SavedHtmlStore

_LEASE_MARGIN = 0.4
"""The part of a lease's life that is left to close the page before another worker may open it."""

_DOWNLOADS_AT_ONCE = 3
"""Each holds a file in a page's memory, and one of Motor's few threads now and then."""
_CONVERSIONS_AT_ONCE = 1
"""Each takes two processors, when nobody else needs them."""
_RARELY = timedelta(minutes=15)
"""The longest wait between two tries of a remedy that helps only for a moment."""


def key_ring(settings: WorkerSettings) -> KeyRing:
    """Return the keys of the saved logins; raise ConfigurationError."""
    production = settings.app_env == "production"
    return open_key_ring(settings.session_encryption_keys, settings.data_dir, production)


def build_services(
    settings: WorkerSettings,
    stores: Stores,
    events: EventLog,
    launcher: Launcher,
    instance: str,
    predecessor: str | None = None,
    *,
    now: Callable[[], datetime] = utc_now,
    html: EmergencyHtml | None = None,
) -> WorkerServices:
    """Build the services that all connections share; `create_indexes` has to follow."""
    connections = ConnectionStore(stores.database, events)
    outbox = Outbox(stores.database, events)
    removals = Removals(stores.database, outbox, events)
    checks = NumberCheckRequests(stores.database)
    page_requests = PageRequests(stores.database)
    numbers = KnownNumbers(stores.database, settings.not_on_whatsapp_for)
    keys = key_ring(settings)
    texts = TextSealer(keys, on=settings.seal_texts)
    blobs = BlobStore(stores.database, keys)
    media = MediaStore(stores.database, keys, MediaLimits.of(settings))
    leases = LeaseStore(
        stores.database, events, settings.worker_id, instance, settings.lease_ttl, predecessor
    )
    return WorkerServices(
        connections,
        outbox,
        SendQueue(stores.database, events),
        leases,
        WorkerRegistry(stores.database),
        blobs,
        LinkingRequests(stores.database),
        CommandRequests(stores.database),
        removals,
        checks,
        page_requests,
        AskedConnections(checks, settings.safety_poll),
        numbers,
        Doorbell(stores.redis),
        launcher,
        _limits(settings),
        StartSlots(settings.start_concurrency),
        now,
        WorkerMetrics(ProcessMetrics(settings.whatsapp_session_path), now),
        ChangeWatch(WhatsAppBreaker(stores.database, _breaker_limits(settings))),
        html or emergency_html(settings, stores, now),
        ProxyPasswords(keys),
        texts,
        media,
        Inbox(stores.database, events, texts, now),
        Marks(stores.database),
        OutgoingFiles(media, settings.media_prepare_limit),
        ReceivedFiles(stores.database, events),
        asyncio.Semaphore(_DOWNLOADS_AT_ONCE),
        FileBells(),
        ReferredMessages(stores.database),
        Effects(stores.database, texts),
    )


async def create_indexes(
    settings: WorkerSettings, stores: Stores, services: WorkerServices
) -> None:
    """Create the indexes that connections need; safe to repeat and to race."""
    for store in (
        services.connections,
        services.removals,
        services.checks,
        services.page_requests,
        services.numbers,
        services.media,
    ):
        await store.prepare()
    await services.outbox.prepare(settings.message_retention)
    await ReceivedMessages(stores.database).prepare(settings.received_retention)


def emergency_html(
    settings: WorkerSettings, stores: Stores, now: Callable[[], datetime]
) -> EmergencyHtml:
    """Build the service that opens pages from saved HTML."""
    store = SavedHtmlStore(stores.database)
    return EmergencyHtml(store, str(settings.whatsapp_web_url), now)


async def build_intake(
    settings: WorkerSettings, stores: Stores, services: WorkerServices
) -> Command:
    """Build the command for `send_message` jobs, or one that refuses them; create its indexes."""
    keys = IdempotencyStore(stores.database, services.texts)
    failures = IntakeFailures(stores.database, services.now)
    await keys.prepare()
    await failures.prepare()
    if not settings.takes_jobs:
        return RefuseMessage(failures)
    acceptance = Acceptance(
        services.outbox,
        keys,
        services.doorbell,
        services.metrics.process,
        services.now,
        QueueQuota(stores.database, settings.queued_messages_per_owner),
        services.texts,
        MediaIntake(services.media, converts=settings.media_convert),
        services.referred,
    )
    return SendMessage(acceptance, failures)


def webhook_limits(settings: WorkerSettings) -> WebhookLimits:
    """Return what operators set for webhooks."""
    return WebhookLimits(settings.webhook_allowed_hosts, settings.webhook_retention)


def build_fetcher(
    settings: WorkerSettings,
    stores: Stores,
    events: EventLog,
    services: WorkerServices,
    client: GuardedClient,
) -> MediaFetcher:
    """Build what fetches the files of messages from their URLs."""

    async def fetched(message: Message) -> None:
        if message.waits_for_file:
            services.file_bells.ring(message)
        else:
            await _ring_owner(services, message)

    limits = FetchLimits(settings.media_fetch_limit, settings.media_fetch_tries)
    return MediaFetcher(
        FileTries(stores.database, events),
        services.media,
        services.texts,
        client,
        limits,
        fetched,
        converts=settings.media_convert,
    )


def build_converter(
    settings: WorkerSettings, stores: Stores, events: EventLog, services: WorkerServices
) -> MediaConverter | None:
    """Build what converts the files of messages; None if they are not to be converted.

    Raises ConfigurationError if there is no ffmpeg.
    """
    ffmpeg = converting_program(settings)
    if ffmpeg is None:
        return None
    return MediaConverter(
        FileTries(stores.database, events),
        services.media,
        ffmpeg,
        partial(_ring_owner, services),
        _CONVERSIONS_AT_ONCE,
    )


def converting_program(settings: WorkerSettings) -> Ffmpeg | None:
    """Return ffmpeg with its limits, or None; raise ConfigurationError if it is missing."""
    if not settings.media_convert:
        return None
    limits = ConversionLimits(settings.media_convert_limit, settings.media_max_size)
    return Ffmpeg(find_ffmpeg(), limits)


async def _ring_owner(services: WorkerServices, message: Message) -> None:
    """Wake up the worker that runs the connection of a message."""
    await services.doorbell.dispatch(await services.connections.get(message.connection))


def browser_options(settings: WorkerSettings) -> BrowserOptions:
    """Return how to start browsers; raise ConfigurationError for bad settings."""
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
        disk_full_below=settings.disk_full_below,
    )


def _limits(settings: WorkerSettings) -> Limits:
    return Limits(
        disk=settings.disk_of(settings.whatsapp_session_path),
        look_every=timedelta(seconds=2),
        look_when_ready=timedelta(seconds=20),
        look_while_loading=timedelta(milliseconds=250),
        start_slot=timedelta(seconds=30),
        recovery_rules=_recovery_rules(settings),
        reload=settings.page_load_limit,
        recycling=RecyclingLimits(
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
        receiving=ReceivingLimits(
            SweepLimits(settings.received_retention, timedelta(days=settings.import_history_days))
        ),
        downloads=DownloadLimits(settings.media_download_limit),
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
    """Return how long a probe may take: loading the page and sending a message."""
    return settings.page_load_limit + settings.send_outcome_limit


def _recovery_rules(settings: WorkerSettings) -> RecoveryRules:
    again, new = Remedy.RELOAD, Remedy.NEW_BROWSER
    return {
        PageState.LOADING: RecoveryRule(settings.page_load_limit, (new,), Reason.PAGE_LOADING),
        PageState.SYNCING: RecoveryRule(timedelta(minutes=10), (again, new), Reason.LOADING_CHATS),
        PageState.OFFLINE: RecoveryRule(settings.offline_limit, (again, new), Reason.NETWORK_DOWN),
        PageState.LINE_DEAD: RecoveryRule(settings.line_limit, (again, new), Reason.LINE_LOST),
        PageState.REPLACED: RecoveryRule(
            settings.take_back_after, (again,), Reason.REPLACED, grows_to=_RARELY
        ),
        PageState.STALLED: RecoveryRule(
            settings.stall_limit, (again, new), Reason.SENDS_UNACKNOWLEDGED, grows_to=_RARELY
        ),
        # An outdated page keeps reloading itself; a new browser helps if a cache is the cause.
        PageState.OUTDATED: RecoveryRule(timedelta(minutes=10), (new,), Reason.UPDATE_NEEDED),
        PageState.LEAVING: RecoveryRule(timedelta(minutes=1), (again, new), Reason.PAGE_LOADING),
        PageState.PASSKEY: RecoveryRule(timedelta(minutes=10), (new,), Reason.PASSKEY_WANTED),
    }


def _names_port(url: str) -> bool:
    return url.split("://", 1)[-1].split("/", 1)[0].rpartition(":")[2].isdigit()
