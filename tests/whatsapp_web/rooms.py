"""Know the groups and who is in them."""

from __future__ import annotations

import json
import secrets
import sqlite3
from dataclasses import dataclass

from tests.whatsapp_web.database import Database
from tests.whatsapp_web.numbers import GROUP_SERVER


@dataclass(frozen=True)
class Room:
    """One group."""

    id: str
    subject: str
    members: frozenset[str]
    admins: frozenset[str] = frozenset()


class Rooms:
    """The groups, kept in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, subject: str, members: frozenset[str], admins: frozenset[str] = frozenset()
    ) -> Room:
        """Make a group of these numbers, some of which may change who is in it."""
        room_id = f"120363{secrets.randbelow(10**12):012d}@{GROUP_SERVER}"
        lists = (json.dumps(sorted(members)), json.dumps(sorted(admins)))
        await self._database.write("INSERT INTO room VALUES (?, ?, ?, ?)", room_id, subject, *lists)
        return Room(room_id, subject, members, admins)

    async def room(self, room_id: str) -> Room | None:
        """Return a group by its id."""
        row = await self._database.row("SELECT * FROM room WHERE id = ?", room_id)
        return None if row is None else _room(row)

    async def change(self, room_id: str, members: frozenset[str]) -> frozenset[str]:
        """Change who is in a group; return all who were or are."""
        before = await self.room(room_id)
        if before is None:
            raise ValueError(f"no such group: {room_id}")
        await self._database.write(
            "UPDATE room SET members = ? WHERE id = ?", json.dumps(sorted(members)), room_id
        )
        return before.members | members

    async def remove(self, room_id: str) -> frozenset[str]:
        """End a group; return who was in it."""
        before = await self.room(room_id)
        if before is None:
            raise ValueError(f"no such group: {room_id}")
        await self._database.write("DELETE FROM room WHERE id = ?", room_id)
        return before.members

    async def rooms_of(self, number: str) -> list[Room]:
        """Return the groups that a number is in."""
        rows = await self._database.rows("SELECT * FROM room")
        return [room for room in map(_room, rows) if number in room.members]


def _room(row: sqlite3.Row) -> Room:
    members, admins = (frozenset(json.loads(row[name])) for name in ("members", "admins"))
    return Room(row["id"], row["subject"], members, admins)
