"""The stores and other services that handlers use, as one typed object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Services:
    """The services that handlers use, opened once."""

    database: Database
    connections: ConnectionStore
    outbox: Outbox
    idempotency: IdempotencyStore
    expiry: Expiry
    search: MessageSearch
    positions: QueuePositions
    received_search: ReceivedSearch
    read_marks: ReadMarks
    chats: Chats
    timeline: Timeline
    keys: ApiKeyStore
    users: UserStore
    webhooks: WebhookStore
    webhook_secrets: WebhookSecrets
    deliveries: Deliveries
    setup: Setup
    sign_ins: SignInStore
    passwords: Passwords
    tokens: AccessTokens
    links: LinkSigner
    qr_images: QrImages
    csrf: CsrfTokens
    devices: KnownDevices
    workers: WorkerRegistry
    fleet: FleetStore
    breaker: BreakerReader
    history: QueueHistory
    texts: TextSealer
    acceptance: Acceptance
    linking: LinkingRequests
    commands: CommandRequests
    removals: Removals
    proxy_passwords: ProxyPasswords
    received: ReceivedMessages
    received_files: ReceivedFiles
    erasures: Erasures
    deleted_data: DeletedData
    checks: NumberCheckRequests
    page_requests: PageRequests
    numbers: KnownNumbers
    referred: ReferredMessages
    doorbell: Doorbell
    media: MediaStore
    media_janitor: MediaJanitor
    media_eraser: MediaEraser
    quotas: Quotas
    limiter: Limiter
    login_attempts: LoginAttempts
    setup_attempts: SetupAttempts
    pairing_limits: PairingLimits
    logs: LogRecords
    intake_failures: IntakeFailures
    jobs: SendJobs
    saved_html: SavedHtmlStore
    metrics: ApiMetrics
    events: EventStream
    business: Business | None
    settings: ApiSettings
    now: Callable[[], datetime]

    @classmethod
    async def open(
        cls,
        database: Database,
        redis: ArqRedis,
        events: EventLog,
        settings: ApiSettings,
        now: Callable[[], datetime],
    ) -> Services:
        """Build the stores and create their indexes; raise ConfigurationError."""
        services = await cls.over(database, redis, events, settings, now)
        await services.prepare()
        return services

    @classmethod
    async def over(
        cls,
        database: Database,
        redis: ArqRedis,
        events: EventLog,
        settings: ApiSettings,
        now: Callable[[], datetime],
    ) -> Services:
        """Build the stores, whose indexes are there; raise ConfigurationError."""
        connections = ConnectionStore(database, events)
        outbox = Outbox(database, events)
        ring = _key_ring(settings)
        texts = TextSealer(ring, on=settings.seal_texts)
        idempotency = IdempotencyStore(database, texts)
        doorbell = Doorbell(redis)
        media = MediaStore(database, ring, MediaLimits.of(settings))
        bounded = BoundedRedis()
        limiter = Limiter(redis, bounded)
        workers = WorkerRegistry(database)
        process, labels = (
            ProcessMetrics(settings.data_dir),
            ConnectionLabels(with_names=settings.metrics_names),
        )
        answers = {"mongo": lambda: database_answers(database), "redis": doorbell.answers}
        probe = StoreProbe(process, answers)
        fleet = FleetStore(database, connections, workers)
        secret = signing_secret(settings)
        keys, users = ApiKeyStore(database), UserStore(database)
        webhooks = WebhookStore(database, events)
        quotas = Quotas.of(settings, database, connections, keys, webhooks)
        tokens = SetupTokenStore(database)
        read_marks = ReadMarks(database)
        referred = ReferredMessages(database)
        acceptance = Acceptance(
            outbox,
            idempotency,
            doorbell,
            process,
            now,
            quotas.queue,
            texts,
            MediaIntake(media, converts=settings.media_convert),
            referred,
        )
        erasures = Erasures(database, redis, events)
        business = None
        if settings.business:
            zone = settings.business_time_zone
            business = Business.over(database, connections, acceptance, erasures, events, now, zone)
        return cls(
            database=database,
            connections=connections,
            outbox=outbox,
            idempotency=idempotency,
            expiry=Expiry(database, events),
            search=MessageSearch(database),
            positions=QueuePositions(database, now),
            received_search=ReceivedSearch(database),
            read_marks=read_marks,
            chats=Chats(database, read_marks),
            timeline=Timeline(database),
            keys=keys,
            users=users,
            webhooks=webhooks,
            webhook_secrets=WebhookSecrets(ring),
            deliveries=Deliveries(database, webhooks, texts, doorbell.deliver_webhook),
            setup=Setup(users, keys, tokens, settings.data_dir, now),
            sign_ins=SignInStore(database, settings.sign_in_expires_in),
            passwords=Passwords(settings.bcrypt_rounds, costliest=await users.costliest_hash()),
            tokens=AccessTokens(secret, settings.jwt_expires_in),
            links=LinkSigner(secret, settings.link_lifetime, now),
            qr_images=QrImages(),
            csrf=CsrfTokens(secret),
            devices=KnownDevices(secret, now),
            workers=workers,
            fleet=fleet,
            breaker=BreakerReader(database),
            history=QueueHistory(database),
            texts=texts,
            acceptance=acceptance,
            referred=referred,
            linking=LinkingRequests(database),
            commands=CommandRequests(database),
            removals=Removals(database, outbox, events),
            proxy_passwords=ProxyPasswords(ring),
            received=ReceivedMessages(database),
            received_files=ReceivedFiles(database, events),
            erasures=erasures,
            deleted_data=DeletedData(database, redis),
            checks=NumberCheckRequests(database),
            page_requests=PageRequests(database),
            numbers=KnownNumbers(database, settings.not_on_whatsapp_for),
            doorbell=doorbell,
            media=media,
            media_eraser=MediaEraser(database),
            media_janitor=MediaJanitor(database, MediaUses(database).needed),
            quotas=quotas,
            limiter=limiter,
            login_attempts=LoginAttempts(limiter, GrowingDelay(redis, bounded)),
            setup_attempts=SetupAttempts(limiter),
            pairing_limits=PairingLimits(limiter),
            logs=LogRecords(database),
            intake_failures=IntakeFailures(database, now),
            jobs=SendJobs(redis),
            saved_html=SavedHtmlStore(database),
            events=EventStream(redis),
            business=business,
            metrics=ApiMetrics(process, probe, fleet, now, labels, webhooks),
            settings=settings,
            now=now,
        )

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
