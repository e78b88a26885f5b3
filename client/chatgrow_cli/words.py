"""Say in plain words what the API says in codes; a code of a later version stands for itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from chatgrow_cli.output import local
from chatgrow_client.models import ConnectionView, MessageView, StatusView, Waiting

STATES: Mapping[str, str] = {
    "stopped": "switched off",
    "starting": "starting",
    "awaiting_scan": "waiting for a phone",
    "passkey_required": "waiting for a passkey",
    "syncing": "linked, loading chats",
    "connected": "connected",
    "degraded": "not confirmed",
    "disconnected": "interrupted",
    "logged_out": "no phone linked",
}
ACTORS: Mapping[str, str] = {
    "nobody": "nobody",
    "worker": "nobody, it goes on by itself",
    "phone": "whoever holds the phone",
    "admin": "you",
    "operator": "whoever runs the server",
}
_STATE_MEANS: Mapping[str, str] = {
    "stopped": "Nothing is sent. What waits is kept.",
    "starting": "WhatsApp is being opened.",
    "awaiting_scan": "Link a phone with `chatgrow link`.",
    "passkey_required": "WhatsApp asks for a passkey, on the phone.",
    "syncing": "The phone is linked, its chats are loading.",
    "connected": "Messages go out.",
    "degraded": "WhatsApp does not confirm what was sent. Messages wait.",
    "disconnected": "WhatsApp is being reached again. Messages wait.",
    "logged_out": "Link a phone with `chatgrow link`, then messages go out again.",
}
REASONS: Mapping[str, str] = {
    "waiting_for_worker": "No worker has taken it yet.",
    "worker_lost": "The worker that ran it is gone; another one takes over.",
    "browser_starting": "Its browser is starting.",
    "browser_unavailable": "Its browser cannot be started; the log of the worker says why.",
    "page_loading": "WhatsApp's page is loading.",
    "page_unreachable": "WhatsApp does not answer: the server's network, proxy or firewall.",
    "page_crashed": "WhatsApp's page crashed; a new one is being opened.",
    "page_unresponsive": "WhatsApp's page does not answer; a new one is being opened.",
    "qr_shown": "A QR code is shown and can be scanned.",
    "qr_idle": "The QR codes have expired; `chatgrow link` shows new ones.",
    "loading_chats": "The phone is linked, its chats are loading.",
    "network_down": "WhatsApp's page has no network.",
    "line_lost": "WhatsApp's page has lost its line to WhatsApp.",
    "replaced": "Another browser uses its login; it is being taken back.",
    "update_needed": "WhatsApp has a newer page, which is loaded when nothing is being sent.",
    "unlinked": "The phone has removed this device, or WhatsApp has banned the account.",
    "account_locked": "WhatsApp has locked the account: unlock it on the phone, then link it.",
    "temporarily_banned": "WhatsApp has banned the account for a while; messages wait.",
    "passkey_wanted": "WhatsApp asks for a passkey; confirm on the phone if it asks for that.",
    "sends_unacknowledged": "WhatsApp does not confirm what was sent. Messages wait.",
    "encryption_key_missing": "The key of its saved login is not in SESSION_ENCRYPTION_KEYS.",
    "disk_full": "The disk of the server is full.",
    "disk_read_only": "The disk of the server cannot be written to.",
    "disk_unusable": "The folder of the browser profiles cannot be used.",
    "login_lost": "The login is lost: link the phone again.",
    "qr_not_scanned": "Nobody scanned a code; `chatgrow link` shows a new one.",
    "whatsapp_changed": "WhatsApp has changed its page and nothing can be sent. Messages wait.",
    "other_number": "Another phone than the expected one was linked, and logged out again.",
    "logging_out": "It is being logged out.",
    "logged_out_by_request": "It was logged out on request.",
    "device_still_listed": "Logged out, but the phone still lists the device: remove it there.",
}
STATUSES: Mapping[str, str] = {
    "queued": "waiting",
    "sending": "being sent",
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "failed": "failed",
    "expired": "expired",
    "cancelled": "cancelled",
    "unknown": "unclear: it may have arrived",
}
_WAITING: Mapping[str, str] = {
    "scheduled": "scheduled for later",
    "behind_others": "other messages go first",
    "pause_between_messages": "a short pause between two messages",
    "rate_limited_per_minute": "the limit per minute is reached",
    "rate_limited_per_hour": "the limit per hour is reached",
    "rate_limited_per_day": "the limit per day is reached",
    "new_chats_limited": "the limit of new chats per day is reached",
    "quiet_hours": "quiet hours",
    "timelock": "WhatsApp restricts the account for a while",
    "new_chats_capped": "WhatsApp allows no new chats for now",
    "temporarily_banned": "WhatsApp has banned the account for a while",
    "refused_for_now": "WhatsApp did not take it just now; it is tried again",
    "rate_limited_by_whatsapp": "WhatsApp answers no more questions for now",
    "checking_number": "WhatsApp does not know the number; it is asked once more",
    "chat_not_ready": "WhatsApp could not open the chat; it is tried again",
    "waits_for_message": "the message that it answers or changes is not sent yet",
    "fetching_media": "its file is being fetched",
    "page_error": "WhatsApp's page had a problem; it is tried again",
    "whatsapp_changed": "WhatsApp has changed its page",
    "text_key_missing": "its text is encrypted with a key that the server lacks",
}


def why(connection: ConnectionView | StatusView) -> str:
    """Say in a sentence why a connection is as it is."""
    reason = str(connection.reason or "")
    told = REASONS.get(reason) or _STATE_MEANS.get(str(connection.state), reason)
    return f"{told} Until {local(connection.until)}." if connection.until else told


def number_of(count: int, noun: str) -> str:
    """Return a number with its noun, such as `1 message` or `2 messages`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def state(code: object) -> str:
    """Say what a state is."""
    return STATES.get(str(code), str(code))


def actor(code: object) -> str:
    """Say who acts next."""
    return ACTORS.get(str(code), str(code))


def status(message: MessageView) -> str:
    """Say where a message is, and why if it goes no further."""
    told = STATUSES.get(str(message.status), str(message.status))
    return f"{told} ({message.reason})" if message.reason else told


def person(chat: str) -> str:
    """Say who a chat is with: a number as people write it, or WhatsApp's id."""
    number, _, kind = chat.partition("@")
    return f"+{number}" if kind == "c.us" else chat


def waiting(waits: Waiting) -> str:
    """Say why a message is not sent yet."""
    told = _WAITING.get(waits.reason, "")
    if not told and waits.reason.startswith("connection_"):
        told = f"its connection is {state(waits.reason[len('connection_') :])}"
    ahead = f", {waits.position} before it" if waits.position else ""
    return f"{told or waits.reason}{ahead}{_when(waits.until, waits.estimated_at)}"


def _when(until: datetime | None, estimated: datetime | None) -> str:
    if until is not None:
        return f", until {local(until)}"
    return f", expected at {local(estimated)}" if estimated else ""
