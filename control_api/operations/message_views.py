"""Show messages: what they say, where it can be read, and why they wait."""

from __future__ import annotations

from collections.abc import Sequence

from control_api.operations.forecast import waiting_of_all
from control_api.schemas.fields import with_only
from control_api.schemas.messages import MessageView, Waiting
from control_api.services import Services
from sessions.messages.content import Content
from sessions.messages.model import Message
from sessions.messages.sealed_texts import TextKeyMissingError, TextUnreadableError


async def views_of(
    services: Services, messages: Sequence[Message], fields: Sequence[str] = ()
) -> list[MessageView]:
    """Return the views of messages, with these fields besides those that all have (none: all)."""
    waiting = {} if fields and "waiting" not in fields else await waiting_of_all(services, messages)
    return [
        with_only(view_of(services, message, waiting.get(message.id)), fields)
        for message in messages
    ]


async def view_of_one(services: Services, message: Message) -> MessageView:
    """Return the view of one message."""
    (view,) = await views_of(services, [message])
    return view


def view_of(services: Services, message: Message, waiting: Waiting | None) -> MessageView:
    """Return the view of a message that waits for this, if it waits."""
    return MessageView.of(message, waiting, _content_of(services, message))


def _content_of(services: Services, message: Message) -> Content | None:
    """Return what a message says; None where its key is missing or it was changed."""
    try:
        return services.texts.open_content(message)
    except (TextKeyMissingError, TextUnreadableError):
        return None
