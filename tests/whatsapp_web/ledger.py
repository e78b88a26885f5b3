"""Record every message that arrives: how often it came and when it was delivered."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.whatsapp_web.database import Database
from tests.whatsapp_web.numbers import e164, split_wid
from tests.whatsapp_web.outgoing import CHANGES, Outgoing


@dataclass(frozen=True)
class Arrival:
    """What the ledger says of a message that just came in."""

    arrivals: int
    known_recipient: bool

    @property
    def first(self) -> bool:
        """Tell whether this id came for the first time, so that it may be delivered."""
        return self.arrivals == 1


@dataclass(frozen=True)
class Kept:
    """One message of the ledger."""

    id: str
    sender: str
    recipient: str
    type: str
    text: str | None
    options: tuple[str, ...]


class Ledger:
    """The durable list of messages; a second message with the same id is counted and dropped."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def arrive(
        self, sender: str, recipient: str, outgoing: Outgoing, sha256: str | None
    ) -> Arrival:
        """Count one arrival and say whether it is the first, and whether the two had talked."""

        def work(connection: sqlite3.Connection) -> Arrival:
            known = connection.execute(
                "SELECT 1 FROM message WHERE delivered_at IS NOT NULL AND "
                "((sender = ? AND recipient = ?) OR (sender = ? AND recipient = ?)) LIMIT 1",
                (sender, recipient, recipient, sender),
            ).fetchone()
            row = (outgoing.id, sender, recipient, outgoing.text, sha256, outgoing.quoted)
            mimetype = outgoing.message.get("mimetype")
            kind = (outgoing.type, mimetype, json.dumps(outgoing.options))
            count = connection.execute(
                "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, NULL) "
                "ON CONFLICT (sender, id) DO UPDATE SET arrivals = arrivals + 1 "
                "RETURNING arrivals",
                (*row, *kind, _now()),
            ).fetchone()
            return Arrival(arrivals=int(count["arrivals"]), known_recipient=known is not None)

        return await self._database.transact(work)

    async def find(self, message_id: str, parties: Sequence[str]) -> Kept | None:
        """Return a message that one of these numbers or groups has sent or got."""
        marks = ", ".join("?" * len(parties))
        row = await self._database.row(
            f"SELECT * FROM message WHERE id = ? AND (sender IN ({marks}) "  # noqa: S608 - marks
            f"OR recipient IN ({marks}))",
            *(message_id, *parties, *parties),
        )
        if row is None:
            return None
        about = (row["id"], row["sender"], row["recipient"], row["type"], row["text"])
        return Kept(*about, options=tuple(json.loads(row["options"])))

    async def change(self, kept: Kept, who: str, kind: str, value: str) -> None:
        """Write down what somebody did to a message; the last of each kind counts."""
        await self._database.write(
            "INSERT OR REPLACE INTO change_of_message VALUES (?, ?, ?, ?, ?)",
            *(kept.sender, kept.id, who, kind, value),
        )

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
        changes: defaultdict[tuple[str, str], list[sqlite3.Row]] = defaultdict(list)
        for row in await self._database.rows("SELECT * FROM change_of_message ORDER BY rowid"):
            changes[row["sender"], row["id"]].append(row)
        return [_as_entry(row, changes[row["sender"], row["id"]]) for row in rows]


def _as_entry(row: sqlite3.Row, changes: Sequence[sqlite3.Row]) -> dict[str, Any]:
    content = {"sha256": row["sha256"]} if row["sha256"] else {"text": row["text"]}
    if row["sha256"] and row["text"]:
        content["caption"] = row["text"]
    if row["mimetype"]:
        content["mimetype"] = row["mimetype"]
    if row["quoted"]:
        content |= {"quoted": row["quoted"], "replyTo": row["quoted"]}
    return {
        "id": row["id"],
        "from": _shown(row["sender"]),
        "to": _shown(row["recipient"]),
        "type": row["type"],
        **content,
        **_changed(changes),
        "arrivals": row["arrivals"],
        "arrivedAt": _iso(row["first_at"]),
        "deliveredAt": _iso(row["delivered_at"]),
    }


def _changed(changes: Sequence[sqlite3.Row]) -> dict[str, Any]:
    """Tell what was done to a message: reactions that stand, the text of the last edit."""
    of = {kind: [row for row in changes if row["kind"] == kind] for kind in CHANGES.values()}
    return {
        "reactions": [
            {"from": e164(row["who"]), "emoji": row["value"]}
            for row in of["reaction"]
            if row["value"]
        ],
        "edited": next((row["value"] for row in of["edit"]), None),
        "revoked": bool(of["revoke"]),
        **({"votes": [_vote(row) for row in of["vote"]]} if of["vote"] else {}),
    }


def _vote(row: sqlite3.Row) -> dict[str, Any]:
    return {"from": e164(row["who"]), "options": json.loads(row["value"])}


def _shown(party: str) -> str:
    return party if "@" in party else e164(split_wid(party)[0])


def _iso(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat()


def _now() -> float:
    return datetime.now(UTC).timestamp()
