"""The stores and other services that handlers use, as one typed object."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from aiohttp import web

from business.services import Business
from control_api.credentials.access_tokens import AccessTokens
from control_api.credentials.csrf import CsrfTokens
from control_api.credentials.known_devices import KnownDevices
from control_api.credentials.passwords import Passwords
from control_api.credentials.setup import Setup
from control_api.credentials.signing import signing_secret
from control_api.metrics import ApiMetrics
from control_api.phone_linking.link_tokens import LinkSigner
from control_api.phone_linking.qr_images import QrImages
from control_api.rate_limits.bounded_redis import BoundedRedis
from control_api.rate_limits.growing_delay import GrowingDelay
from control_api.rate_limits.limiter import Limiter
from control_api.rate_limits.login_attempts import LoginAttempts, SetupAttempts
from control_api.rate_limits.pairing_limits import PairingLimits
from control_api.rate_limits.quotas import Quotas
from control_api.settings import ApiSettings
from sessions.accounts.api_keys import ApiKeyStore
from sessions.accounts.setup_tokens import SetupTokenStore
from sessions.accounts.sign_ins import SignInStore
from sessions.accounts.users import UserStore
from sessions.connections.commands import CommandRequests
from sessions.connections.linking import LinkingRequests
from sessions.connections.page_requests import PageRequests
from sessions.connections.proxy_passwords import ProxyPasswords
from sessions.connections.store import ConnectionStore
from sessions.connections.workers import WorkerRegistry
from sessions.conversations.chats import Chats
from sessions.conversations.read_marks import ReadMarks
from sessions.conversations.received import ReceivedMessages
from sessions.conversations.received_files import ReceivedFiles
from sessions.conversations.received_search import ReceivedSearch
from sessions.conversations.timeline import Timeline
from sessions.deletion.connections import Removals
from sessions.deletion.recipients import DeletedData, Erasures
from sessions.encryption.keys import KeyRing, open_key_ring
from sessions.events.log import EventLog
from sessions.events.stream import EventStream
from sessions.logs.records import LogRecords
from sessions.media.janitor import MediaEraser, MediaJanitor
from sessions.media.store import MediaLimits, MediaStore
from sessions.messages.acceptance import Acceptance
from sessions.messages.expiry import Expiry
from sessions.messages.idempotency import IdempotencyStore
from sessions.messages.media_intake import MediaIntake
from sessions.messages.media_uses import MediaUses
from sessions.messages.outbox import Outbox
from sessions.messages.positions import QueuePositions
from sessions.messages.referred import ReferredMessages
from sessions.messages.sealed_texts import TextSealer
from sessions.messages.search import MessageSearch
from sessions.metrics import ConnectionLabels, ProcessMetrics, StoreProbe
from sessions.monitoring.fleet import FleetStore
from sessions.monitoring.queue_history import QueueHistory
from sessions.queue.doorbell import Doorbell
from sessions.queue.intake_failures import IntakeFailures
from sessions.queue.jobs import SendJobs
from sessions.recipients.known_numbers import KnownNumbers
from sessions.recipients.number_checks import NumberCheckRequests
from sessions.storage.mongo import database_answers
from sessions.webhooks.deliveries import Deliveries
from sessions.webhooks.secrets import WebhookSecrets
from sessions.webhooks.store import WebhookStore
from sessions.whatsapp.breaker import BreakerReader
from sessions.whatsapp.saved_html import SavedHtmlStore

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from sessions.storage.mongo import Database


class Services:
    """The services that handlers use, built once for a program."""

    def __init__(
        self,
        database: Database,
        redis: ArqRedis,
        events: EventLog,
        settings: ApiSettings,
        now: Callable[[], datetime],
        costliest_hash: str | None,
    ) -> None:
        """Build them; `costliest_hash` is that of all passwords. Raises ConfigurationError."""
        self.database, self.settings, self.now = database, settings, now
        ring, secret = _key_ring(settings), signing_secret(settings)
        self.texts = TextSealer(ring, on=settings.seal_texts)
        self.doorbell = Doorbell(redis)
        self.events = EventStream(redis)

        self.connections = ConnectionStore(database, events)
        self.linking = LinkingRequests(database)
        self.commands = CommandRequests(database)
        self.page_requests = PageRequests(database)
        self.proxy_passwords = ProxyPasswords(ring)
        self.checks = NumberCheckRequests(database)
        self.numbers = KnownNumbers(database, settings.not_on_whatsapp_for)
        self.links = LinkSigner(secret, settings.link_lifetime, now)
        self.qr_images = QrImages()

        self.users, self.keys = UserStore(database), ApiKeyStore(database)
        self.setup = Setup(self.users, self.keys, SetupTokenStore(database), settings.data_dir, now)
        self.sign_ins = SignInStore(database, settings.sign_in_expires_in)
        self.passwords = Passwords(settings.bcrypt_rounds, costliest=costliest_hash)
        self.tokens = AccessTokens(secret, settings.jwt_expires_in)
        self.csrf = CsrfTokens(secret)
        self.devices = KnownDevices(secret, now)

        self.webhooks = WebhookStore(database, events)
        self.webhook_secrets = WebhookSecrets(ring)
        self.deliveries = Deliveries(
            database, self.webhooks, self.texts, self.doorbell.deliver_webhook
        )

        bounded = BoundedRedis()
        self.limiter = Limiter(redis, bounded)
        self.login_attempts = LoginAttempts(self.limiter, GrowingDelay(redis, bounded))
        self.setup_attempts = SetupAttempts(self.limiter)
        self.pairing_limits = PairingLimits(self.limiter)
        self.quotas = Quotas.of(settings, database, self.connections, self.keys, self.webhooks)

        self.workers = WorkerRegistry(database)
        self.fleet = FleetStore(database, self.connections, self.workers)
        self.breaker = BreakerReader(database)
        self.saved_html = SavedHtmlStore(database)
        self.history = QueueHistory(database)
        self.logs = LogRecords(database)
        answers = {"mongo": self.database_answers, "redis": self.doorbell.answers}
        process = ProcessMetrics(settings.data_dir)
        labels = ConnectionLabels(with_names=settings.metrics_names)
        self.metrics = ApiMetrics(
            process, StoreProbe(process, answers), self.fleet, now, labels, self.webhooks
        )

        self.media = MediaStore(database, ring, MediaLimits.of(settings))
        self.media_janitor = MediaJanitor(database, MediaUses(database).needed)
        self.media_eraser = MediaEraser(database)

        self.outbox = Outbox(database, events)
        self.idempotency = IdempotencyStore(database, self.texts)
        self.expiry = Expiry(database, events)
        self.search = MessageSearch(database)
        self.positions = QueuePositions(database, now)
        self.referred = ReferredMessages(database)
        self.intake_failures = IntakeFailures(database, now)
        self.jobs = SendJobs(redis)
        self.acceptance = Acceptance(
            self.outbox,
            self.idempotency,
            self.doorbell,
            process,
            now,
            self.quotas.queue,
            self.texts,
            MediaIntake(self.media, converts=settings.media_convert),
            self.referred,
        )

        self.received = ReceivedMessages(database)
        self.received_search = ReceivedSearch(database)
        self.received_files = ReceivedFiles(database, events)
        self.read_marks = ReadMarks(database)
        self.chats = Chats(database, self.read_marks)
        self.timeline = Timeline(database)

        self.removals = Removals(database, self.outbox, events)
        self.erasures = Erasures(database, redis, events)
        self.deleted_data = DeletedData(database, redis)
        self.business = self._business(events) if settings.business else None

    def _business(self, events: EventLog) -> Business:
        return Business.over(
            self.database,
            self.connections,
            self.acceptance,
            self.erasures,
            events,
            self.now,
            self.settings.business_time_zone,
        )

    @classmethod
    async def over(
        cls,
        database: Database,
        redis: ArqRedis,
        events: EventLog,
        settings: ApiSettings,
        now: Callable[[], datetime],
    ) -> Services:
        """Build the services; `prepare` has to follow. Raises ConfigurationError."""
        costliest = await UserStore(database).costliest_hash()
        return cls(database, redis, events, settings, now, costliest)

    async def prepare(self) -> None:
        """Create the indexes, on which uniqueness depends; safe to repeat and to race."""
        settings = self.settings
        await self.outbox.prepare(settings.message_retention)
        await self.received.prepare(settings.received_retention)
        await self.deliveries.prepare(settings.webhook_retention)
        for store in (
            self.connections,
            self.idempotency,
            self.keys,
            self.users,
            self.sign_ins,
            self.removals,
            self.erasures,
            self.checks,
            self.page_requests,
            self.numbers,
            self.media,
            self.workers,
            self.history,
            self.received_search,
            self.read_marks,
            self.timeline,
            self.webhooks,
            self.intake_failures,
        ):
            await store.prepare()
        if self.business is not None:
            await self.business.prepare()

    async def database_answers(self) -> bool:
        """Tell whether MongoDB answers now."""
        return await database_answers(self.database)


def _key_ring(settings: ApiSettings) -> KeyRing | None:
    """Return the keys, or None in production where none are set; raise ConfigurationError."""
    production = settings.app_env == "production"
    if production and settings.session_encryption_keys is None:
        return None
    return open_key_ring(settings.session_encryption_keys, settings.data_dir, production)


SERVICES = web.AppKey("services", Services)
