"""What is answered when messages were accepted."""

from __future__ import annotations

from control_api.operations.forecast import hold_of
from control_api.schemas.messages import Accepted
from control_api.services import Services
from sessions.messages.acceptance import Receipt


def accepted_one(services: Services, receipt: Receipt) -> tuple[Accepted, dict[str, str]]:
    """Return the answer and the headers for one message."""
    (message,) = receipt.messages
    waiting = hold_of(receipt.connection, message, services.now())
    accepted = Accepted(message_id=message.id, status=message.status, waiting=waiting)
    location = f"/api/whatsapp/messages/{message.id}"
    return accepted, {"Location": location, **replay_header(receipt)}


def replay_header(receipt: Receipt) -> dict[str, str]:
    """Return the header that tells of a repeated request."""
    return {"Idempotent-Replayed": "true"} if receipt.replayed else {}
