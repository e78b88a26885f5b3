"""Build the services of a worker from its settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from chatgrow_worker.browser.options import BrowserOptions, check_sandbox, find_chromium
from chatgrow_worker.browser.savings import Saving
from chatgrow_worker.connection.services import WorkerServices
from chatgrow_worker.intake.arq_consumer import Command
from chatgrow_worker.intake.send_message import RefuseJob, RefuseMessage, SendMessage
from chatgrow_worker.page.script import WrongScriptError, init_script, read_wa_js
from chatgrow_worker.settings import WorkerSettings
from chatgrow_worker.whatsapp_change.emergency_html import EmergencyHtml
from sessions.common.errors import ConfigurationError
from sessions.encryption.keys import KeyRing, open_key_ring
from sessions.media.ffmpeg import ConversionLimits, Ffmpeg, find_ffmpeg
from sessions.messages.acceptance import Acceptance
from sessions.messages.idempotency import IdempotencyStore
from sessions.messages.media_converting import MediaConverter
from sessions.messages.media_fetching import FetchLimits, MediaFetcher
from sessions.messages.media_intake import MediaIntake
from sessions.messages.model import Message
from sessions.messages.quotas import QueueQuota
from sessions.network.guarded_client import GuardedClient
from sessions.program import Stores
from sessions.whatsapp.saved_html import SavedHtmlStore

_CONVERSIONS_AT_ONCE = 1
"""Each takes two processors, when nobody else needs them."""


def key_ring(settings: WorkerSettings) -> KeyRing:
    """Return the keys of the saved logins; raise ConfigurationError."""
    production = settings.app_env == "production"
    return open_key_ring(settings.session_encryption_keys, settings.data_dir, production)


def emergency_html(
    settings: WorkerSettings, stores: Stores, now: Callable[[], datetime]
) -> EmergencyHtml:
    """Build the service that opens pages from saved HTML."""
    store = SavedHtmlStore(stores.database)
    return EmergencyHtml(store, str(settings.whatsapp_web_url), now)


async def build_intake(services: WorkerServices) -> Command:
    """Build the command for `send_message` jobs, or one that refuses them; create its indexes."""
    settings, database = services.settings, services.database
    keys = IdempotencyStore(database, services.texts)
    await keys.prepare()
    await services.intake_failures.prepare()
    if not settings.takes_jobs:
        return RefuseMessage(RefuseJob(services.intake_failures))
    acceptance = Acceptance(
        services.outbox,
        keys,
        services.doorbell,
        services.metrics.process,
        services.now,
        QueueQuota(database, settings.queued_messages_per_owner),
        services.texts,
        MediaIntake(services.media, converts=settings.media_convert),
        services.referred,
    )
    return SendMessage(acceptance, services.intake_failures)


def build_fetcher(services: WorkerServices, client: GuardedClient) -> MediaFetcher:
    """Build what fetches the files of messages from their URLs."""
    settings = services.settings

    async def fetched(message: Message) -> None:
        if message.waits_for_file:
            services.file_bells.ring(message)
        else:
            await _ring_owner(services, message)

    return MediaFetcher(
        services.file_tries,
        services.media,
        services.texts,
        client,
        FetchLimits(settings.media_fetch_limit, settings.media_fetch_tries),
        fetched,
        converts=settings.media_convert,
    )


def build_converter(services: WorkerServices) -> MediaConverter | None:
    """Build what converts the files of messages; None if they are not to be converted.

    Raises ConfigurationError if there is no ffmpeg.
    """
    ffmpeg = converting_program(services.settings)
    if ffmpeg is None:
        return None
    return MediaConverter(
        services.file_tries,
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


def _names_port(url: str) -> bool:
    return url.split("://", 1)[-1].split("/", 1)[0].rpartition(":")[2].isdigit()
