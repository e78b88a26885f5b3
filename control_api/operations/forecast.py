"""Explain why a message waits, until when, and estimate when it will be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from control_api.schemas.messages import DryRun, Waiting
from control_api.services import Services
from sessions.connections.model import Connection
from sessions.connections.pacing import HOUR, MINUTE, Pacing
from sessions.connections.states import ConnectionState, Reason
from sessions.messages.model import Message, MessageStatus
from sessions.messages.positions import COUNTED_AT_MOST
from sessions.messages.requests import MessageRequest


async def waiting_of(
    services: Services, connection: Connection, message: Message
) -> Waiting | None:
    """Return why a message waits, or None when nothing holds it."""
    if message.status is not MessageStatus.QUEUED:
        return None
    position = await services.positions.of_one(message)
    return _reason(connection, message, services.now(), position)


def hold_of(connection: Connection, message: Message, now: datetime) -> Waiting | None:
    """Return what holds a message back apart from those before it, or None; uses no store."""
    if message.status is not MessageStatus.QUEUED:
        return None
    return _hold(connection, message, now, position=0)


async def waiting_of_all(services: Services, messages: Sequence[Message]) -> dict[str, Waiting]:
    """Return why messages wait, by id, with two queries for all of them."""
    queued = [message for message in messages if message.status is MessageStatus.QUEUED]
    if not queued:
        return {}
    connections = await services.connections.by_ids({each.connection for each in queued})
    present = [each for each in queued if each.connection in connections]
    positions, now = await services.positions.of(present), services.now()
    reasons = {
        each.id: _reason(connections[each.connection], each, now, positions[each.id])
        for each in present
    }
    return {message_id: reason for message_id, reason in reasons.items() if reason is not None}


async def forecast(
    services: Services, connection: Connection, asked: Sequence[MessageRequest]
) -> DryRun:
    """Estimate when each message of a bulk would be sent, behind those that wait already.

    Behind too many messages there is no estimate, since the pace may have changed by then.
    """
    ahead = (await services.outbox.depth(connection.id)).queued
    if ahead >= COUNTED_AT_MOST:
        return DryRun(count=len(asked))
    # A thread, because the plan has one step for each message ahead.
    times = await asyncio.to_thread(
        planned_times, connection.pacing, services.now(), ahead, len(asked)
    )
    planned = [
        connection.pacing.allowed_from(max(at, asked.send_at or at))
        for at, asked in zip(times, asked, strict=True)
    ]
    return DryRun(
        count=len(planned), first_at=min(planned), last_at=max(planned), estimated_at=planned
    )


def planned_times(pacing: Pacing, start: datetime, ahead: int, count: int) -> list[datetime]:
    """Return when messages behind others would be sent, by the pace and its quiet hours."""
    times: list[datetime] = []
    moment = start
    for _ in range(ahead + count):
        if pacing.enabled:
            limits = ((window, limit) for window, limit, _ in pacing.windows)
            fits = (times[-limit] + window for window, limit in limits if len(times) >= limit)
            moment = pacing.allowed_from(max([moment, *fits]))
        times.append(moment)
        moment += interval_of(pacing, spread_only=True)
    return times[ahead:]


def estimate(pacing: Pacing, start: datetime, position: int) -> datetime | None:
    """Estimate when the message at a position will be sent; None if it is too far behind."""
    if position >= COUNTED_AT_MOST:
        return None
    return pacing.allowed_from(start + position * interval_of(pacing))


def interval_of(pacing: Pacing, *, spread_only: bool = False) -> timedelta:
    """Return the mean time between two messages; `spread_only` leaves out the windows' limits."""
    if not pacing.enabled:
        return timedelta(milliseconds=100)
    pause = timedelta(seconds=sum(pacing.jitter_seconds) / 2)
    if spread_only:
        return pause
    return max(pause, MINUTE / pacing.per_minute, HOUR / pacing.per_hour)


def _reason(
    connection: Connection, message: Message, now: datetime, position: int
) -> Waiting | None:
    waiting = _hold(connection, message, now, position)
    return waiting and waiting.model_copy(update={"position": position})


def _hold(connection: Connection, message: Message, now: datetime, position: int) -> Waiting | None:
    state, detail = connection.observed()
    # An unscheduled message is due since it was queued, even if our clock is behind MongoDB's.
    if message.due_at > max(now, message.queued_at):
        reason = message.reason or "scheduled"
        goes_at = connection.pacing.allowed_from(message.due_at)
        return Waiting(reason=reason, until=goes_at, estimated_at=goes_at)
    if detail is Reason.WHATSAPP_CHANGED:
        return Waiting(reason=detail)
    if state is not ConnectionState.CONNECTED:
        until = connection.observed_until()
        return Waiting(reason=f"connection_{state}", detail=detail, until=until)
    held = connection.held
    if held is not None and held.until > now:
        # What holds it back may end within the quiet hours.
        until = connection.pacing.allowed_from(held.until)
        when = estimate(connection.pacing, until, position)
        return Waiting(reason=held.reason, until=until, estimated_at=when)
    if position:
        when = estimate(connection.pacing, now, position)
        return Waiting(reason="behind_others", estimated_at=when)
    # The message was claimed before and returned to its place.
    return Waiting(reason=message.reason) if message.reason else None
