"""What passes between an admin who links a phone and the worker that shows the codes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sessions.connections import Record
from sessions.errors import LeaseLostError
from sessions.ids import new_id

if TYPE_CHECKING:
    from sessions.leases import Lease
    from sessions.mongo import Collection, Database


class Pairing(Record):
    """A wish for a pairing code, and its answer once there is one: a code or an error."""

    id: str
    phone: str
    code: str | None = None
    error: str | None = None
    expires_at: datetime | None = None

    def holds(self, phone: str, now: datetime) -> bool:
        """Tell whether it has a code for this phone that still works."""
        works = self.code is not None and self.expires_at is not None and now < self.expires_at
        return works and self.phone == phone


class LinkingDesk:
    """Keeps who asks for codes, and the pairing code asked for last, on the connection's record."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["connections"]

    async def ask_for_qr(self, connection: str) -> None:
        """Note that somebody wants to see a QR code now."""
        await self._collection.update_one({"_id": connection}, [{"$set": {"qrAskedAt": "$$NOW"}}])

    async def qr_is_asked_for(self, connection: str, within: timedelta) -> bool:
        """Tell whether somebody asked lately; making or starting a connection is asking."""
        since = {"$max": ["$qrAskedAt", "$since", "$createdAt"]}
        span = within // timedelta(milliseconds=1)
        lately = {"$expr": {"$lt": [{"$subtract": ["$$NOW", since]}, span]}}
        return await self._collection.count_documents({"_id": connection, **lately}) > 0

    async def ask_for_pairing(self, connection: str, phone: str) -> str:
        """Ask for a pairing code for a phone; return the id of the wish."""
        wish = Pairing(id=new_id(), phone=phone)
        await self._collection.update_one(
            {"_id": connection}, {"$set": {"pairing": wish.model_dump(by_alias=True)}}
        )
        return wish.id

    async def pairing(self, connection: str) -> Pairing | None:
        """Return the wish made last, answered or not."""
        document: dict[str, Any] | None = await self._collection.find_one(
            {"_id": connection}, projection={"pairing": True}
        )
        found = (document or {}).get("pairing")
        return Pairing.model_validate(found) if found else None

    async def answer_pairing(self, lease: Lease, answered: Pairing) -> None:
        """Answer a wish, unless a newer one has come; raise LeaseLostError."""
        result = await self._collection.update_one(
            lease.fence(),
            [
                {
                    "$set": {
                        "pairing": {
                            "$cond": [
                                {"$eq": ["$pairing.id", answered.id]},
                                {"$literal": answered.model_dump(by_alias=True)},
                                "$pairing",
                            ]
                        }
                    }
                }
            ],
        )
        if result.matched_count == 0:
            raise LeaseLostError("a pairing code was not published")
