"""Sign-ins: each has one refresh token at a time; an old one that comes again ends it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sessions.errors import DomainError
from sessions.ids import new_id

if TYPE_CHECKING:
    from sessions.mongo import Collection, Database

_USED_TOKENS_KNOWN = 200


class BadRefreshTokenError(DomainError):
    """The refresh token is unknown, used, or its time is over."""

    code = "invalid_refresh_token"

    def __init__(self) -> None:
        super().__init__("This refresh token does not work (any more). Sign in again.")


@dataclass(frozen=True)
class SignIn:
    """A sign-in and the refresh token that continues it, which is not kept."""

    id: str
    user: str
    refresh_token: str


class SignInStore:
    """Start, continue and end sign-ins; every access token belongs to one that is still there."""

    def __init__(self, database: Database) -> None:
        self._collection: Collection = database["signIns"]

    async def prepare(self) -> None:
        """Create the indexes; MongoDB removes what has run out."""
        await self._collection.create_index("expiresAt", expireAfterSeconds=0)
        await self._collection.create_index("user")

    async def start(self, user: str, now: datetime, expires_at: datetime) -> SignIn:
        """Start a sign-in."""
        sign_in, digest = _with_new_token(new_id(), user)
        await self._collection.insert_one(
            {
                "_id": sign_in.id,
                "user": user,
                "digest": digest,
                "createdAt": now,
                "expiresAt": expires_at,
            }
        )
        return sign_in

    async def user_of(self, token: str) -> str:
        """Return whose sign-in a refresh token names, used or not; raise BadRefreshTokenError."""
        known = await self._collection.find_one({"_id": {"$eq": token.partition(".")[0]}})
        if known is None:
            raise BadRefreshTokenError
        return str(known["user"])

    async def refresh(self, token: str, now: datetime, expires_at: datetime) -> SignIn:
        """Continue a sign-in under a new refresh token; raise BadRefreshTokenError.

        A token that was used before is in two hands, and nobody can tell whose: the sign-in ends.
        """
        sign_in_id = token.partition(".")[0]
        known = await self._collection.find_one({"_id": {"$eq": sign_in_id}})
        if known is None or known["expiresAt"] <= now:
            raise BadRefreshTokenError
        given = _digest(token)
        if not hmac.compare_digest(known["digest"], given):
            if given in known.get("used", []):
                await self.end(sign_in_id)
            raise BadRefreshTokenError
        renewed, digest = _with_new_token(sign_in_id, known["user"])
        result = await self._collection.update_one(
            {"_id": sign_in_id, "digest": given},
            {
                "$set": {"digest": digest, "expiresAt": expires_at},
                "$push": {"used": {"$each": [given], "$slice": -_USED_TOKENS_KNOWN}},
            },
        )
        if result.matched_count == 0:
            await self.end(sign_in_id)
            raise BadRefreshTokenError
        return renewed

    async def is_alive(self, sign_in: str, now: datetime) -> bool:
        """Tell whether a sign-in was not ended and has not run out."""
        query = {"_id": {"$eq": sign_in}, "expiresAt": {"$gt": now}}
        return await self._collection.find_one(query, projection={"_id": True}) is not None

    async def extend(self, sign_in: str, expires_at: datetime) -> None:
        """Let a sign-in that is used last longer, if nobody has ended it."""
        await self._collection.update_one(
            {"_id": {"$eq": sign_in}}, {"$set": {"expiresAt": expires_at}}
        )

    async def end(self, sign_in: str) -> None:
        """End a sign-in: its tokens stop working at once."""
        await self._collection.delete_one({"_id": {"$eq": sign_in}})

    async def end_all(self, user: str, but: str | None = None) -> None:
        """End all sign-ins of a user, but perhaps one."""
        await self._collection.delete_many({"user": user, "_id": {"$ne": but}})


def _with_new_token(sign_in: str, user: str) -> tuple[SignIn, str]:
    token = f"{sign_in}.{secrets.token_urlsafe(32)}"
    return SignIn(sign_in, user, token), _digest(token)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", errors="replace")).hexdigest()
