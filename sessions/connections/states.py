"""The states of a connection: everything that decides where a connection may move stands here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from sessions.common.errors import IllegalMoveError, WrongStateError


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
    """The codes of a round ran out; asking for one shows new ones."""
    LOADING_CHATS = "loading_chats"
    """Linked; WhatsApp Web fetches its chats from the phone."""
    NETWORK_DOWN = "network_down"
    """WhatsApp Web has lost its network."""
    LINE_LOST = "line_lost"
    """WhatsApp Web has lost its line to WhatsApp; if none comes, the page is loaded anew."""
    REPLACED = "replaced"
    """Another browser has taken this login's line; the page takes it back, later each time."""
    UPDATE_NEEDED = "update_needed"
    """WhatsApp Web wants to be loaded anew; that is done when nothing is in hand."""
    UNLINKED = "unlinked"
    """The phone has removed this device, or WhatsApp has banned its account: link it again."""
    ACCOUNT_LOCKED = "account_locked"
    """WhatsApp has locked the account: its owner unlocks it on the phone, then link it again."""
    TEMPORARILY_BANNED = "temporarily_banned"
    """WhatsApp has banned the account for a while; it goes on by itself at the time in `until`, or
    earlier if WhatsApp lifts the ban."""
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
    """No login that works is left, neither on disk nor saved: link the phone again."""
    QR_NOT_SCANNED = "qr_not_scanned"
    """Nobody scanned a code or asked for a new one: start it when the phone is at hand."""
    WHATSAPP_CHANGED = "whatsapp_changed"
    """WhatsApp Web has changed so that nothing can be sent: messages wait, and it is tried again
    and again by itself. Updating wa-js may be needed."""
    OTHER_NUMBER = "other_number"
    """A signed link has linked another phone than the one whose number was declared: it is logged
    out, and nothing is sent with it. Link the right phone."""
    LOGGING_OUT = "logging_out"
    """A logout was asked for: the worker tells WhatsApp."""
    LOGGED_OUT_BY_REQUEST = "logged_out_by_request"
    """A logout was asked for and is done: the phone does not list this device any more."""
    STILL_LISTED = "device_still_listed"
    """Logged out by request, but WhatsApp could not be told: remove the device on the phone."""

    @classmethod
    def _missing_(cls, value: object) -> Reason | None:
        """Read what records of earlier versions say."""
        former = {
            "replaced_by_another_client": cls.REPLACED,
            "blocked_by_whatsapp": cls.TEMPORARILY_BANNED,
        }
        return former.get(str(value))


class Command(StrEnum):
    """What may be asked of a connection."""

    RESTART = "restart"
    """Close its page in order and open it anew; the login is kept."""
    LOGOUT = "logout"
    """End its login, on the phone too."""
    DELETE = "delete"
    """End its login and remove all that is kept of it."""
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
"""Every legal move. A change of reason within one state is no move and always legal."""

HOLDS_LOGIN = frozenset({_S.SYNCING, _S.CONNECTED, _S.DEGRADED})
"""States that no connection reaches without a phone that has linked it."""

REVOKED = frozenset({Reason.UNLINKED, Reason.ACCOUNT_LOCKED})
"""Ends of a login after which no copy of it is of use: WhatsApp takes none of them any more."""

COMMANDS: Mapping[Command, frozenset[ConnectionState]] = MappingProxyType(
    {
        Command.RESTART: frozenset(_S) - {_S.LOGGED_OUT},
        Command.LOGOUT: frozenset(_S) - {_S.AWAITING_SCAN, _S.PASSKEY_REQUIRED, _S.LOGGED_OUT},
        Command.DELETE: frozenset(_S),
        Command.CHECK_NUMBER: frozenset({_S.CONNECTED, _S.DEGRADED}),
    }
)
"""In which states each command makes sense; a start or a stop does in all of them."""


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
    """Tell whether the state is only true while a worker runs the connection."""
    return state in _RUNNING
