"""Server-sent events on the wire, as the HTML standard has them."""

from __future__ import annotations

from datetime import timedelta

from sessions.events.log import Event
from sessions.events.stream import Position

MEDIA_TYPE = "text/event-stream"
HEADERS = {
    "Content-Type": MEDIA_TYPE,
    "Cache-Control": "no-store",
    # A proxy that gathers the answer before it passes it on would keep every event.
    "X-Accel-Buffering": "no",
}


def retry(after: timedelta) -> bytes:
    """Say after what time a client whose stream ended comes again."""
    return f"retry: {after // timedelta(milliseconds=1)}\n\n".encode()


def block(event: Event, position: Position | None = None) -> bytes:
    """Write an event; with a position, the client goes on from there."""
    place = f"id: {position}\n" if position else ""
    return f"{place}event: {event.type}\ndata: {event.data}\n\n".encode()


def mark(position: Position) -> bytes:
    """Move the position from which the client goes on, without an event."""
    return f"id: {position}\n\n".encode()


def keep_alive(position: Position) -> bytes:
    """Write a comment, which no client shows, and move the client's position."""
    return b": keep-alive\n" + mark(position)
