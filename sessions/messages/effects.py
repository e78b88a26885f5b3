"""Record what was done to a message: an edit, a revocation, our reaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessions.messages.content import Content, Edit, Reaction, Revoke
from sessions.messages.model import Message
from sessions.messages.sealed_texts import (
    StoredContent,
    TextKeyMissingError,
    TextSealer,
    TextUnreadableError,
)

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.storage.mongo import Collection, Database

_RECEIVED = "receivedMessages"


class Effects:
    """Change the messages to which something was done; recording it twice changes nothing more.

    This is written before the action itself is recorded as sent, so a crash between the two
    loses neither: the action is done again, and the page finds it done.
    """

    def __init__(self, database: Database, texts: TextSealer) -> None:
        self._sent: Collection = database["messages"]
        self._received: Collection = database[_RECEIVED]
        self._texts = texts

    async def record(self, lease: Lease, action: Message, by: str | None) -> None:
        """Record the effect of an action; `by` is the id with which our account reacted.

        An action whose content cannot be decrypted any more leaves only its own record.
        """
        try:
            content = self._texts.open_content(action)
        except (TextKeyMissingError, TextUnreadableError):
            return
        target = {"_id": action.target, "connection": lease.connection}
        await self._apply(target, content, by)

    async def _apply(self, target: dict[str, Any], content: Content, by: str | None) -> None:
        match content:
            case Edit():
                await self._edit(target, content)
            case Revoke():
                await self._sent.update_one(target, [{"$set": {"revokedAt": _once("revokedAt")}}])
            case Reaction() if by is not None:
                changes = {"reactions": _with_own(content, by)}
                for collection in (self._sent, self._received):
                    await collection.update_one(target, [{"$set": changes}])

    async def _edit(self, target: dict[str, Any], edit: Edit) -> None:
        document = await self._sent.find_one(target)
        changes: dict[str, Any] = {"editedAt": "$$NOW"}
        if document is not None and (stored := self._edited(document, edit)) is not None:
            changes |= {name: {"$literal": each} for name, each in stored.to_document().items()}
        await self._sent.update_one(target, [{"$set": changes}])

    def _edited(self, document: dict[str, Any], edit: Edit) -> StoredContent | None:
        """Return the new content of a message; None if it cannot be read to be changed."""
        message = Message.model_validate(document)
        try:
            content = self._texts.open_content(message).with_text(edit.text)
        except (TextKeyMissingError, TextUnreadableError):
            return None
        return self._texts.seal_content(message.id, content)


def _once(field: str) -> dict[str, Any]:
    return {"$ifNull": [f"${field}", "$$NOW"]}


def _with_own(reaction: Reaction, by: str) -> dict[str, Any]:
    """Return the expression for the reactions with this one in place of our earlier one."""
    own = {"$or": [{"$eq": ["$$this.from", {"$literal": by}]}, {"$eq": ["$$this.fromMe", True]}]}
    before = {"$ifNull": ["$reactions", []]}
    others = {"$filter": {"input": before, "cond": {"$not": [own]}}}
    ours = {
        "from": {"$literal": by},
        "emoji": {"$literal": reaction.emoji},
        "at": "$$NOW",
        "fromMe": True,
    }
    return {"$concatArrays": [others, [ours]]}
