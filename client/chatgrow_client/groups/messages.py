"""Messages: send, follow, change and list them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, cast

import httpx
from pydantic import TypeAdapter

from chatgrow_client.calls import Call, Query, get, joined, model, path, post, post_once
from chatgrow_client.errors import (
    ConflictError,
    MessageEndedError,
    MessageWaitError,
    WrongDirectionError,
)
from chatgrow_client.group import Group, Transport, listing, method
from chatgrow_client.models import (
    Accepted,
    AcceptedList,
    AnyMessage,
    BulkSend,
    Contact,
    DryRun,
    EditMessage,
    Kind,
    Location,
    MediaRequest,
    MessageList,
    MessageRequest,
    MessageStatus,
    MessageView,
    Poll,
    React,
    ReceivedView,
    Retry,
    RetryFailed,
    SendRequest,
)
from chatgrow_client.pages import Page, Pages
from chatgrow_client.repeating import Script
from chatgrow_client.waiting import looked_at

Priority = Literal["high", "normal", "low"]
_SEND = "/api/whatsapp/send"
_ALL = "/api/whatsapp/messages"
_ONE = "/api/whatsapp/messages/{}"
_LONG = timedelta(minutes=2)
"""A bulk request, or a file in base64, may take that long."""
_ANY: TypeAdapter[MessageView | ReceivedView] = TypeAdapter(AnyMessage)
_WAY = (
    MessageStatus.QUEUED,
    MessageStatus.SENDING,
    MessageStatus.SENT,
    MessageStatus.DELIVERED,
    MessageStatus.READ,
)
"""The statuses that a message goes through, if all is well."""
_ENDS = (MessageStatus.FAILED, MessageStatus.EXPIRED, MessageStatus.CANCELLED)
_END_AS_SENT = (Kind.REACTION, Kind.EDIT, Kind.REVOKE)
"""Kinds that are never delivered or read."""


class Messages(Group[Transport]):
    """Send messages, each of them once, and see what became of them."""

    @method
    def send(
        self,
        connection_id: str,
        to: str,
        message: str | None = None,
        *,
        media: MediaRequest | None = None,
        location: Location | None = None,
        contact: Contact | None = None,
        poll: Poll | None = None,
        reply_to: str | None = None,
        reference: str | None = None,
        priority: Priority | None = None,
        send_at: datetime | None = None,
        expires_at: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> Call[Accepted]:
        """Send a text, or one of a file, a location, a contact and a poll.

        `message` is the caption of a file. `to` is a number or a WhatsApp id. `reply_to` is the id
        of a message that this one quotes. When this returns, the message is stored for good.

        It is sent once, however often the request has to be repeated. Name it by an
        `idempotency_key` of your own, such as an order and a purpose, and that is true for your
        program's repetitions, too.
        """
        body = SendRequest.of(
            connection_id=connection_id,
            to=to,
            message=message,
            media=media,
            location=location,
            contact=contact,
            poll=poll,
            reply_to=reply_to,
            reference=reference,
            priority=priority,
            send_at=send_at,
            expires_at=expires_at,
        )
        call = post_once(_SEND, model(Accepted), body, key=idempotency_key)
        return call.taking(_LONG) if media is not None and media.base64 else call

    @method
    def send_bulk(
        self,
        connection_id: str,
        messages: Iterable[MessageRequest],
        *,
        priority: Priority | None = None,
        reference: str | None = None,
        partial: bool = False,
        idempotency_key: str | None = None,
    ) -> Call[AcceptedList]:
        """Send up to 1,000 messages: all of them or, with `partial`, all that are right.

        `refused` of the answer has those that are not, by their index.
        """
        body = _bulk(connection_id, messages, priority, reference)
        query = {"partial": True} if partial else None
        where = f"{_SEND}/bulk"
        call = post_once(where, model(AcceptedList), body, key=idempotency_key, query=query)
        return call.taking(_LONG)

    @method
    def forecast(
        self,
        connection_id: str,
        messages: Iterable[MessageRequest],
        *,
        priority: Priority | None = None,
    ) -> Call[DryRun]:
        """Tell when messages would be sent; nothing is stored."""
        body = _bulk(connection_id, messages, priority, None)
        query = {"dryRun": True}
        where = f"{_SEND}/bulk"
        return post(where, model(DryRun), body, query=query, idempotent=True, timeout=_LONG)

    @method
    def react(
        self, message_id: str, emoji: str | None, *, idempotency_key: str | None = None
    ) -> Call[Accepted]:
        """React to a message, sent or received; None takes the reaction back."""
        where = path(f"{_ONE}/reaction", message_id)
        return post_once(where, model(Accepted), React(emoji=emoji), key=idempotency_key)

    @method
    def edit(
        self, message_id: str, message: str, *, idempotency_key: str | None = None
    ) -> Call[Accepted]:
        """Change a text or caption that was sent."""
        where = path(f"{_ONE}/edit", message_id)
        return post_once(where, model(Accepted), EditMessage(message=message), key=idempotency_key)

    @method
    def revoke(self, message_id: str, *, idempotency_key: str | None = None) -> Call[Accepted]:
        """Delete a message that was sent, for everybody."""
        return post_once(path(f"{_ONE}/revoke", message_id), model(Accepted), key=idempotency_key)

    @method
    def get(self, message_id: str, *, fields: Iterable[str] | None = None) -> Call[MessageView]:
        """Return a message that is sent; WrongDirectionError if it was received.

        `fields` names the optional fields that are wanted, by their names in JSON.
        """
        return get(path(_ONE, message_id), _sent, {"fields": joined(fields)})

    @method
    def get_received(
        self, message_id: str, *, fields: Iterable[str] | None = None
    ) -> Call[ReceivedView]:
        """Return a received message; WrongDirectionError if it is one that is sent."""
        return get(path(_ONE, message_id), _received, {"fields": joined(fields)})

    @listing
    def list(
        self,
        *,
        connection_id: str | None = None,
        status: MessageStatus | Iterable[MessageStatus] | None = None,
        to: str | None = None,
        reference: str | None = None,
        idempotency_key: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        fields: Iterable[str] | None = None,
        page_size: int | None = None,
    ) -> Pages[MessageView]:
        """List the messages that are sent, newest first; `fields` as in `get`."""
        query: Query = {
            "connectionId": connection_id,
            "status": joined(status),
            "to": to,
            "reference": reference,
            "idempotencyKey": idempotency_key,
            "since": since,
            "until": until,
            "fields": joined(fields),
            "limit": page_size,
        }
        return Pages(cast("Call[Page[MessageView]]", get(_ALL, model(MessageList), query)))

    @listing
    def list_received(
        self,
        *,
        connection_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        fields: Iterable[str] | None = None,
        page_size: int | None = None,
    ) -> Pages[ReceivedView]:
        """List the received messages, newest first; the times are those of WhatsApp."""
        query: Query = {
            "direction": "in",
            "connectionId": connection_id,
            "since": since,
            "until": until,
            "fields": joined(fields),
            "limit": page_size,
        }
        return Pages(cast("Call[Page[ReceivedView]]", get(_ALL, model(MessageList), query)))

    @method
    def cancel(self, message_id: str) -> Script[MessageView]:
        """Cancel a message that is queued; ConflictError (`wrong_status`) if it is not."""
        where = path(_ONE, message_id)
        try:
            cancel = Call("DELETE", where, model(MessageView), idempotent=True)
            return (yield from self._attempts(cancel))
        except ConflictError as error:
            if not error.maybe_done:
                raise
            message = yield from self._attempts(get(where, _sent))
            # The first try cancelled it, and its answer was lost.
            if message.status != MessageStatus.CANCELLED:
                raise
            return message

    @method
    def retry(self, message_id: str, *, confirm: bool = False) -> Call[MessageView]:
        """Queue a failed message again; with `confirm` also one that is `unknown`."""
        where = path(f"{_ONE}/retry", message_id)
        return post(where, model(MessageView), Retry(confirm=confirm))

    @method
    def retry_failed(self, connection_id: str, *, reason: str | None = None) -> Call[AcceptedList]:
        """Queue the failed messages of a connection again, all or those with a reason."""
        body = RetryFailed.of(connection_id=connection_id, reason=reason)
        return post(f"{_ALL}/retry", model(AcceptedList), body)

    @method
    def wait_until(
        self,
        message: str | Accepted | MessageView,
        status: MessageStatus | Literal["sent", "delivered", "read"] = MessageStatus.DELIVERED,
        *,
        timeout: timedelta,
        look_every: timedelta = timedelta(seconds=5),
    ) -> Script[MessageView]:
        """Wait until a message is `sent`, `delivered` or `read`, or further, and return it.

        Raises MessageEndedError as soon as it is failed, expired or cancelled, and
        MessageWaitError after `timeout`. An `unknown` message is waited for: WhatsApp may still
        acknowledge it. `look_every` is the longest pause between two looks.
        """
        message_id = message if isinstance(message, str) else message.message_id
        wanted = MessageStatus(status)
        if wanted not in _WAY:
            raise ValueError(f"Wait for one of {', '.join(map(str, _WAY))}.")
        there, seen = yield from looked_at(
            get(path(_ONE, message_id), _sent),
            lambda found: _has_reached(found, wanted),
            self._transport.repeater,
            timeout,
            look_every,
        )
        if seen is None or not there:
            raise MessageWaitError(message_id, seen, str(wanted))
        return seen


def _has_reached(message: MessageView, wanted: MessageStatus) -> bool:
    """Tell whether a message is that far; raise MessageEndedError if it never will be."""
    if message.status in _ENDS:
        raise MessageEndedError(message, str(wanted))
    way = _WAY[:3] if message.kind in _END_AS_SENT else _WAY
    if wanted not in way:
        raise ValueError(f"A message of the kind {message.kind} ends as sent; wait for that.")
    return message.status in way[way.index(wanted) :]


def _bulk(
    connection_id: str,
    messages: Iterable[MessageRequest],
    priority: Priority | None,
    reference: str | None,
) -> BulkSend:
    return BulkSend.of(
        connection_id=connection_id,
        messages=[*messages],
        priority=priority,
        reference=reference,
    )


def _sent(response: httpx.Response) -> MessageView:
    found = _ANY.validate_json(response.content)
    if not isinstance(found, MessageView):
        raise WrongDirectionError(f"Message {found.message_id} was received: use get_received.")
    return found


def _received(response: httpx.Response) -> ReceivedView:
    found = _ANY.validate_json(response.content)
    if not isinstance(found, ReceivedView):
        raise WrongDirectionError(f"Message {found.message_id} is sent: use get.")
    return found
