"""Deliver what one webhook is to be told, under its lease."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from loguru import logger

from chatgrow_worker.webhooks.metrics import Result
from sessions.encryption.errors import BlobError
from sessions.messages.sealed_texts import TextKeyMissingError, TextUnreadableError
from sessions.webhooks.model import DeliveryStatus, DisabledReason, Try
from sessions.webhooks.ordering import InOrder
from sessions.webhooks.schedule import STRUGGLES_FROM
from sessions.webhooks.secrets import NoWebhookKeysError
from sessions.webhooks.store import WebhookNotFoundError

if TYPE_CHECKING:
    from sessions.webhooks.deliveries import Deliveries
    from sessions.webhooks.model import Delivery, Webhook
    from sessions.webhooks.sender import Outcome, Sender
    from sessions.webhooks.store import WebhookStore

_BATCH = 100
_AT_ONCE = 8
"""How many deliveries of one webhook are under way together, each of another chat."""
_KEYS_LATER = timedelta(minutes=1)
"""How long to wait when a secret cannot be decrypted: an operator has to add its key."""


class UnreadableError(Exception):
    """The webhook's secrets cannot be decrypted now."""


class Delivering:
    """Deliver the events of webhooks, and keep the books on how they fare."""

    def __init__(
        self,
        webhooks: WebhookStore,
        deliveries: Deliveries,
        sender: Sender,
        now: Callable[[], datetime],
        count: Callable[[Result, timedelta], None],
    ) -> None:
        self._webhooks = webhooks
        self._deliveries = deliveries
        self._sender = sender
        self._now = now
        self._count = count
        self._failed: set[str] = set()
        """Webhooks that have failed since they were read: their next success has to be noted."""

    async def deliver_all(self, webhook_id: str) -> datetime | None:
        """Deliver what is due; return when more will be, or None. Raises STORE_DOWN errors."""
        while True:
            try:
                webhook = await self._webhooks.find(None, webhook_id)
            except WebhookNotFoundError:
                return None
            if not webhook.enabled:
                return None
            until = await self._deliver_some(webhook)
            if until is _NOW:
                continue
            if await self._webhooks.rest(webhook, until):
                return until

    async def _deliver_some(self, webhook: Webhook) -> datetime | None:
        """Deliver a batch; return when to go on: _NOW, at a time, or None if nothing waits."""
        if webhook.held_until is not None and self._now() < webhook.held_until:
            return webhook.held_until
        struggles = webhook.failures >= STRUGGLES_FROM
        due = await self._deliveries.due(webhook, 1 if struggles else _BATCH)
        if not due:
            return await self._deliveries.next_due(webhook)
        try:
            await _Batch(self, webhook, due).run()
        except UnreadableError as error:
            logger.error("Webhook {} waits for a key: {}", webhook.id, error)
            return self._now() + _KEYS_LATER
        return _NOW

    async def try_once(self, webhook: Webhook, delivery: Delivery) -> bool:
        """Try a delivery and record it; tell whether the webhook may get the next one."""
        try:
            body = self._deliveries.body(delivery)
        except (TextKeyMissingError, TextUnreadableError) as error:
            # This one comes again by its schedule, and does not hold up the others.
            unsent = Try(at=self._now(), duration_ms=0, error=error.code)
            await self._deliveries.record(delivery, unsent, DeliveryStatus.PENDING)
            return True
        try:
            outcome = await self._sender.send(webhook, delivery.event, body)
        except (BlobError, NoWebhookKeysError) as error:
            raise UnreadableError(str(error)) from error
        self._count(_result(outcome), outcome.duration)
        await self._deliveries.record(delivery, self._made(delivery, outcome), _status(outcome))
        if outcome.delivered:
            if webhook.failures or webhook.id in self._failed:
                self._failed.discard(webhook.id)
                await self._webhooks.note_success(webhook)
            return True
        self._failed.add(webhook.id)
        if outcome.gone:
            await self._webhooks.disable(webhook, DisabledReason.GONE)
            return False
        after = await self._webhooks.note_failure(webhook)
        return after is not None and after.enabled and after.failures < STRUGGLES_FROM

    def _made(self, delivery: Delivery, outcome: Outcome) -> Try:
        answer = outcome.answer
        return Try(
            at=outcome.at,
            duration_ms=outcome.duration // timedelta(milliseconds=1),
            status_code=outcome.status_code,
            error=outcome.error,
            answer=self._deliveries.seal_answer(delivery, answer) if answer else None,
        )


_NOW = datetime.min.replace(tzinfo=UTC)
"""Go on at once."""


class _Batch:
    """Deliveries of one webhook, several at a time, but those of one chat in order.

    When one fails, its chat goes on with the next: that one comes again by its schedule.
    """

    def __init__(self, parent: Delivering, webhook: Webhook, due: list[Delivery]) -> None:
        self._parent = parent
        self._webhook = webhook
        self._order = InOrder(due)
        self._goes_on = True

    async def run(self) -> None:
        """Try all, or until the webhook may get no more now; raise UnreadableError."""
        running: dict[asyncio.Task[bool], Delivery] = {}
        try:
            while True:
                while self._goes_on and len(running) < _AT_ONCE and (each := self._order.next()):
                    trying = self._parent.try_once(self._webhook, each)
                    running[asyncio.create_task(trying, name="webhook delivery")] = each
                if not running:
                    return
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    self._order.ended(running.pop(task))
                    self._goes_on = task.result() and self._goes_on
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


def _status(outcome: Outcome) -> DeliveryStatus:
    if outcome.delivered:
        return DeliveryStatus.DELIVERED
    return DeliveryStatus.FAILED if outcome.gone else DeliveryStatus.PENDING


def _result(outcome: Outcome) -> Result:
    if outcome.delivered:
        return Result.DELIVERED
    return Result.UNREACHABLE if outcome.status_code is None else Result.REFUSED
