"""Accept messages from HTTP and arq: fix their ids, store them, ring the doorbell."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime

from loguru import logger

from sessions.common.errors import DomainError
from sessions.connections.model import Connection
from sessions.connections.places import Places
from sessions.messages.actions import ActionRequest
from sessions.messages.idempotency import IdempotencyStore
from sessions.messages.media_intake import MediaIntake, MediaRequest, Sender
from sessions.messages.model import Draft, Message, Original, UsedMedia
from sessions.messages.outbox import Outbox
from sessions.messages.quotas import QueueFullError, QueueQuota
from sessions.messages.referred import ReferredMessages
from sessions.messages.requests import MessageRequest, SendRequest
from sessions.messages.sealed_texts import TextSealer
from sessions.metrics import ProcessMetrics
from sessions.queue.doorbell import Doorbell

Asked = MessageRequest | ActionRequest
"""What can be accepted."""


class ReplyToUnknownError(DomainError):
    """A message answers one that this connection does not have."""

    code = "reply_to_not_found"

    def __init__(self, places: Sequence[int], *, single: bool) -> None:
        text = "This connection has neither sent nor received such a message."
        super().__init__(f"replyTo: {text}")
        self.fields = [
            {"field": "replyTo" if single else f"messages.{each}.replyTo", "message": text}
            for each in places
        ]


class ExpiredAlreadyError(DomainError):
    """The `expiresAt` of messages is over, so that they could never be sent."""

    code = "expired_already"

    def __init__(self, places: Sequence[int], *, of_one: bool) -> None:
        super().__init__(
            "expiresAt is in the past: this could never be sent, so nothing was accepted."
        )
        names = ["expiresAt" if of_one else f"messages.{place}.expiresAt" for place in places]
        self.fields = [{"field": name, "message": "This is in the past."} for name in names]


@dataclass(frozen=True)
class Receipt:
    """The accepted messages, and whether an earlier request with the same key stored them."""

    connection: Connection
    messages: list[Message]
    replayed: bool


@dataclass(frozen=True)
class Acceptance:
    """Accept messages into the outbox."""

    outbox: Outbox
    keys: IdempotencyStore
    doorbell: Doorbell
    metrics: ProcessMetrics
    now: Callable[[], datetime]
    quota: QueueQuota
    texts: TextSealer
    media: MediaIntake
    referred: ReferredMessages

    async def accept(
        self,
        owner: str,
        connection_id: str,
        asked: Sequence[Asked],
        key: str | None,
        body: bytes,
        only: frozenset[str] | None = None,
        api_key: str | None = None,
    ) -> Receipt:
        """Store the messages durably, if the connection is one of `only` (None: any).

        Raises ConnectionNotFoundError, KeyReusedError, QueueFullError, ReplyToUnknownError,
        TextKeyMissingError, ExpiredAlreadyError, and what `MediaIntake.take` raises.
        """
        began = time.monotonic()
        places = await self.outbox.places.take(owner, connection_id, len(asked), only)
        await self._refuse_expired(places.connection, asked, key)
        sender = Sender(owner, only, api_key)
        receipt = await self._store(places, asked, key, body, sender)
        new = 0 if receipt.replayed else len(receipt.messages)
        self.metrics.accepted(new, time.monotonic() - began)
        if new:
            _log(receipt)
        return receipt

    async def accept_drafts(
        self, owner: str, connection_id: str, drafts: Sequence[Draft]
    ) -> list[Message]:
        """Store messages whose ids are fixed already; those that are stored are not changed.

        Raises ConnectionNotFoundError or QueueFullError.
        """
        began = time.monotonic()
        places = await self.outbox.places.take(owner, connection_id, len(drafts))
        async with self.quota.room(places.connection.owner, len(drafts)):
            messages = await self.outbox.add(places, drafts)
        self.metrics.accepted(len(messages), time.monotonic() - began)
        await self.doorbell.dispatch(places.connection)
        return messages

    async def _refuse_expired(
        self, connection: Connection, asked: Sequence[Asked], key: str | None
    ) -> None:
        """Raise ExpiredAlreadyError for messages that are too late, unless a request is repeated.

        The repeated request gets the same answer again, even if its messages have expired since.
        """
        now = self.now()
        late = [
            place for place, each in enumerate(asked) if each.expires_at and each.expires_at <= now
        ]
        if late and not await self.keys.knows(connection.owner, key):
            raise ExpiredAlreadyError(late, of_one=isinstance(asked[0], SendRequest))

    async def was_accepted(self, owner: str, key: str | None) -> bool:
        """Tell whether the owner has sent a request with this key before."""
        return await self.keys.knows(owner, key)

    async def _store(
        self,
        places: Places,
        asked: Sequence[Asked],
        key: str | None,
        body: bytes,
        sender: Sender,
    ) -> Receipt:
        connection = places.connection
        async with AsyncExitStack() as room:
            try:
                await self._check_replies(connection, asked)
                await room.enter_async_context(self.quota.room(connection.owner, len(asked)))
            except (QueueFullError, ReplyToUnknownError):
                # A repeated request that was accepted before gets the same answer again.
                if not await self.keys.knows(connection.owner, key):
                    raise
            return await self._store_at(places, asked, key, body, sender)

    async def _check_replies(self, connection: Connection, asked: Sequence[Asked]) -> None:
        """Raise ReplyToUnknownError if a message answers one that the connection does not have."""
        answered = {each.reply_to for each in asked if each.reply_to is not None}
        if not answered:
            return
        unknown = answered - await self.referred.present(connection.id, answered)
        wrong = [place for place, each in enumerate(asked) if each.reply_to in unknown]
        if wrong:
            raise ReplyToUnknownError(wrong, single=isinstance(asked[0], SendRequest))

    async def _store_at(
        self,
        places: Places,
        asked: Sequence[Asked],
        key: str | None,
        body: bytes,
        sender: Sender,
    ) -> Receipt:
        connection = places.connection
        ticket = await self.keys.ticket(connection, key, body, len(asked), self.now())
        with_files = any(each.media for each in asked)
        # Its files may be gone by now, so a repeated request must not look for them again.
        if ticket.replayed and with_files:
            stored = await self.outbox.all_of(ticket.message_ids)
            if len(stored) == len(asked):
                return Receipt(connection, stored, replayed=True)
        files = await self._files_of(sender, asked) if with_files else {}
        drafts = [
            each.to_draft(id_, self.texts.seal_content(id_, each.content), files.get(place))
            for place, (each, id_) in enumerate(zip(asked, ticket.message_ids, strict=True))
        ]
        messages = await self.outbox.add(places, drafts)
        await self.doorbell.dispatch(connection)
        return Receipt(connection, messages, ticket.replayed)

    async def _files_of(
        self, sender: Sender, asked: Sequence[Asked]
    ) -> dict[int, UsedMedia | Original | None]:
        """Return the files of the messages that have one, by their place in the request."""
        now = self.now()
        # Many messages of a request may have the same file.
        taken: dict[MediaRequest, UsedMedia | Original | None] = {}
        last = max(each.send_at or now for each in asked)
        for each in asked:
            if each.media is not None and each.media not in taken:
                used_at = max(now, last)
                taken[each.media] = await self.media.take(sender, each.media, used_at)
        return {place: taken[each.media] for place, each in enumerate(asked) if each.media}


def _log(receipt: Receipt) -> None:
    """Log what was accepted: the id of a single message, or how many there are."""
    about = {"owner": receipt.connection.owner, "connection": receipt.connection.connection_id}
    if len(receipt.messages) == 1:
        logger.bind(**about, messageId=receipt.messages[0].id).info("Message queued")
    else:
        logger.bind(**about).info("{} messages queued", len(receipt.messages))
