"""Webhooks: have a URL told of events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from chatgrow_client.calls import Call, Query, delete, get, model, patch, path, post
from chatgrow_client.group import Group, Transport, listing, method
from chatgrow_client.models import (
    CreatedWebhook,
    DeliveryList,
    DeliveryStatus,
    DeliveryView,
    NewSecret,
    NewWebhook,
    Redriven,
    RedriveRequest,
    RotateSecret,
    TestResult,
    WebhookChanges,
    WebhookList,
    WebhookView,
)
from chatgrow_client.pages import Pages

_ALL = "/api/webhooks"
_ONE = "/api/webhooks/{}"


class Webhooks(Group[Transport]):
    """Manage webhooks; `verify_webhook` is for whoever receives them."""

    @method
    def create(
        self,
        url: str,
        events: Iterable[str] = ("*",),
        *,
        connection_ids: Iterable[str] | None = None,
        description: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Call[CreatedWebhook]:
        """Create a webhook; its `secret` is shown only now."""
        body = NewWebhook.of(
            url=url,
            events=[*events],
            connection_ids=None if connection_ids is None else [*connection_ids],
            description=description,
            headers=None if headers is None else dict(headers),
        )
        return post(_ALL, model(CreatedWebhook), body)

    @listing
    def list(self) -> Pages[WebhookView]:
        """List all webhooks."""
        return Pages(get(_ALL, model(WebhookList)))

    @method
    def get(self, webhook_id: str) -> Call[WebhookView]:
        """Return a webhook."""
        return get(path(_ONE, webhook_id), model(WebhookView))

    @method
    def change(self, webhook_id: str, changes: WebhookChanges) -> Call[WebhookView]:
        """Change what is given; `WebhookChanges(enabled=True)` switches it on again."""
        return patch(path(_ONE, webhook_id), model(WebhookView), changes)

    @method
    def delete(self, webhook_id: str) -> Call[None]:
        """Delete a webhook."""
        return delete(path(_ONE, webhook_id))

    @method
    def rotate_secret(
        self, webhook_id: str, *, overlap: timedelta = timedelta(hours=24)
    ) -> Call[NewSecret]:
        """Return a new secret; for the overlap, events are signed with both."""
        body = RotateSecret(overlap=f"{overlap.total_seconds():.0f}s")
        return post(path(f"{_ONE}/rotate-secret", webhook_id), model(NewSecret), body)

    @method
    def test(self, webhook_id: str) -> Call[TestResult]:
        """Send a `webhook.test` now, and return what the receiver answered."""
        return post(path(f"{_ONE}/test", webhook_id), model(TestResult))

    @listing
    def deliveries(
        self,
        webhook_id: str,
        *,
        status: DeliveryStatus | None = None,
        page_size: int | None = None,
    ) -> Pages[DeliveryView]:
        """List what the webhook was told and is to be told, with each try."""
        query: Query = {"status": status, "limit": page_size}
        return Pages(get(path(f"{_ONE}/deliveries", webhook_id), model(DeliveryList), query))

    @method
    def redrive(
        self,
        webhook_id: str,
        *,
        ids: Iterable[str] | None = None,
        since: datetime | None = None,
        events: Iterable[str] | None = None,
    ) -> Call[Redriven]:
        """Send again what failed or, with `ids` or `since`, also what was delivered."""
        body = RedriveRequest.of(
            ids=None if ids is None else [*ids],
            since=since,
            events=None if events is None else [*events],
        )
        return post(path(f"{_ONE}/redrive", webhook_id), model(Redriven), body)
