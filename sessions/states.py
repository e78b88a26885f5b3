"""The states of a connection: everything that decides where a connection may move stands here."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from sessions.errors import IllegalMoveError


class ConnectionState(StrEnum):
    """Where a connection is; each says who acts next."""

    STOPPED = "stopped"
    """Nobody runs it: an admin starts it."""
    STARTING = "starting"
    """A worker takes it or its browser is loading: the worker acts."""
    AWAITING_SCAN = "awaiting_scan"
    """A QR code is shown: whoever holds the phone scans it."""
    PASSKEY_REQUIRED = "passkey_required"
    """WhatsApp asks for a passkey: the owner of the account acts."""
    SYNCING = "syncing"
    """Linked, the page loads its chats: the page acts."""
    CONNECTED = "connected"
    """Messages go out: nobody has to act."""
    DEGRADED = "degraded"
    """The page says connected but sends stay unacknowledged: the worker acts."""
    DISCONNECTED = "disconnected"
    """The page or its network is away: the worker acts."""
    LOGGED_OUT = "logged_out"
    """The login is gone: an admin links the phone again."""
    FAILED = "failed"
    """The worker gave up: an operator reads the reason and starts it again."""


class Reason(StrEnum):
    """Why a connection is in its state; a stable code for clients."""

    WAITING_FOR_WORKER = "waiting_for_worker"
    WORKER_LOST = "worker_lost"
    BROWSER_STARTING = "browser_starting"
    BROWSER_UNAVAILABLE = "browser_unavailable"
    PAGE_LOADING = "page_loading"
    PAGE_UNREACHABLE = "page_unreachable"
    PAGE_CRASHED = "page_crashed"
    PAGE_UNRESPONSIVE = "page_unresponsive"
    QR_SHOWN = "qr_shown"
    QR_IDLE = "qr_idle"
    LOADING_CHATS = "loading_chats"
    NETWORK_DOWN = "network_down"
    REPLACED = "replaced_by_another_client"
    UPDATE_NEEDED = "update_needed"
    BLOCKED = "blocked_by_whatsapp"
    UNLINKED = "unlinked"
    PASSKEY_WANTED = "passkey_wanted"
    SENDS_UNACKNOWLEDGED = "sends_unacknowledged"
    KEY_MISSING = "encryption_key_missing"
    DISK_FULL = "disk_full"
    DISK_READ_ONLY = "disk_read_only"
    DISK_UNUSABLE = "disk_unusable"
    LOGIN_LOST = "login_lost"
    QR_NOT_SCANNED = "qr_not_scanned"


_S = ConnectionState
_RUNNING = frozenset(
    {
        _S.STARTING,
        _S.AWAITING_SCAN,
        _S.PASSKEY_REQUIRED,
        _S.SYNCING,
        _S.CONNECTED,
        _S.DEGRADED,
        _S.DISCONNECTED,
    }
)
_ENDS = frozenset({_S.STOPPED, _S.LOGGED_OUT, _S.FAILED})

MOVES: Mapping[ConnectionState, frozenset[ConnectionState]] = MappingProxyType(
    {
        _S.STOPPED: frozenset({_S.STARTING}),
        _S.STARTING: (_RUNNING | _ENDS) - {_S.STARTING, _S.DEGRADED},
        _S.AWAITING_SCAN: frozenset({_S.PASSKEY_REQUIRED, _S.SYNCING, _S.CONNECTED, _S.STARTING})
        | {_S.DISCONNECTED}
        | _ENDS,
        _S.PASSKEY_REQUIRED: frozenset({_S.AWAITING_SCAN, _S.SYNCING, _S.CONNECTED, _S.STARTING})
        | {_S.DISCONNECTED}
        | _ENDS,
        _S.SYNCING: frozenset({_S.CONNECTED, _S.DISCONNECTED, _S.STARTING, _S.AWAITING_SCAN})
        | _ENDS,
        _S.CONNECTED: frozenset({_S.DEGRADED, _S.DISCONNECTED, _S.SYNCING, _S.STARTING}) | _ENDS,
        _S.DEGRADED: frozenset({_S.CONNECTED, _S.DISCONNECTED, _S.SYNCING, _S.STARTING}) | _ENDS,
        _S.DISCONNECTED: (_RUNNING | _ENDS) - {_S.DISCONNECTED, _S.DEGRADED},
        _S.LOGGED_OUT: frozenset({_S.STARTING, _S.STOPPED, _S.AWAITING_SCAN}),
        _S.FAILED: frozenset({_S.STARTING, _S.STOPPED}),
    }
)
"""Every legal move. A change of reason within one state is no move and always legal."""


def check_move(current: ConnectionState, to: ConnectionState) -> None:
    """Raise IllegalMoveError unless the table leads from `current` to `to` or they are the same."""
    if to is not current and to not in MOVES[current]:
        raise IllegalMoveError(f"A connection cannot move from {current} to {to}.")


def needs_a_worker(state: ConnectionState) -> bool:
    """Tell whether the state is only true while a worker runs the connection."""
    return state in _RUNNING
