"""Save the HTML of a WhatsApp Web page that worked, to open pages from it in an emergency.

All workers share one saved page: WhatsApp serves the same page to everybody, and it holds no login.
A worker that starts only after WhatsApp broke its page could not have one of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import zstandard

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

KEPT_FOR = timedelta(days=14)
"""An older page is not used: WhatsApp stops serving the scripts that it loads."""
RENEWED_AFTER = timedelta(hours=6)
MOST_BYTES = 4 * 1024 * 1024
"""The most bytes of HTML; pages of 2026 have less than 1 MB, a document may have 16 MB."""
_HTML, _SWITCH = "html", "switch"


@dataclass(frozen=True)
class SavedHtml:
    """A page as WhatsApp served it: its own name for its version, and its policy headers."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    version: str | None
    saved_at: datetime

    @property
    def sha256(self) -> str:
        """The digest of the body."""
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True)
class GivenUp:
    """When and why the saved page was given up, and which page it was."""

    at: datetime
    why: str
    sha256: str


@dataclass(frozen=True)
class SavedHtmlStatus:
    """Whether the saved page is to be used, which page it is, and whether it was given up."""

    on: bool
    saved_at: datetime | None = None
    version: str | None = None
    sha256: str | None = None
    given_up: GivenUp | None = None


class SavedHtmlStore:
    """Keep one page, and the operator's switch that lets connections open from it."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["savedHtml"]

    async def is_due(self, url: str, now: datetime) -> bool:
        """Tell whether there is no page of this address, or an old one."""
        fresh = {"_id": _HTML, "url": {"$eq": url}, "savedAt": {"$gt": now - RENEWED_AFTER}}
        return await self._collection.find_one(fresh, {"_id": True}) is None

    async def save(self, html: SavedHtml) -> bool:
        """Replace the saved page; return False if the new one is too large.

        Save only a page that has worked.
        """
        if len(html.body) > MOST_BYTES:
            return False
        document = {
            "url": html.url,
            "body": zstandard.compress(html.body),
            "headers": [list(each) for each in html.headers.items()],
            "version": html.version,
            "sha256": html.sha256,
            "savedAt": html.saved_at,
        }
        await self._collection.replace_one({"_id": _HTML}, document, upsert=True)
        return True

    async def to_serve(self, url: str, now: datetime) -> SavedHtml | None:
        """Return the saved page of this address, if it is switched on, recent and not given up."""
        status = await self.status()
        if not status.on or status.given_up is not None:
            return None
        young = {"_id": _HTML, "url": {"$eq": url}, "savedAt": {"$gt": now - KEPT_FOR}}
        found: dict[str, Any] | None = await self._collection.find_one(young)
        if found is None:
            return None
        html = SavedHtml(
            url=found["url"],
            body=zstandard.decompress(found["body"], max_output_size=MOST_BYTES),
            headers=dict(found["headers"]),
            version=found["version"],
            saved_at=found["savedAt"],
        )
        return html if html.sha256 == found["sha256"] else None

    async def switch(self, on: bool, now: datetime) -> None:
        """Switch the saved page on or off; a page that was given up may be used again."""
        change = {"$set": {"on": on, "at": now}, "$unset": {"givenUp": True}}
        await self._collection.update_one({"_id": _SWITCH}, change, upsert=True)

    async def give_up(self, sha256: str, why: str, now: datetime) -> bool:
        """Stop using this page until it is switched on again; tell whether it was in use."""
        given_up = {"at": now, "why": why, "sha256": sha256}
        before = {"_id": _SWITCH, "on": True, "givenUp.sha256": {"$ne": sha256}}
        done = await self._collection.update_one(before, {"$set": {"givenUp": given_up}})
        return bool(done.modified_count)

    async def status(self) -> SavedHtmlStatus:
        """Return the status of the saved page."""
        parts = {each["_id"]: each async for each in self._collection.find({}, {"body": False})}
        html, switch = parts.get(_HTML, {}), parts.get(_SWITCH, {})
        given_up = switch.get("givenUp")
        if given_up is not None and given_up["sha256"] != html.get("sha256"):
            given_up = None  # a new page was saved meanwhile
        return SavedHtmlStatus(
            on=bool(switch.get("on")),
            saved_at=html.get("savedAt"),
            version=html.get("version"),
            sha256=html.get("sha256"),
            given_up=GivenUp(**given_up) if given_up else None,
        )
