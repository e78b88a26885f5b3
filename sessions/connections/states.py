"""The states of a connection: everything that decides where a connection may move is here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from sessions.common.errors import IllegalMoveError, WrongStateError


class ConnectionState(StrEnum):
    """Where a connection is; `acts_next` says who acts."""

    STOPPED = "stopped"
    """Nobody runs it."""
    STARTING = "starting"
    """A worker takes it, or its browser is loading."""
    AWAITING_SCAN = "awaiting_scan"
    """A QR code is shown, to be scanned with the phone."""
    PASSKEY_REQUIRED = "passkey_required"
    """WhatsApp asks for the passkey of the account's owner."""
    SYNCING = "syncing"
    """Linked, the page loads its chats."""
    CONNECTED = "connected"
    """Messages go out."""
    DEGRADED = "degraded"
    """The page says connected, but WhatsApp does not acknowledge sends."""
    DISCONNECTED = "disconnected"
    """The page has crashed, does not answer or has no network."""
    LOGGED_OUT = "logged_out"
    """The login is gone: the phone has to be linked again."""


class Reason(StrEnum):
    """Why a connection is in its state; a stable code for clients."""

    WAITING_FOR_WORKER = "waiting_for_worker"
    """No worker has room for it, or none runs."""
    WORKER_LOST = "worker_lost"
    """Its worker died or hangs; another one takes it within seconds, if one has room."""
    BROWSER_STARTING = "browser_starting"
    """A worker has it and its browser is starting."""
    BROWSER_UNAVAILABLE = "browser_unavailable"
    """The browser cannot be started; the worker's log says why."""
    PAGE_LOADING = "page_loading"
    """WhatsApp Web is loading."""
    PAGE_UNREACHABLE = "page_unreachable"
    """WhatsApp Web does not answer: the network, a proxy or a firewall."""
    PAGE_CRASHED = "page_crashed"
    """The page or its browser crashed; a new one is opened."""
    PAGE_UNRESPONSIVE = "page_unresponsive"
    """The page does not answer in time; a new one is opened."""
    QR_SHOWN = "qr_shown"
    """A QR code is on show and can be scanned."""
    QR_IDLE = "qr_idle"
    """The QR codes have expired; asking for one shows new ones."""
    LOADING_CHATS = "loading_chats"
    """Linked; WhatsApp Web fetches its chats from the phone."""
    NETWORK_DOWN = "network_down"
    """WhatsApp Web has lost its network."""
    LINE_LOST = "line_lost"
    """WhatsApp Web has lost its line to WhatsApp; if it stays away, the page is reloaded."""
    REPLACED = "replaced"
    """Another browser uses this login; the page takes it back, later each time."""
    UPDATE_NEEDED = "update_needed"
    """WhatsApp Web asks to be reloaded; the worker does it when no message is being sent."""
    UNLINKED = "unlinked"
    """The phone has removed this device, or WhatsApp has banned its account: link it again."""
    ACCOUNT_LOCKED = "account_locked"
    """WhatsApp has locked the account: its owner unlocks it on the phone, then link it again."""
    TEMPORARILY_BANNED = "temporarily_banned"
    """WhatsApp has banned the account for a while; sending resumes by itself at the time in
    `until`, or earlier if WhatsApp lifts the ban."""
    PASSKEY_WANTED = "passkey_wanted"
    """WhatsApp asks for a passkey, which only the account's owner has."""
    SENDS_UNACKNOWLEDGED = "sends_unacknowledged"
    """The page says connected, but WhatsApp does not acknowledge what is sent."""
    KEY_MISSING = "encryption_key_missing"
    """The saved login cannot be decrypted: its key is not in SESSION_ENCRYPTION_KEYS."""
    DISK_FULL = "disk_full"
    """The disk with the browser profiles is full."""
    DISK_READ_ONLY = "disk_read_only"
    """The disk with the browser profiles cannot be written to."""
    DISK_UNUSABLE = "disk_unusable"
    """The folder of the browser profiles cannot be used."""
    LOGIN_LOST = "login_lost"
    """No working login is left, neither on disk nor saved: link the phone again."""
    QR_NOT_SCANNED = "qr_not_scanned"
    """Nobody scanned a code or asked for a new one: start it when the phone is at hand."""
    WHATSAPP_CHANGED = "whatsapp_changed"
    """WhatsApp Web has changed and nothing can be sent: messages wait, and the worker keeps trying.
    Updating wa-js may be needed."""
    OTHER_NUMBER = "other_number"
    """A phone with another number than the declared one was linked through a signed link. It is
    logged out, and nothing is sent with it. Link the right phone."""
    LOGGING_OUT = "logging_out"
    """A logout was asked for: the worker tells WhatsApp."""
    LOGGED_OUT_BY_REQUEST = "logged_out_by_request"
    """A logout was asked for and is done: the phone no longer lists this device."""
    STILL_LISTED = "device_still_listed"
    """Logged out by request, but WhatsApp could not be told: remove the device on the phone."""

    @classmethod
    def _missing_(cls, value: object) -> Reason | None:
        """Read the reasons that earlier versions stored."""
        former = {
            "replaced_by_another_client": cls.REPLACED,
            "blocked_by_whatsapp": cls.TEMPORARILY_BANNED,
        }
        return former.get(str(value))


class Actor(StrEnum):
    """Who acts next on a connection."""

    NOBODY = "nobody"
    """Nobody: all is well, or the connection resumes by itself after a time."""
    WORKER = "worker"
    """The worker, by itself."""
    PHONE = "phone"
    """Whoever holds the phone."""
    ADMIN = "admin"
    """Whoever the connection belongs to, or an administrator."""
    OPERATOR = "operator"
    """Whoever runs the server."""


