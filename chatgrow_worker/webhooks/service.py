"""Put the parts together that tell webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from chatgrow_worker.webhooks.deliverers import TURN_LASTS, Deliverers
from chatgrow_worker.webhooks.delivering import Delivering
from chatgrow_worker.webhooks.metrics import WebhookMetrics
from chatgrow_worker.webhooks.relaying import Relaying, prepare_relay
from sessions.events.stream import EventStream
from sessions.network.guarded_client import GuardedClient
from sessions.outgoing_events.relay import Relay
from sessions.storage.turns import Turns
from sessions.webhooks.deliveries import Deliveries
from sessions.webhooks.families import all_families
from sessions.webhooks.secrets import WebhookSecrets
from sessions.webhooks.sender import Sender
from sessions.webhooks.store import WebhookStore

if TYPE_CHECKING:
    from chatgrow_worker.connection.services import WorkerServices
    from sessions.encryption.keys import KeyRing
    from sessions.events.log import EventLog
    from sessions.program import Stores

_POLL = timedelta(seconds=5)


@dataclass(frozen=True)
class Webhooks:
    """What runs for webhooks in one worker."""

    relaying: Relaying
    deliverers: Deliverers


@asynccontextmanager
async def open_webhooks(
    stores: Stores, events: EventLog, services: WorkerServices, keys: KeyRing
) -> AsyncIterator[Webhooks]:
    """Yield the relay and the deliverers, with the client that they send by."""
    settings, database, doorbell = services.settings, stores.database, services.doorbell
    holder = settings.worker_id
    metrics = WebhookMetrics(services.metrics.process.registry)
    store = WebhookStore(database, events)
    deliveries = Deliveries(database, store, services.texts, doorbell.deliver_webhook)
    await store.prepare()
    await deliveries.prepare(settings.webhook_retention)
    relay = Relay(database, all_families(services.texts), deliveries)
    async with GuardedClient(settings.webhook_allowed_hosts) as client:
        sender = Sender(client, WebhookSecrets(keys), services.now)
        yield Webhooks(
            Relaying(
                relay,
                await prepare_relay(database, relay, holder),
                EventStream(stores.redis),
                count=metrics.relayed,
                poll=_POLL,
            ),
            Deliverers(
                Delivering(store, deliveries, sender, services.now, metrics.tried),
                store,
                Turns(database["webhooks"], holder, TURN_LASTS),
                doorbell.deliver_webhook,
                sweep_every=_POLL,
            ),
        )
