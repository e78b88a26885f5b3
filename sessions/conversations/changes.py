"""The filters and updates that change received messages: each does nothing the second time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pymongo import UpdateOne

from sessions.conversations.identity import MessageName
from sessions.conversations.model import ReceivedType
from sessions.events.log import EventType
from sessions.messages.responses import Reaction, Vote, news_of, with_response
from sessions.outgoing_events import pending

if TYPE_CHECKING:
    from sessions.connections.leases import Lease

PRESENT = {"erased": None}
"""The filter for messages that are not erased; of those only the unique key is kept."""

MARK = "changedIn"
"""The field by which a message that was changed is found right afterwards."""

_FIELD = {Reaction: "reactions", Vote: "votes"}
_EVENT = {Reaction: EventType.MESSAGE_REACTION, Vote: EventType.POLL_VOTE}


@dataclass(frozen=True)
class Change:
    """One change: which message, how, and the digest of its key, by which it is logged."""

    found: dict[str, Any]
    update: dict[str, Any]
    digest: str

    @property
    def operation(self) -> UpdateOne:
        """The change as MongoDB's driver takes it."""
        return UpdateOne(self.found, [{"$set": self.update}])


class Changes:
    """Build the updates of one lease; `mark` finds the messages that they have changed."""

    def __init__(self, lease: Lease, mark: dict[str, Any]) -> None:
        self._lease = lease
        self._mark = mark

    def content(self, name: MessageName, content: dict[str, Any]) -> Change:
        """Give a ciphertext its content, and tell of the message."""
        content = {field: {"$literal": value} for field, value in content.items()}
        waits = {**self._received(name), "type": ReceivedType.CIPHERTEXT}
        return self._update(name, waits, content | pending.adds(EventType.MESSAGE_RECEIVED))

    def edit(self, name: MessageName, text: Any, at: datetime) -> Change:
        """Change a message's text, unless a later edit or a revocation was before."""
        older = {"$or": [{"editedAt": None}, {"editedAt": {"$lt": at}}]}
        standing = {**self._received(name), "revokedAt": None, **older, **_HAS_CONTENT}
        changed = {"text": {"$literal": text}, "editedAt": at}
        # Without the text: a message can be edited often, and each text is long.
        told = pending.adds(EventType.MESSAGE_EDITED)
        return self._update(name, standing, changed | told)

    def revocation(self, name: MessageName, at: datetime) -> Change:
        """Note that a message was revoked; its content stays."""
        standing = {**self._received(name), "revokedAt": None}
        told = pending.adds(EventType.MESSAGE_REVOKED)
        return self._update(name, standing, {"revokedAt": at} | told)

    def response(self, name: MessageName, response: Reaction | Vote) -> Change:
        """Note a reaction or a vote: at a received message, or at one that we have sent."""
        field = _FIELD[type(response)]
        found = self._sent(name) if name.from_me else self._received(name)
        facts = {"response": {"$literal": response.model_dump(by_alias=True, exclude_none=True)}}
        return self._update(
            name,
            {**found, **news_of(field, response)},
            with_response(field, response) | pending.adds(_EVENT[type(response)], facts),
        )

    def _received(self, name: MessageName) -> dict[str, Any]:
        return {
            "connection": self._lease.connection,
            "key": name.unique,
            "generation": {"$lte": self._lease.generation},
            **PRESENT,
        }

    def _sent(self, name: MessageName) -> dict[str, Any]:
        return {"connection": self._lease.connection, "bareId": name.bare_id}

    def _update(self, name: MessageName, found: dict[str, Any], changes: dict[str, Any]) -> Change:
        # The generation of a message that we send belongs to its claim.
        fence = {} if name.from_me else {"generation": self._lease.generation}
        return Change(found, {**changes, **fence, **self._mark}, name.unique)


_HAS_CONTENT = {"type": {"$nin": [ReceivedType.CIPHERTEXT, ReceivedType.REVOKED]}}
