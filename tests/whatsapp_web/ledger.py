"""Record every message that arrives: how often it came and when it was delivered."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.whatsapp_web.database import Database
from tests.whatsapp_web.numbers import e164, split_wid


@dataclass(frozen=True)
class Arrival:
    """What the ledger says of a message that just came in."""

    arrivals: int
    known_recipient: bool

    @property
    def first(self) -> bool:
        """Tell whether this id came for the first time, so that it may be delivered."""
        return self.arrivals == 1


class Ledger:
    """The durable list of messages; a second message with the same id is counted and dropped."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def arrive(
        self,
        sender: str,
        message_id: str,
        recipient: str,
        text: str | None,
        sha256: str | None,
        quoted: str | None,
    ) -> Arrival:
        """Count one arrival and say whether it is the first, and whether the two had talked."""

        def work(connection: sqlite3.Connection) -> Arrival:
            known = connection.execute(
                "SELECT 1 FROM message WHERE delivered_at IS NOT NULL AND "
                "((sender = ? AND recipient = ?) OR (sender = ? AND recipient = ?)) LIMIT 1",
                (sender, recipient, recipient, sender),
            ).fetchone()
            count = connection.execute(
                "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, 1, ?, NULL) "
                "ON CONFLICT (sender, id) DO UPDATE SET arrivals = arrivals + 1 "
                "RETURNING arrivals",
                (message_id, sender, recipient, text, sha256, quoted, _now()),
            ).fetchone()
            return Arrival(arrivals=int(count["arrivals"]), known_recipient=known is not None)

        return await self._database.transact(work)

    async def has_talked(self, sender: str, recipient: str) -> bool:
        """Tell whether a message ever went between the two, in either direction."""
        found = await self._database.row(
            "SELECT 1 FROM message WHERE delivered_at IS NOT NULL AND "
            "((sender = ? AND recipient = ?) OR (sender = ? AND recipient = ?)) LIMIT 1",
            *(sender, recipient, recipient, sender),
        )
        return found is not None

    async def delivered(self, sender: str, message_id: str) -> None:
        """Write down that the recipient has the message."""
        await self._database.write(
            "UPDATE message SET delivered_at = ? WHERE sender = ? AND id = ? "
            "AND delivered_at IS NULL",
            *(_now(), sender, message_id),
        )

    async def sender_of(self, message_id: str, recipient: str) -> str | None:
        """Return who sent a message to this recipient, for read receipts."""
        row = await self._database.row(
            "SELECT sender FROM message WHERE id = ? AND recipient = ?", message_id, recipient
        )
        return None if row is None else str(row["sender"])

    async def entries(self, sender: str | None, recipient: str | None) -> list[dict[str, Any]]:
        """Return the ledger in order of arrival, narrowed by sender and recipient."""
        rows = await self._database.rows(
            "SELECT * FROM message WHERE (? IS NULL OR sender = ?) AND (? IS NULL OR recipient = ?)"
            " ORDER BY first_at, rowid",
            *(sender, sender, recipient, recipient),
        )
        return [_as_entry(row) for row in rows]


def _as_entry(row: sqlite3.Row) -> dict[str, Any]:
    content = {"sha256": row["sha256"]} if row["sha256"] else {"text": row["text"]}
    if row["sha256"] and row["text"]:
        content["caption"] = row["text"]
    if row["quoted"]:
        content["quoted"] = row["quoted"]
    return {
        "id": row["id"],
        "from": _shown(row["sender"]),
        "to": _shown(row["recipient"]),
        **content,
        "arrivals": row["arrivals"],
        "arrivedAt": _iso(row["first_at"]),
        "deliveredAt": _iso(row["delivered_at"]),
    }


def _shown(party: str) -> str:
    return party if "@" in party else e164(split_wid(party)[0])


def _iso(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat()


def _now() -> float:
    return datetime.now(UTC).timestamp()
