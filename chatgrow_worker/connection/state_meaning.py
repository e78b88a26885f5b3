"""What a state of the page means for its connection."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from chatgrow_worker.page.snapshot import PageState
from sessions.connections.states import ConnectionState, Reason

Meaning = tuple[ConnectionState, Reason | None]

MEANING: Mapping[PageState, Meaning] = MappingProxyType(
    {
        PageState.LOADING: (ConnectionState.STARTING, Reason.PAGE_LOADING),
        PageState.SYNCING: (ConnectionState.SYNCING, Reason.LOADING_CHATS),
        PageState.READY: (ConnectionState.CONNECTED, None),
        PageState.OFFLINE: (ConnectionState.DISCONNECTED, Reason.NETWORK_DOWN),
        PageState.STALLED: (ConnectionState.DEGRADED, Reason.SENDS_UNACKNOWLEDGED),
        PageState.LINE_DEAD: (ConnectionState.DISCONNECTED, Reason.LINE_LOST),
        PageState.REPLACED: (ConnectionState.DISCONNECTED, Reason.REPLACED),
        PageState.OUTDATED: (ConnectionState.DISCONNECTED, Reason.UPDATE_NEEDED),
        PageState.BANNED: (ConnectionState.DISCONNECTED, Reason.TEMPORARILY_BANNED),
        PageState.LEAVING: (ConnectionState.DISCONNECTED, Reason.PAGE_LOADING),
        PageState.PASSKEY: (ConnectionState.PASSKEY_REQUIRED, Reason.PASSKEY_WANTED),
    }
)
"""All states but the QR screen, whose meaning depends on whether a phone was linked before."""

UPDATE_DUE: Meaning = (ConnectionState.CONNECTED, Reason.UPDATE_NEEDED)
"""A ready page for which there is a newer version: it sends, and is reopened when it is idle."""

CHANGED: Meaning = (ConnectionState.DISCONNECTED, Reason.WHATSAPP_CHANGED)
"""The page cannot send, or the fleet waits because WhatsApp Web has changed."""
