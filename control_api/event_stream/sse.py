"""The text format of server-sent events, by the HTML standard."""

from __future__ import annotations

from datetime import timedelta

from sessions.events.log import Event
from sessions.events.stream import Position

MEDIA_TYPE = "text/event-stream"
HEADERS = {
    "Content-Type": MEDIA_TYPE,
    "Cache-Control": "no-store",
    # nginx would otherwise buffer the events.
    "X-Accel-Buffering": "no",
}


def retry(after: timedelta) -> bytes:
    """Return how long a client waits before it connects again."""
    return f"retry: {after // timedelta(milliseconds=1)}\n\n".encode()


def block(event: Event, position: Position | None = None) -> bytes:
    """Return an event; with a position, the client continues from there."""
    place = f"id: {position}\n" if position else ""
    return f"{place}event: {event.type}\ndata: {event.data}\n\n".encode()


def mark(position: Position) -> bytes:
    """Return a new position for the client, without an event."""
    return f"id: {position}\n\n".encode()


def keep_alive(position: Position) -> bytes:
    """Return a comment, which clients ignore, and a new position."""
    return b": keep-alive\n" + mark(position)
