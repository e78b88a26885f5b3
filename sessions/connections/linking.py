"""Requests for QR and pairing codes, and the worker's answers, on the connection's record."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pydantic import Field

from sessions.common.errors import LeaseLostError
from sessions.common.ids import new_id
from sessions.common.number_forms import same_line
from sessions.connections.store import HAS_LOGIN
from sessions.storage.record import Record

if TYPE_CHECKING:
    from sessions.connections.leases import Lease
    from sessions.storage.mongo import Collection, Database


_LINK_COUNTS_FOR = timedelta(hours=1)
"""Longer than the page ever takes from a scan until it knows the phone's number."""


class Refused(StrEnum):
    """Why there is no pairing code; a stable code for clients."""

    TOO_MANY = "pairing_rate_limited"
    """WhatsApp gives this number no more codes for now: too many were asked for."""
    NUMBER_REFUSED = "pairing_refused"
    """WhatsApp gives no code for this number."""
    NOT_AVAILABLE = "pairing_not_available"
    """WhatsApp does not offer codes to this number yet: scan the QR code."""
    NUMBER_LINKED = "number_already_linked"
    """Another connection is linked to this number: WhatsApp would end its login for a new code."""
    ALREADY_LINKED = "already_linked"
    """The connection is linked to a phone already."""
    NO_CODE = "no_pairing_code"
    """Any other cause; WhatsApp may give a code at the next try."""


class PairingRefusal(Record):
    """Why a request was refused: `detail` is WhatsApp's error, `retry_at` when to ask again."""

    code: Refused
    detail: str | None = None
    retry_at: datetime | None = None


class Pairing(Record):
    """A request for a pairing code, and its answer once there is one: a code or a refusal."""

    id: str
    phone: str
    code: str | None = None
    refusal: PairingRefusal | None = None
    expires_at: datetime | None = None

    def answered(self, code: str, expires_at: datetime) -> Pairing:
        """Return the request with its code."""
        return self.model_copy(update={"code": code, "expires_at": expires_at})

    def refused(self, refusal: PairingRefusal) -> Pairing:
        """Return the request with its refusal."""
        return self.model_copy(update={"refusal": refusal})

    def holds(self, phone: str, now: datetime) -> bool:
        """Tell whether the answer is a code for this phone that still works."""
        works = self.code is not None and self.expires_at is not None and now < self.expires_at
        return works and self.phone == phone


class LinkedHere(Record):
    """The connection that is linked to a number."""

    id: str = Field(alias="_id")
    owner: str
    connection_id: str


class LinkingRequests:
    """Store when QR codes were asked for, and the newest request for a pairing code."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["connections"]

    async def ask_for_qr(
        self, connection: str, waits: timedelta = timedelta(0), *, by_link: bool = False
    ) -> None:
        """Record that somebody asks for a QR code, and goes on asking while they wait (`waits`).

        `by_link` says that they use a signed link.
        """
        until = {"$add": ["$$NOW", waits // timedelta(milliseconds=1)]}
        changes: dict[str, Any] = {"qrAskedAt": {"$max": ["$qrAskedAt", until]}}
        if by_link:
            changes["linkShownAt"] = "$$NOW"
        await self._collection.update_one({"_id": connection}, [{"$set": changes}])

    async def link_was_shown(self, connection: str) -> bool:
        """Tell whether the phone linked now may have been linked through a signed link."""
        span = _LINK_COUNTS_FOR // timedelta(milliseconds=1)
        lately = {"$expr": {"$lt": [{"$subtract": ["$$NOW", "$linkShownAt"]}, span]}}
        shown = {"_id": connection, "linkShownAt": {"$ne": None}, **lately}
        return await self._collection.count_documents(shown) > 0

    async def qr_is_asked_for(self, connection: str, within: timedelta) -> bool:
        """Tell whether somebody asked lately; creating or starting a connection counts too."""
        since = {"$max": ["$qrAskedAt", "$since", "$createdAt"]}
        span = within // timedelta(milliseconds=1)
        lately = {"$expr": {"$lt": [{"$subtract": ["$$NOW", since]}, span]}}
        return await self._collection.count_documents({"_id": connection, **lately}) > 0

    async def ask_for_pairing(self, connection: str, phone: str) -> str:
        """Ask for a pairing code for a phone; return the id of the request.

        This counts as asking for a QR code too: the person may scan one instead.
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
        """Return the newest request, answered or not."""
        document: dict[str, Any] | None = await self._collection.find_one(
            {"_id": connection}, projection={"pairing": True}
        )
        found = (document or {}).get("pairing")
        return Pairing.model_validate(found) if found else None

    async def paused_until(self, phone: str, now: datetime) -> datetime | None:
        """Return until when WhatsApp gives this number no more codes, if a refusal said so."""
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
        """Answer a request, unless there is a newer one; raise LeaseLostError."""
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
            raise LeaseLostError("the answer to a pairing request was not stored")