class Command(StrEnum):
    """What a connection can be told to do."""

    START = "start"
    """Run it."""
    STOP = "stop"
    """Stop running it; its login and its messages are kept."""
    LINK = "link"
    """Link a phone: show a QR code, or give a pairing code."""
    RESTART = "restart"
    """Close its page in order and open a new one; the login is kept."""
    LOGOUT = "logout"
    """End its login, on the phone too."""
    DELETE = "delete"
    """End its login and remove everything stored for it."""
    CHECK_NUMBER = "check_number"
    """Ask WhatsApp whether a number has an account."""


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
_ENDS = frozenset({_S.STOPPED, _S.LOGGED_OUT})

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
    }
)
"""Every legal move. Changing the reason within one state is not a move and is always legal."""

HOLDS_LOGIN = frozenset({_S.SYNCING, _S.CONNECTED, _S.DEGRADED})
"""States that a connection reaches only while it is linked to a phone."""

REVOKED = frozenset({Reason.UNLINKED, Reason.ACCOUNT_LOCKED})
"""Reasons after which WhatsApp accepts no copy of the login any more."""

_A = Actor
ACTS_IN_STATE: Mapping[ConnectionState, Actor] = MappingProxyType(
    {
        _S.STOPPED: _A.ADMIN,
        _S.STARTING: _A.WORKER,
        _S.AWAITING_SCAN: _A.PHONE,
        _S.PASSKEY_REQUIRED: _A.PHONE,
        _S.SYNCING: _A.WORKER,
        _S.CONNECTED: _A.NOBODY,
        _S.DEGRADED: _A.WORKER,
        _S.DISCONNECTED: _A.WORKER,
        _S.LOGGED_OUT: _A.ADMIN,
    }
)
ACTS_FOR_REASON: Mapping[Reason, Actor] = MappingProxyType(
    {
        Reason.TEMPORARILY_BANNED: _A.NOBODY,
        Reason.ACCOUNT_LOCKED: _A.PHONE,
        Reason.OTHER_NUMBER: _A.ADMIN,
        Reason.STILL_LISTED: _A.PHONE,
        Reason.WHATSAPP_CHANGED: _A.OPERATOR,
        Reason.BROWSER_UNAVAILABLE: _A.OPERATOR,
        Reason.KEY_MISSING: _A.OPERATOR,
        Reason.DISK_FULL: _A.OPERATOR,
        Reason.DISK_READ_ONLY: _A.OPERATOR,
        Reason.DISK_UNUSABLE: _A.OPERATOR,
    }
)
"""Reasons that override who acts in the state."""

WORKER_SOON = timedelta(seconds=20)
"""How long a connection may wait for a worker before the operator has to find out why."""

COMMANDS: Mapping[Command, frozenset[ConnectionState]] = MappingProxyType(
    {
        Command.START: _ENDS,
        Command.STOP: _RUNNING,
        Command.LINK: frozenset({_S.STARTING, _S.AWAITING_SCAN, _S.LOGGED_OUT}),
        Command.RESTART: frozenset(_S) - {_S.LOGGED_OUT},
        Command.LOGOUT: frozenset(_S) - {_S.AWAITING_SCAN, _S.PASSKEY_REQUIRED, _S.LOGGED_OUT},
        Command.DELETE: frozenset(_S),
        Command.CHECK_NUMBER: frozenset({_S.CONNECTED, _S.DEGRADED}),
    }
)
"""The states in which each command makes sense. A start or stop without effect is accepted too."""


def acts_next(state: ConnectionState, reason: Reason | None, lasting: timedelta) -> Actor:
    """Return who acts next on a connection that has been in its state for `lasting`."""
    if reason is Reason.WAITING_FOR_WORKER and lasting > WORKER_SOON:
        return Actor.OPERATOR
    return ACTS_FOR_REASON.get(reason, ACTS_IN_STATE[state]) if reason else ACTS_IN_STATE[state]


def allowed_commands(state: ConnectionState, *, linked: bool) -> list[Command]:
    """Return the commands that make sense in a state, for a linked or unlinked connection."""
    # The other states say by themselves whether a phone is linked.
    pointless = Command.LINK if linked else Command.LOGOUT
    excluded = {pointless} if state in (_S.STOPPED, _S.STARTING) else set()
    return [each for each, states in COMMANDS.items() if state in states and each not in excluded]


def check_command(command: Command, state: ConnectionState, reason: Reason | None) -> None:
    """Raise WrongStateError unless the command makes sense in this state."""
    if state not in COMMANDS[command]:
        raise WrongStateError(state, reason)


def is_legal(current: ConnectionState, to: ConnectionState) -> bool:
    """Tell whether the table leads from `current` to `to`, or they are the same."""
    return to is current or to in MOVES[current]


def origins(to: ConnectionState) -> list[ConnectionState]:
    """Return the states from which a connection may move to `to`, with `to` itself."""
    return [each for each in ConnectionState if is_legal(each, to)]


def check_move(current: ConnectionState, to: ConnectionState) -> None:
    """Raise IllegalMoveError unless the table leads from `current` to `to` or they are the same."""
    if not is_legal(current, to):
        raise IllegalMoveError(f"A connection cannot move from {current} to {to}.")


def needs_a_worker(state: ConnectionState) -> bool:
    """Tell whether a connection can be in this state only while a worker runs it."""
    return state in _RUNNING
