"""Send one event to one webhook, signed, and tell how it went."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus

from sessions import __version__
from sessions.network.guarded_client import Bounds, FetchError, GuardedClient
from sessions.network.public_addresses import AddressNotAllowedError
from sessions.webhooks.model import Webhook
from sessions.webhooks.secrets import WebhookSecrets
from sessions.webhooks.signing import signed_headers

ANSWER_WITHIN = timedelta(seconds=15)
"""How long a receiver may take to answer."""
SHOWN_OF_ANSWER = 1024
"""How many bytes of an answer are kept."""
BODY_WITHIN = timedelta(seconds=2)
"""How long those bytes may take; the status has come by then, and it counts."""

_HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": f"ChatGrow-Webhooks/{__version__}",
}


@dataclass
class Outcome:
    """How a try went: the receiver's answer, or the code of the error."""

    at: datetime
    duration: timedelta = timedelta(0)
    status_code: int | None = None
    error: str | None = None
    answer: str = field(default="", repr=False)

    @property
    def delivered(self) -> bool:
        """Whether the receiver has taken the event."""
        return self.status_code is not None and 200 <= self.status_code < 300

    @property
    def gone(self) -> bool:
        """Whether the receiver wants no more events at all."""
        return self.status_code == HTTPStatus.GONE


class Sender:
    """Send events; redirects are not followed, and count as failures."""

    def __init__(
        self,
        client: GuardedClient,
        secrets: WebhookSecrets,
        now: Callable[[], datetime],
        answer_within: timedelta = ANSWER_WITHIN,
        body_within: timedelta = BODY_WITHIN,
    ) -> None:
        self._client = client
        self._secrets = secrets
        self._now = now
        self._body_within = body_within
        self._bounds = Bounds(answer_within, at_most=SHOWN_OF_ANSWER)

    async def send(self, webhook: Webhook, event_id: str, body: bytes) -> Outcome:
        """Send an event and return how it went.

        Raises BlobError or NoWebhookKeysError if the webhook's secrets cannot be decrypted.
        """
        outcome = Outcome(self._now())
        keys = self._secrets.valid(webhook, outcome.at)
        ours = {**_HEADERS, **signed_headers(event_id, outcome.at, body, keys)}
        headers = {**self._secrets.headers(webhook), **ours}
        begun = time.monotonic()
        try:
            async with self._client.open(
                "POST", webhook.url, self._bounds, headers=headers, body=body
            ) as answer:
                outcome.status_code = answer.status
                outcome.duration = _since(begun)
                shown = await answer.beginning(SHOWN_OF_ANSWER, self._body_within)
                outcome.answer = shown.decode(errors="replace")
        except (FetchError, AddressNotAllowedError) as error:
            # An answer whose body breaks off is an answer: its status was complete.
            if outcome.status_code is None:
                outcome.error, outcome.duration = error.code, _since(begun)
        return outcome


def _since(begun: float) -> timedelta:
    return timedelta(seconds=time.monotonic() - begun)
