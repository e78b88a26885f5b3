"""Show received messages, both directions of a chat, and chats."""

from __future__ import annotations

from collections.abc import Sequence

from control_api.operations.message_views import views_of
from control_api.schemas.conversations import ChatView, ReceivedView
from control_api.schemas.fields import with_only
from control_api.schemas.messages import MessageView
from control_api.services import Services
from sessions.connections.model import Connection
from sessions.conversations.chats import Chat
from sessions.conversations.documents import Content, Documents
from sessions.conversations.model import ReceivedMessage
from sessions.conversations.sides import Entry, time_of
from sessions.messages.model import Message
from sessions.messages.sealed_texts import TextKeyMissingError, TextUnreadableError
from sessions.recipients.address import number_of


def received_view(
    services: Services, message: ReceivedMessage, fields: Sequence[str] = ()
) -> ReceivedView:
    """Return the view of a received message."""
    return with_only(ReceivedView.of(message, _content_of(services, message)), fields)


async def entry_views(
    services: Services, entries: Sequence[Entry], fields: Sequence[str] = ()
) -> list[MessageView | ReceivedView]:
    """Return the views of sent and received messages, in their order."""
    sent = [each for each in entries if isinstance(each, Message)]
    of_sent = iter(await views_of(services, sent, fields))
    return [
        received_view(services, each, fields)
        if isinstance(each, ReceivedMessage)
        else next(of_sent)
        for each in entries
    ]


async def chat_views(
    services: Services, connection: Connection, chats: Sequence[Chat]
) -> list[ChatView]:
    """Return the views of a connection's chats."""
    newest = await entry_views(services, [each.last for each in chats])
    return [
        ChatView(
            chat_id=chat.chat_id,
            connection_id=connection.connection_id,
            owner=connection.owner,
            name=_name_of(chat),
            number=number_of(chat.chat_id),
            unread=chat.unread,
            last_message=last,
            last_at=time_of(chat.last),
        )
        for chat, last in zip(chats, newest, strict=True)
    ]


def _name_of(chat: Chat) -> str | None:
    received = chat.last_received
    return None if received is None or received.is_from_group else received.sender_name


def _content_of(services: Services, message: ReceivedMessage) -> Content | None:
    """Return what a message says; None where its key is missing or it was changed."""
    try:
        return Documents(services.texts).open(message)
    except (TextKeyMissingError, TextUnreadableError):
        return None
