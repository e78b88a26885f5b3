"""Messages that are planned ahead: stored once under a fixed id, changed, withdrawn, revived."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pymongo import UpdateOne
from ulid import ULID

from sessions.common.ids import new_id
from sessions.encryption.sealed_value import SealedValue
from sessions.messages.content import Text
from sessions.messages.events import status_event
from sessions.messages.model import (
    OPTED_OUT,
    SUPERSEDED,
    Draft,
    Message,
    MessageStatus,
    Plan,
    Priority,
)
from sessions.messages.outbox import CANCELLED
from sessions.messages.states import Happening, becomes, may
from sessions.recipients.address import parse_recipient

if TYPE_CHECKING:
    from collections.abc import Collection as Ids

    from sessions.events.log import EventLog
    from sessions.messages.acceptance import Acceptance
    from sessions.storage.mongo import Collection, Database

NO_LONGER_ELIGIBLE = "no_longer_eligible"
"""Why a message stays cancelled: its recipient is not to get it any more."""
_AT_ONCE = 500


def planned_id(at: datetime, *key: str) -> str:
    """Return the id of a message by what it is planned for; `at` has to be the same each time.

    Everybody who plans the same message makes the same id, and the outbox stores each id once.
    """
    digest = hashlib.sha256("\x00".join(key).encode()).digest()
    milliseconds = max(0, int(at.timestamp() * 1000))
    return str(ULID.from_bytes(milliseconds.to_bytes(6) + digest[:10])).lower()


@dataclass(frozen=True)
class PlannedMessage:
    """A message as its planner wants it now; without `send_at` it goes at once."""

    id: str
    to: str
    text: str
    plan: Plan
    priority: Priority = Priority.NORMAL
    send_at: datetime | None = None
    expires_at: datetime | None = None


class PlannedMessages:
    """Keep planned messages in the outbox as their planner wants them.

    A message that was claimed is left alone. A planner that knows an older revision of the subject
    changes nothing that a newer one has written. Calls can be repeated.
    """

    def __init__(self, database: Database, acceptance: Acceptance, events: EventLog) -> None:
        self._messages: Collection = database["messages"]
        self._acceptance = acceptance
        self._events = events

    async def known(self, ids: Sequence[str]) -> dict[str, Message]:
        """Return the messages that are stored under these ids, by id."""
        cursor = self._messages.find({"_id": {"$in": list(ids)}})
        return {str(each["_id"]): Message.model_validate(each) async for each in cursor}

    async def about(self, subjects: Sequence[str]) -> list[Message]:
        """Return all messages about these subjects, oldest first."""
        cursor = self._messages.find({"plan.subject": {"$in": list(subjects)}}, sort=[("_id", 1)])
        return [Message.model_validate(each) async for each in cursor]

    async def add(self, owner: str, connection_id: str, wanted: Sequence[PlannedMessage]) -> None:
        """Accept messages; those whose id is stored already are not changed.

        Raises ConnectionNotFoundError or QueueFullError, and then accepts none.
        """
        texts = self._acceptance.texts
        drafts = [
            Draft(
                id=each.id,
                to=parse_recipient(each.to).chat_id,
                text=texts.seal_content(each.id, Text(text=each.text)).text,
                priority=each.priority,
                send_at=each.send_at,
                expires_at=each.expires_at,
                plan=each.plan,
            )
            for each in wanted
        ]
        if drafts:
            await self._acceptance.accept_drafts(owner, connection_id, drafts)

    async def revise(self, wanted: Sequence[PlannedMessage]) -> None:
        """Change waiting messages to what is wanted now, and revive those that were withdrawn."""
        if not wanted:
            return
        # The mark finds the messages that this call revived: others plan at the same time.
        mark = new_id()
        updates = [update for each in wanted for update in self._updates(each, mark)]
        await self._messages.bulk_write(updates, ordered=False)
        revived = {"_id": {"$in": [each.id for each in wanted]}, "revivedIn": mark}
        await self._publish(revived)

    def _updates(self, wanted: PlannedMessage, mark: str) -> list[UpdateOne]:
        sealed = self._acceptance.texts.seal_content(wanted.id, Text(text=wanted.text)).text
        due = {"$literal": wanted.send_at} if wanted.send_at else "$$NOW"
        # What it waited for (a check of its number, the limit of new chats) is found out anew.
        due_at = {"$max": [due, "$queuedAt"]}
        to = {"$literal": parse_recipient(wanted.to).chat_id}
        changes: dict[str, Any] = {
            "to": to,
            "conversation": to,
            "conversationAt": due_at,
            "dueAt": due_at,
            "text": {
                "$literal": sealed.model_dump(by_alias=True)
                if isinstance(sealed, SealedValue)
                else sealed
            },
            "priority": {"$literal": int(wanted.priority)},
            "expiresAt": {"$literal": wanted.expires_at} if wanted.expires_at else "$$REMOVE",
            "plan": {"$literal": wanted.plan.model_dump(by_alias=True, exclude_none=True)},
            "reason": None,
            "putOff": "$$REMOVE",
        }
        older = {"_id": wanted.id, "plan.revision": {"$lte": wanted.plan.revision}}
        again = {**changes, "attempts": 0, "endedAt": None, "revivedIn": mark}
        withdrawn = {**older, **may(Happening.PLANNED_AGAIN), "reason": _WITHDRAWN}
        return [
            UpdateOne({**older, **may(Happening.WITHDRAWN)}, [{"$set": changes}]),
            UpdateOne(withdrawn, becomes(Happening.PLANNED_AGAIN, again)),
        ]

    async def withdraw(
        self, which: dict[str, Any], *, opted_out: bool = False, up_to: int | None = None
    ) -> int:
        """Take back waiting messages that match, planned by a revision `up_to` this; count them.

        They end as `cancelled` (`superseded`), or as `failed` (`opted_out`).
        """
        older = {} if up_to is None else {"plan.revision": {"$lte": up_to}}
        waiting = {**which, **older, **may(Happening.WITHDRAWN)}
        happening = Happening.OPTED_OUT if opted_out else Happening.WITHDRAWN
        changes = {"reason": OPTED_OUT} if opted_out else CANCELLED | {"reason": SUPERSEDED}
        count = 0
        cursor = self._messages.find(waiting, {"_id": True}, limit=_AT_ONCE)
        while found := [each["_id"] async for each in cursor]:
            mark = {"withdrawnIn": new_id()}
            ended = await self._messages.update_many(
                {**waiting, "_id": {"$in": found}}, becomes(happening, {**changes, **mark})
            )
            count += ended.modified_count
            await self._publish({"_id": {"$in": found}, **mark})
            cursor = cursor.clone()
        return count

    async def withdrawn(self, origin: str, limit: int) -> list[Message]:
        """Return messages of an origin that were withdrawn, oldest first."""
        which = {
            "plan.origin": origin,
            "status": MessageStatus.CANCELLED,
            "reason": SUPERSEDED,
        }
        cursor = self._messages.find(which, sort=[("_id", 1)], limit=limit)
        return [Message.model_validate(each) async for each in cursor]

    async def leave_withdrawn(self, ids: Ids[str]) -> None:
        """Let withdrawn messages be cancelled for good, so that `withdrawn` finds them no more."""
        which = {"_id": {"$in": [*ids]}, "status": MessageStatus.CANCELLED, "reason": SUPERSEDED}
        await self._messages.update_many(which, {"$set": {"reason": NO_LONGER_ELIGIBLE}})

    async def subjects_waiting(self, origin: str) -> list[str]:
        """Return what the waiting messages of an origin are about."""
        waiting = {"plan.origin": origin, "status": MessageStatus.QUEUED}
        return [str(each) for each in await self._messages.distinct("plan.subject", waiting)]

    async def waiting(self, origin: str) -> int:
        """Count the messages of an origin that are still to be sent."""
        unsent = {"$in": [MessageStatus.QUEUED, MessageStatus.SENDING]}
        return await self._messages.count_documents({"plan.origin": origin, "status": unsent})

    async def _publish(self, which: dict[str, Any]) -> None:
        changed = [Message.model_validate(each) async for each in self._messages.find(which)]
        self._events.publish(*(status_event(each) for each in changed))


_WITHDRAWN = {"$in": [SUPERSEDED, OPTED_OUT]}
