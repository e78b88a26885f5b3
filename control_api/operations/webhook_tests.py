"""Send a test event to a webhook, from the API itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from aiohttp import web

from control_api.services import SERVICES
from sessions.common.ids import new_id
from sessions.encryption.errors import BlobError
from sessions.events.log import EventData
from sessions.network.guarded_client import GuardedClient
from sessions.outgoing_events.families import OutgoingEvent
from sessions.webhooks.deliveries import body_of
from sessions.webhooks.secrets import NoWebhookKeysError
from sessions.webhooks.sender import Outcome, Sender

if TYPE_CHECKING:
    from sessions.webhooks.model import Webhook

_SENDER = web.AppKey("webhook_sender", Sender)
_TYPE = "webhook.test"
"""The type of the test event; no webhook can ask for it."""


class _TestData(EventData):
    webhook_id: str
    message: str = "This is a test: your webhook works."


async def sending_tests(app: web.Application) -> AsyncIterator[None]:
    """Keep the client that test events are sent by, while the application serves."""
    services = app[SERVICES]
    async with GuardedClient(services.settings.webhook_allowed_hosts) as client:
        app[_SENDER] = Sender(client, services.webhook_secrets, services.now)
        yield


async def send_test(app: web.Application, webhook: Webhook) -> Outcome:
    """Send a test event and return how it went; raise NoWebhookKeysError."""
    event_id, at = f"test.{new_id()}", app[SERVICES].now()
    data = _TestData(webhook_id=webhook.id).to_json()
    event = OutgoingEvent(event_id, _TYPE, at, webhook.owner, data, order="")
    try:
        return await app[_SENDER].send(webhook, event_id, body_of(event).encode())
    except BlobError as error:
        raise NoWebhookKeysError from error
