"""Chats: who was written with, and what."""

from __future__ import annotations

from collections.abc import Iterable

from chatgrow_client.calls import Call, Query, get, joined, model, path, post
from chatgrow_client.group import Group, Transport, listing, method
from chatgrow_client.models import (
    ChatList,
    ChatView,
    ConversationPage,
    GroupList,
    GroupView,
    MessageView,
    ReadView,
    ReceivedView,
    Typing,
    TypingView,
)
from chatgrow_client.pages import Pages

_ALL = "/api/whatsapp/chats"
_ONE = "/api/whatsapp/chats/{}"


class Chats(Group[Transport]):
    """The chats of a connection; a chat is named by a number or a WhatsApp id."""

    @listing
    def list(self, connection_id: str, *, page_size: int | None = None) -> Pages[ChatView]:
        """List the chats, the one with the newest message first."""
        query: Query = {"connectionId": connection_id, "limit": page_size}
        return Pages(get(_ALL, model(ChatList), query))

    @listing
    def messages(
        self,
        connection_id: str,
        chat_id: str,
        *,
        fields: Iterable[str] | None = None,
        page_size: int | None = None,
    ) -> Pages[MessageView | ReceivedView]:
        """List the messages of a chat in both directions, newest first.

        `fields` names the optional fields that are wanted, by their names in JSON.
        """
        query: Query = {
            "connectionId": connection_id,
            "fields": joined(fields),
            "limit": page_size,
        }
        return Pages(get(path(f"{_ONE}/messages", chat_id), model(ConversationPage), query))

    @method
    def mark_read(self, connection_id: str, chat_id: str) -> Call[ReadView]:
        """Mark a chat as read; the sender sees that."""
        query = {"connectionId": connection_id}
        where = path(f"{_ONE}/read", chat_id)
        return post(where, model(ReadView), query=query, idempotent=True)

    @method
    def show_typing(self, connection_id: str, chat_id: str, seconds: int = 5) -> Call[TypingView]:
        """Show for some seconds, at most 30, that somebody is typing."""
        query = {"connectionId": connection_id}
        where = path(f"{_ONE}/typing", chat_id)
        return post(where, model(TypingView), Typing(seconds=seconds), query=query)


class Groups(Group[Transport]):
    """The WhatsApp groups of a connection."""

    @listing
    def list(self, connection_id: str) -> Pages[GroupView]:
        """List the groups with their participants, as the page of the connection has them."""
        query = {"connectionId": connection_id}
        return Pages(get("/api/whatsapp/groups", model(GroupList), query))
