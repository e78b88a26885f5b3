"""What the handlers ask: the stores and the doorbell, in one typed place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from aiohttp import web

from control_api.bounded_redis import BoundedRedis
from control_api.csrf import CsrfTokens
from control_api.growing_delay import GrowingDelay
from control_api.known_devices import KnownDevices
from control_api.limiter import Limiter
from control_api.link_tokens import LinkSigner
from control_api.login_attempts import LoginAttempts, SetupAttempts
from control_api.metrics import ApiMetrics
from control_api.pairing_limits import PairingLimits
from control_api.passwords import Passwords
from control_api.qr_images import QrImages
from control_api.quotas import Quotas
from control_api.settings import ApiSettings
from control_api.setup import Setup
from control_api.signing import signing_secret
from control_api.tokens import AccessTokens
from sessions.acceptance import Acceptance
from sessions.api_keys import ApiKeyStore
from sessions.blobs import KeyRing, open_key_ring
from sessions.commands import CommandDesk
from sessions.connections import ConnectionStore
from sessions.doorbell import Doorbell
from sessions.erasure import DeletedData, Erasures
from sessions.event_stream import EventStream
from sessions.events import EventLog
from sessions.expiry import Expiry
from sessions.fleet import FleetStore
from sessions.idempotency import IdempotencyStore
from sessions.known_numbers import KnownNumbers
from sessions.linking import LinkingDesk
from sessions.log_records import LogRecords
from sessions.message_search import MessageSearch
from sessions.metrics import ConnectionLabels, ProcessMetrics, StoreProbe
from sessions.mongo import database_answers
from sessions.number_checks import NumberCheckDesk
from sessions.outbox import Outbox
from sessions.proxy_passwords import ProxyPasswords
from sessions.queue_history import QueueHistory
from sessions.queue_positions import QueuePositions
from sessions.removals import Removals
from sessions.saved_html import SavedHtmlStore
from sessions.setup import SetupTokenStore
from sessions.sign_ins import SignInStore
from sessions.users import UserStore
from sessions.whatsapp_breaker import BreakerReader
from sessions.workers import WorkerRegistry

if TYPE_CHECKING:
    from arq.connections import ArqRedis

    from sessions.mongo import Database


@dataclass(frozen=True)
class Services:
    """The parts that handlers use, opened once and handed down."""

    database: Database
    connections: ConnectionStore
    outbox: Outbox
    expiry: Expiry
    search: MessageSearch
    positions: QueuePositions
    keys: ApiKeyStore
    users: UserStore
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
    acceptance: Acceptance
    desk: LinkingDesk
    commands: CommandDesk
    removals: Removals
    proxy_passwords: ProxyPasswords
    erasures: Erasures
    deleted_data: DeletedData
    checks: NumberCheckDesk
    numbers: KnownNumbers
    doorbell: Doorbell
    quotas: Quotas
    limiter: Limiter
    login_attempts: LoginAttempts
    setup_attempts: SetupAttempts
    pairing_limits: PairingLimits
    logs: LogRecords
    saved_html: SavedHtmlStore
    metrics: ApiMetrics
    events: EventStream
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
        connections = ConnectionStore(database, events)
        outbox = Outbox(database, connections, events)
        idempotency = IdempotencyStore(database)
        doorbell = Doorbell(redis)
        bounded = BoundedRedis()
        limiter = Limiter(redis, bounded)
        workers = WorkerRegistry(database)
        process, labels = ProcessMetrics(), ConnectionLabels(with_names=settings.metrics_names)
        answers = {"mongo": lambda: database_answers(database), "redis": doorbell.answers}
        probe = StoreProbe(process, answers)
        fleet = FleetStore(database, connections, workers)
        secret = signing_secret(settings)
        keys, users = ApiKeyStore(database), UserStore(database)
        quotas = Quotas.of(settings, database, connections, keys)
        tokens = SetupTokenStore(database)
        services = cls(
            database=database,
            connections=connections,
            outbox=outbox,
            expiry=Expiry(database, events),
            search=MessageSearch(database),
            positions=QueuePositions(database),
            keys=keys,
            users=users,
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
            acceptance=Acceptance(
                connections, outbox, idempotency, doorbell, process, now, quotas.queue
            ),
            desk=LinkingDesk(database),
            commands=CommandDesk(database),
            removals=Removals(database, outbox, events),
            proxy_passwords=ProxyPasswords(_key_ring(settings)),
            erasures=Erasures(database, redis, events),
            deleted_data=DeletedData(database, redis),
            checks=NumberCheckDesk(database),
            numbers=KnownNumbers(database, settings.not_on_whatsapp_for),
            doorbell=doorbell,
            quotas=quotas,
            limiter=limiter,
            login_attempts=LoginAttempts(limiter, GrowingDelay(redis, bounded)),
            setup_attempts=SetupAttempts(limiter),
            pairing_limits=PairingLimits(limiter),
            logs=LogRecords(database),
            saved_html=SavedHtmlStore(database),
            events=EventStream(redis),
            metrics=ApiMetrics(process, probe, fleet, now, labels),
            settings=settings,
            now=now,
        )
        await outbox.prepare(settings.message_retention)
        for store in (
            connections,
            idempotency,
            services.keys,
            services.users,
            services.sign_ins,
            services.removals,
            services.erasures,
            services.checks,
            services.numbers,
            workers,
            services.history,
        ):
            await store.prepare()
        return services

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
