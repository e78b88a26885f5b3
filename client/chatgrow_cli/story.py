"""Tell what became of one message, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from chatgrow_cli import words
from chatgrow_cli.output import local
from chatgrow_client.models import MessageView, ReceivedView

Lines = Iterator[tuple[str, str]]


def of(message: MessageView | ReceivedView) -> Lines:
    """Yield the names and values to show of a message; those without a value are left out."""
    told = _of_sent(message) if isinstance(message, MessageView) else _of_received(message)
    return ((name, value) for name, value in told if value)


def _of_sent(message: MessageView) -> Lines:
    yield "id", message.message_id
    yield "connection", message.connection_id
    yield "to", words.person(message.to)
    if message.chat_id and message.chat_id != message.to:
        yield "chat", words.person(message.chat_id)
    yield "kind", str(message.kind)
    yield "text", message.text or ""
    if message.media:
        yield "file", f"{message.media.filename or ''} {message.media.mimetype or ''}".strip()
    yield "reference", message.reference or ""
    yield "target", message.target or ""
    yield "status", words.status(message)
    if message.waiting:
        yield "waits", words.waiting(message.waiting)
    yield "tries", str(message.attempts or "")
    yield from ((name, local(at)) for name, at in _times(message))
    yield "reactions", " ".join(each.emoji for each in message.reactions)
    yield "changed", ", ".join(filter(None, _changes(message)))


def _of_received(message: ReceivedView) -> Lines:
    yield "id", message.message_id
    yield "connection", message.connection_id
    who = words.person(message.from_number or message.from_)
    yield "from", f"{message.sender_name} ({who})" if message.sender_name else who
    yield "chat", words.person(message.chat_id)
    yield "kind", str(message.type)
    yield "text", message.text or ""
    if message.media:
        name = message.media.filename or message.media.mimetype or ""
        yield "file", f"{name} ({message.media.state})"
    yield "at", local(message.timestamp)
    yield "reactions", " ".join(each.emoji for each in message.reactions)
    yield "changed", ", ".join(filter(None, _changes(message)))


def _times(message: MessageView) -> list[tuple[str, datetime]]:
    """Return when what happened, in the order in which it did."""
    found = {
        "queued": message.queued_at,
        "not before": message.send_at,
        "not after": message.expires_at,
        "sending": message.sending_at,
        "sent": message.sent_at,
        "delivered": message.delivered_at,
        "read": message.read_at,
        "failed": message.failed_at,
        "unknown": message.unknown_at,
        "expired": message.expired_at,
        "cancelled": message.cancelled_at,
    }
    happened = [(name, at) for name, at in found.items() if at is not None]
    return sorted(happened, key=lambda each: each[1])


def _changes(message: MessageView | ReceivedView) -> tuple[str, ...]:
    return ("edited" if message.edited else "", "revoked" if message.revoked else "")
