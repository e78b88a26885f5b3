"""What can be asked to be done to a message: a reaction, an edit, a revocation.

An action is a message itself: it waits in the same queue, is done in its order, and has a status.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sessions.common.errors import DomainError, WrongStatusError
from sessions.messages.content import Action, Edit, Kind, Reaction
from sessions.messages.model import Draft, MessageStatus, Original, UsedMedia
from sessions.messages.referred import Referred
from sessions.messages.sealed_texts import StoredContent

EDIT_WINDOW = timedelta(seconds=1200)
"""How long after a message WhatsApp takes edits of it (WAWebMessageEditUtils, 2026-04-27)."""
REVOKE_WINDOW = timedelta(days=2.5)
"""How long after a message WhatsApp takes its revocation (WAWebRevokeMsgConstants, 2026-04-27)."""
_WITHOUT_TEXT = (Kind.LOCATION, Kind.CONTACT, Kind.POLL)
_NOT_OUT = (
    MessageStatus.QUEUED,
    MessageStatus.FAILED,
    MessageStatus.EXPIRED,
    MessageStatus.CANCELLED,
)


class NotOwnMessageError(DomainError):
    """Only a message that was sent from here can be edited or revoked."""

    code = "not_own_message"
    text = "This message was received: it can be neither edited nor revoked."


class NotEditableError(DomainError):
    """The message has no text that could be edited."""

    code = "not_editable"
    text = "This message has no text that could be edited."


class EditWindowOverError(DomainError):
    """WhatsApp no longer takes edits of the message."""

    code = "edit_window_over"
    text = "WhatsApp takes edits of a message for 20 minutes only."


class RevokeWindowOverError(DomainError):
    """WhatsApp no longer takes a revocation of the message."""

    code = "revoke_window_over"
    text = "WhatsApp takes the revocation of a message for two and a half days only."


class MessageRevokedError(DomainError):
    """The message was revoked."""

    code = "message_revoked"
    text = "This message was revoked."


REFUSALS = (
    "message_not_found",
    "wrong_status",
    "not_own_message",
    "not_editable",
    "edit_window_over",
    "revoke_window_over",
    "message_revoked",
)
"""The codes with which an action can be refused."""


@dataclass(frozen=True)
class ActionRequest:
    """An action as a request describes it."""

    target: Referred
    content: Action
    reply_to: None = None
    media: None = None
    send_at: None = None
    expires_at: None = None

    def check(self, now: datetime) -> None:
        """Raise a DomainError with one of REFUSALS if the action cannot succeed."""
        target = self.target
        if not target.is_ours and not isinstance(self.content, Reaction):
            raise NotOwnMessageError
        if target.status in _NOT_OUT:
            raise WrongStatusError(target.id, target.status)
        if target.revoked:
            raise MessageRevokedError
        if isinstance(self.content, Reaction):
            return
        if isinstance(self.content, Edit):
            self._check_edit(now)
        elif target.at is not None and now - target.at > REVOKE_WINDOW:
            raise RevokeWindowOverError

    def _check_edit(self, now: datetime) -> None:
        if self.target.kind in _WITHOUT_TEXT:
            raise NotEditableError
        if self.target.at is not None and now - self.target.at >= EDIT_WINDOW:
            raise EditWindowOverError

    def to_draft(
        self,
        message_id: str,
        stored: StoredContent,
        media: UsedMedia | Original | None = None,
    ) -> Draft:
        """Return the message to store; `stored` is its content, encrypted if contents are."""
        return Draft(
            id=message_id,
            to=self.target.chat_id,
            kind=stored.kind,
            content=stored.content,
            target=self.target.id,
            chat_id=self.target.chat_id,
            priority=self.target.priority,
        )
