"""Serve metrics to whoever may scrape them."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from sessions.common.errors import DomainError
from sessions.logs.masking import mask

if TYPE_CHECKING:
    from sessions.config.settings import SharedSettings

_TAIL_OF_ID = 6


class MetricsClosedError(DomainError):
    """Metrics are closed: in production they are served only if METRICS_TOKEN is set."""

    code = "metrics_closed"
    text = (
        "In production metrics are served with a token only: set METRICS_TOKEN, and send it as "
        "Authorization: Bearer."
    )


class NoMetricsTokenError(DomainError):
    """The scrape has no METRICS_TOKEN, or a wrong one."""

    code = "unauthorized"
    text = "Send METRICS_TOKEN as Authorization: Bearer."


def check_scrape(settings: SharedSettings, authorization: str | None) -> None:
    """Raise MetricsClosedError or NoMetricsTokenError unless this scrape is allowed."""
    if (token := settings.metrics_token) is not None:
        expected = f"Bearer {token.get_secret_value()}".encode()
        if not hmac.compare_digest((authorization or "").encode(errors="replace"), expected):
            raise NoMetricsTokenError
    elif settings.app_env == "production":
        raise MetricsClosedError


class ConnectionLabels:
    """The labels of connections: internal ids or, with METRICS_NAMES, their owners' names."""

    def __init__(self, *, with_names: bool = False) -> None:
        self._with_names = with_names

    def of(self, owner: str, connection_id: str, internal_id: str) -> str:
        """Return the label of a connection; it is unique."""
        if not self._with_names:
            return internal_id
        name = mask(connection_id)
        if name != connection_id:
            name = f"{name}~{internal_id[-_TAIL_OF_ID:]}"
        return f"{owner}/{name}"
