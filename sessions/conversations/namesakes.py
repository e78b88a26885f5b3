"""Messages of different people with the same id: a sender chooses the id, so it proves nothing.

In a group the author is a part of the key. In the chat of a person it is not, since WhatsApp Web
moves such a chat from the number to a LID. So whoever comes second with an id gets a key of his
own, and what happens to a message is applied only if its sender did it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from sessions.conversations.identity import MessageName
from sessions.conversations.seen import Arrival, Edit, Response, Revocation, Sighting
from sessions.conversations.stored import Stored, ids_of
from sessions.recipients.address import account_of

_Changed = TypeVar("_Changed", Edit, Revocation)
_SERVERS = ("@lid", "@c.us")


@dataclass(frozen=True)
class Namesakes:
    """Compare who has sent what is stored with who is seen, by the keys of the messages."""

    stored: Mapping[str, Stored]

    def changes(self, sighting: Sighting) -> Sighting:
        """Return the changes with the names under which each sender's messages are stored."""
        return Sighting(
            edits=tuple(map(self._change, sighting.edits)),
            revocations=tuple(map(self._change, sighting.revocations)),
            responses=tuple(map(self._response, sighting.responses)),
        )

    def arrival(self, seen: Arrival) -> Arrival:
        """Return a message with a name of its own if its name is that of somebody else's."""
        ids = ids_of(seen.name.chat_id, seen.sender, number=seen.from_number)
        same = self._are_same(seen.name, ids)
        if same is None:
            # Most likely its chat has moved to a LID. That is enough to record nothing twice, but
            # not to change anything.
            return replace(seen, edited_at=None, revoked_at=None)
        return seen if same else replace(seen, name=_apart(seen.name, seen.from_number))

    def _change(self, change: _Changed) -> _Changed:
        ids = ids_of(change.target.chat_id, number=change.from_number)
        if self._are_same(change.target, ids):
            return change
        return replace(change, target=_apart(change.target, change.from_number))

    def _response(self, response: Response) -> Response:
        """Return a response to the message of that chat; in doubt it is the one that is stored."""
        ids = ids_of(response.target.chat_id, number=None)
        if self._are_same(response.target, ids) is not False:
            return response
        return replace(response, target=_apart(response.target, None))

    def _are_same(self, name: MessageName, ids: frozenset[str]) -> bool | None:
        """Tell whether these are ids of the sender of the stored message; None if unknown."""
        stored = self.stored.get(name.unique)
        if not name.in_private or stored is None or stored.sender & ids:
            return True
        known = (_of(server, stored.sender) and _of(server, ids) for server in _SERVERS)
        return False if any(known) else None


def _apart(name: MessageName, number: str | None) -> MessageName:
    """Return a name with which the message is the sender's alone."""
    return replace(name, apart=account_of(number) if number else name.chat_id)


def _of(server: str, ids: frozenset[str]) -> bool:
    return any(each.endswith(server) for each in ids)
