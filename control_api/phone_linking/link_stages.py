"""Translate a connection's state for the person with the phone, who sees only the linking page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from sessions.connections.model import Connection
from sessions.connections.states import WORKER_SOON, ConnectionState, Reason


class Stage(StrEnum):
    """The stages of linking; the page has a text for each stage in each language."""

    STARTING = "starting"
    """A code will be shown soon."""
    NO_WORKER = "no_worker"
    """No worker runs the connection; linking continues when one does."""
    SCAN = "scan"
    """A code is shown: scan it with the phone."""
    PASSKEY = "passkey"
    """Confirm on the phone."""
    FINISHING = "finishing"
    """The phone is linked; its chats are loading."""
    LINKED = "linked"
    """Linking is complete."""
    RETURNING = "returning"
    """A phone is linked, and the connection is being restored: nothing to do."""
    AWAY = "away"
    """WhatsApp cannot be reached; linking continues when it can."""
    BLOCKED = "blocked"
    """WhatsApp refuses the connection."""
    OTHER_NUMBER = "other_number"
    """Another phone was linked than the link is for; the person can start again."""
    ASLEEP = "asleep"
    """Codes are no longer shown, because nobody scanned them; the person can start again."""
    OFF = "off"
    """The connection was stopped; only its owner can start it."""
    FAILED = "failed"
    """Something is broken on our side."""


_OF_STATE: Mapping[ConnectionState, Stage] = MappingProxyType(
    {
        ConnectionState.STOPPED: Stage.OFF,
        ConnectionState.STARTING: Stage.STARTING,
        ConnectionState.AWAITING_SCAN: Stage.SCAN,
        ConnectionState.PASSKEY_REQUIRED: Stage.PASSKEY,
        ConnectionState.SYNCING: Stage.FINISHING,
        ConnectionState.CONNECTED: Stage.LINKED,
        ConnectionState.DEGRADED: Stage.LINKED,
        ConnectionState.DISCONNECTED: Stage.AWAY,
        ConnectionState.LOGGED_OUT: Stage.ASLEEP,
    }
)
_OF_REASON: Mapping[Reason, Stage] = MappingProxyType(
    {
        Reason.TEMPORARILY_BANNED: Stage.BLOCKED,
        Reason.QR_NOT_SCANNED: Stage.ASLEEP,
        Reason.OTHER_NUMBER: Stage.OTHER_NUMBER,
        Reason.KEY_MISSING: Stage.FAILED,
        Reason.DISK_FULL: Stage.FAILED,
        Reason.DISK_READ_ONLY: Stage.FAILED,
        Reason.DISK_UNUSABLE: Stage.FAILED,
    }
)
"""The stages of reasons that are more specific than the state."""
_NOBODY_RUNS_IT = frozenset({Reason.WAITING_FOR_WORKER, Reason.WORKER_LOST})
_COMES_BACK = frozenset({Stage.STARTING, Stage.AWAY})


def stage_of(connection: Connection, now: datetime, workers: int) -> Stage:
    """Return the stage of linking; `workers` is how many are alive."""
    state, reason = connection.observed()
    if reason in _NOBODY_RUNS_IT:
        waits_long = now - connection.since > WORKER_SOON
        return Stage.NO_WORKER if waits_long or not workers else Stage.STARTING
    stage = _OF_REASON.get(reason) if reason else None
    stage = stage or _OF_STATE[state]
    if stage is Stage.SCAN and not _shows_a_code(connection, now):
        return Stage.STARTING
    if stage in _COMES_BACK and connection.linked_number:
        return Stage.RETURNING
    return stage


def _shows_a_code(connection: Connection, now: datetime) -> bool:
    return connection.qr is not None and connection.qr.expires_at > now
