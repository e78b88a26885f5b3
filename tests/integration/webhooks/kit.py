"""The parts that tell webhooks, put together over a test's stores."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chatgrow_worker.webhooks.deliverers import Deliverers
from chatgrow_worker.webhooks.delivering import Delivering
from chatgrow_worker.webhooks.metrics import Result
from sessions.common.clock import utc_now
from sessions.common.ids import new_id
from sessions.encryption.keys import KeyRing
from sessions.messages.sealed_texts import TextSealer
from sessions.network.guarded_client import GuardedClient
from sessions.outgoing_events.relay import Relay
from sessions.storage.turns import Turns
from sessions.webhooks.deliveries import Deliveries
from sessions.webhooks.families import all_families
from sessions.webhooks.model import ALL_EVENTS, Delivery, Webhook
from sessions.webhooks.secrets import WebhookSecrets
from sessions.webhooks.sender import Sender
from sessions.webhooks.store import WebhookStore
from tests.builders import OWNER, Stores

MOMENT = timedelta(milliseconds=500)
"""How long a receiver may take here."""


class Kit:
    """Webhooks over real stores; what is to be delivered is asked for by the test."""

    def __init__(
        self, stores: Stores, client: GuardedClient, keys: KeyRing, texts: TextSealer
    ) -> None:
        self.stores = stores
        self.database = stores.database
        self.keys = keys
        self._client = client
        self.secrets = WebhookSecrets(keys)
        self.webhooks = WebhookStore(self.database, stores.events)
        self.rung: list[str] = []
        self.deliveries = Deliveries(self.database, self.webhooks, texts, self._ring)
        self.relay = Relay(self.database, all_families(texts), self.deliveries)
        self.tries: list[Result] = []
        self.sender = Sender(client, self.secrets, utc_now, MOMENT, MOMENT / 5)
        self.delivering = Delivering(
            self.webhooks, self.deliveries, self.sender, utc_now, self._count
        )

    def with_texts(self, texts: TextSealer) -> Kit:
        """Return the same with texts that are stored otherwise."""
        return Kit(self.stores, self._client, self.keys, texts)

    async def _ring(self, webhook: str) -> None:
        self.rung.append(webhook)

    def _count(self, result: Result, _: timedelta) -> None:
        self.tries.append(result)

    async def webhook(self, url: str, owner: str = OWNER, **fields: Any) -> tuple[Webhook, str]:
        """Store a webhook for all events; return it and its secret."""
        webhook_id = new_id()
        secret, stored = self.secrets.new(webhook_id)
        wanted: dict[str, Any] = {"events": [ALL_EVENTS], "created_at": utc_now(), **fields}
        webhook = Webhook(id=webhook_id, owner=owner, url=url, secrets=[stored], **wanted)
        await self.webhooks.add(webhook)
        return webhook, secret

    async def relay_all(self) -> None:
        """Take all pending events."""
        while await self.relay.pass_on():
            pass

    async def tell(self, *webhooks: Webhook) -> None:
        """Take all pending events, and deliver what is due now."""
        await self.relay_all()
        for webhook in webhooks:
            await self.delivering.deliver_all(webhook.id)

    async def told(self, webhook: Webhook) -> list[Delivery]:
        """Return the deliveries of a webhook, in the order of their events."""
        found, _ = await self.deliveries.page(webhook, None, None, 200)
        return sorted(found, key=lambda each: each.order)

    async def make_due(self, webhook: Webhook) -> None:
        """Let the time pass until all that waits is due."""
        await self.database["webhookDeliveries"].update_many(
            {"webhook": webhook.id, "status": "pending"}, [{"$set": {"dueAt": "$$NOW"}}]
        )
        await self.database["webhooks"].update_one(
            {"_id": webhook.id}, {"$set": {"heldUntil": None}}
        )

    def turns(self, holder: str, ttl: timedelta = timedelta(seconds=45)) -> Turns:
        """Return the leases of webhooks as a worker takes them."""
        return Turns(self.database["webhooks"], holder, ttl)

    def deliverers(self, holder: str, ttl: timedelta = timedelta(seconds=45)) -> Deliverers:
        """Return what serves webhooks in a worker."""
        turns = self.turns(holder, ttl)

        async def later(webhook: str, _: object) -> None:
            self.rung.append(webhook)

        return Deliverers(
            self.delivering, self.webhooks, turns, later, sweep_every=timedelta(milliseconds=50)
        )
