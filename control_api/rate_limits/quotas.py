"""How much one owner may have, by the settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from control_api.http.problems import TooManyWaitingError
from sessions.messages.quotas import QueueQuota, Quota

if TYPE_CHECKING:
    from control_api.settings import ApiSettings
    from sessions.accounts.api_keys import ApiKeyStore
    from sessions.connections.store import ConnectionStore
    from sessions.storage.mongo import Database
    from sessions.webhooks.store import WebhookStore

_WEBHOOKS_OF_FIRST = 100
"""Each event is stored once for each webhook, so there is a limit for everybody."""


class WaitingRequests:
    """Limit how many requests of one owner may wait in this process."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def room(self, owner: str) -> Iterator[None]:
        """Wait inside this block; raise TooManyWaitingError before it."""
        if self._waiting[owner] >= self._limit:
            raise TooManyWaitingError(self._limit)
        self._waiting[owner] += 1
        try:
            yield
        finally:
            self._waiting[owner] -= 1
            # Remove owners without waiting requests.
            self._waiting = +self._waiting


@dataclass(frozen=True)
class Quotas:
    """All quotas."""

    connections: Quota
    api_keys: Quota
    webhooks: Quota
    queue: QueueQuota
    waiting: WaitingRequests

    @classmethod
    def of(
        cls,
        settings: ApiSettings,
        database: Database,
        connections: ConnectionStore,
        keys: ApiKeyStore,
        webhooks: WebhookStore,
    ) -> Quotas:
        """Make the quotas from the settings."""
        each = settings.webhooks_per_owner
        return cls(
            Quota("connections", settings.connections_per_owner, connections.count),
            Quota("API keys", settings.api_keys_per_owner, keys.count),
            Quota("webhooks", each, webhooks.count, of_first=max(each, _WEBHOOKS_OF_FIRST)),
            QueueQuota(database, settings.queued_messages_per_owner),
            WaitingRequests(settings.waiting_requests_per_owner),
        )
