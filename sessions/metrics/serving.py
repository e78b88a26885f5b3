"""What a scrape gets, and who may scrape."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from sessions.masking import mask

if TYPE_CHECKING:
    from pydantic import SecretStr

CONTENT_TYPE = CONTENT_TYPE_LATEST
_TAIL_OF_ID = 6


def exposition(registry: CollectorRegistry) -> bytes:
    """Return all metrics of a registry as text."""
    return generate_latest(registry)


def may_scrape(token: SecretStr | None, authorization: str | None) -> bool:
    """Tell whether a scrape is answered: always, unless METRICS_TOKEN asks for it as a bearer."""
    if token is None:
        return True
    expected = f"Bearer {token.get_secret_value()}".encode()
    return hmac.compare_digest((authorization or "").encode(errors="replace"), expected)


def connection_label(owner: str, connection_id: str, internal_id: str) -> str:
    """Return what stands for a connection in a label; two connections never share one."""
    name = mask(connection_id)
    if name != connection_id:
        name = f"{name}~{internal_id[-_TAIL_OF_ID:]}"
    return f"{owner}/{name}"
