"""What passes between an admin who links a phone and the worker that shows the codes."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sessions.common.errors import LeaseLostError
from sessions.common.ids import new_id
from sessions.common.number_forms import same_line
from sessions.connections.store import HAS_LOGIN
from sessions.storage.record import Record

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.storage.mongo import Collection, Database


_LINK_COUNTS_FOR = timedelta(hours=1)
"""Longer than it takes from a scan until the page tells the number, whatever the phone does."""


class Refused(StrEnum):
    """Why there is no pairing code; a stable code for clients."""

    TOO_MANY = "pairing_rate_limited"
    """WhatsApp gives this number no more codes for now: it has had too many."""
    NUMBER_REFUSED = "pairing_refused"
    """WhatsApp gives no code for this number."""
    NOT_AVAILABLE = "pairing_not_available"
    """WhatsApp does not offer codes to this number yet: scan the QR code."""
    NUMBER_LINKED = "number_already_linked"
    """A connection here has this number: WhatsApp would end its login for another code."""
    ALREADY_LINKED = "already_linked"
    """The connection has a phone."""
    NO_CODE = "no_pairing_code"
    """Anything else; WhatsApp may give one at the next try."""


class PairingRefusal(Record):
    """A refused wish: `detail` is WhatsApp's own word, `retry_at` when another may be had."""

    code: Refused
    detail: str | None = None
    retry_at: datetime | None = None


class Pairing(Record):
    """A wish for a pairing code, and its answer once there is one: a code or a refusal."""

    id: str
    phone: str
    code: str | None = None
    refusal: PairingRefusal | None = None
    expires_at: datetime | None = None

    def answered(self, code: str, expires_at: datetime) -> Pairing:
        """Return the wish with its code."""
        return self.model_copy(update={"code": code, "expires_at": expires_at})

    def refused(self, refusal: PairingRefusal) -> Pairing:
        """Return the wish with its refusal."""
        return self.model_copy(update={"refusal": refusal})

    def holds(self, phone: str, now: datetime) -> bool:
        """Tell whether it has a code for this phone that still works."""
        works = self.code is not None and self.expires_at is not None and now < self.expires_at
        return works and self.phone == phone


class LinkedHere(Record):
    """Which connection has a number."""

    owner: str
    connection_id: str


class LinkingRequests:
    """Keeps who asks for codes, and the pairing code asked for last, on the connection's record."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["connections"]

    async def ask_for_qr(
        self, connection: str, waits: timedelta = timedelta(0), *, by_link: bool = False
    ) -> None:
        """Note that somebody wants to see a QR code now, perhaps by a signed link.

        Who waits for one asks until the wait is over.
        """
        until = {"$add": ["$$NOW", waits // timedelta(milliseconds=1)]}
        changes: dict[str, Any] = {"qrAskedAt": {"$max": ["$qrAskedAt", until]}}
        if by_link:
            changes["linkShownAt"] = "$$NOW"
        await self._collection.update_one({"_id": connection}, [{"$set": changes}])

    async def link_was_shown(self, connection: str) -> bool:
        """Tell whether a phone that is linked now may have been linked by a signed link."""
        span = _LINK_COUNTS_FOR // timedelta(milliseconds=1)
        lately = {"$expr": {"$lt": [{"$subtract": ["$$NOW", "$linkShownAt"]}, span]}}
        shown = {"_id": connection, "linkShownAt": {"$ne": None}, **lately}
        return await self._collection.count_documents(shown) > 0

    async def qr_is_asked_for(self, connection: str, within: timedelta) -> bool:
        """Tell whether somebody asked lately; making or starting a connection is asking."""
        since = {"$max": ["$qrAskedAt", "$since", "$createdAt"]}
        span = within // timedelta(milliseconds=1)
        lately = {"$expr": {"$lt": [{"$subtract": ["$$NOW", since]}, span]}}
        return await self._collection.count_documents({"_id": connection, **lately}) > 0

    async def ask_for_pairing(self, connection: str, phone: str) -> str:
        """Ask for a pairing code for a phone; return the id of the wish.

        Who types a code may scan one instead, so QR codes go on coming.
        """
        asked = Pairing(id=new_id(), phone=phone)
        await self._collection.update_one(
            {"_id": connection},
            {
                "$set": {"pairing": asked.model_dump(by_alias=True)},
                "$currentDate": {"qrAskedAt": True},
            },
        )
        return asked.id

    async def pairing(self, connection: str) -> Pairing | None:
        """Return the wish made last, answered or not."""
        document: dict[str, Any] | None = await self._collection.find_one(
            {"_id": connection}, projection={"pairing": True}
        )
        found = (document or {}).get("pairing")
        return Pairing.model_validate(found) if found else None

    async def paused_until(self, phone: str, now: datetime) -> datetime | None:
        """Return until when WhatsApp gives this number no more codes, as far as we have heard."""
        document = await self._collection.find_one(
            {"pairing.phone": {"$eq": phone}, "pairing.refusal.retryAt": {"$gt": now}},
            projection={"pairing": True},
            sort=[("pairing.refusal.retryAt", -1)],
        )
        refusal = Pairing.model_validate(document["pairing"]).refusal if document else None
        return refusal.retry_at if refusal else None

    async def linked_here(self, phone: str) -> LinkedHere | None:
        """Return a connection, of any owner, whose login is that of this number.

        WhatsApp ended the live login of a number for which a pairing code was asked (measured
        twice in September 2026), so no code may be asked for then.
        """
        document = await self._collection.find_one(
            {"linkedNumber": {"$in": sorted(same_line(phone))}, "$expr": HAS_LOGIN},
            projection={"owner": True, "connectionId": True},
        )
        return LinkedHere.model_validate(document) if document else None

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
