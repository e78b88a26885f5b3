"""Sign-ins: each has one valid refresh token, and ends if an old one is used again.

A sign-in that is used lasts longer, but never longer than a fixed time from its start.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sessions.common.errors import DomainError
from sessions.common.ids import new_id
from sessions.storage.mongo import forget_after

if TYPE_CHECKING:
    from sessions.storage.mongo import Collection, Database

_USED_TOKENS_KNOWN = 200
_KNOWN_AFTER_END = timedelta(days=7)
"""How long an expired sign-in is remembered, so that its user is told that it has expired."""


class BadRefreshTokenError(DomainError):
    """The refresh token is unknown, used or expired."""

    code = "invalid_refresh_token"
    text = "This refresh token does not work (any more). Sign in again."


class SignInExpiredError(DomainError):
    """The sign-in has reached its longest time."""

    code = "sign_in_expired"
    text = "This sign-in has lasted as long as one may. Sign in with your password again."


@dataclass(frozen=True)
class SignIn:
    """A sign-in, and the refresh token that continues it, which is not stored."""

    id: str
    user: str
    refresh_token: str


class SignInStore:
    """Start, continue and end sign-ins; an access token works only while its sign-in exists.

    No sign-in lasts longer than `longest` from its start.
    """

    def __init__(self, database: Database, longest: timedelta) -> None:
        self._collection: Collection = database["signIns"]
        self._longest = longest

    async def prepare(self) -> None:
        """Create the indexes, by which MongoDB also removes expired sign-ins."""
        await forget_after(self._collection, "expiresAt", _KNOWN_AFTER_END)
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
                "expiresAt": min(expires_at, now + self._longest),
            }
        )
        return sign_in

    async def user_of(self, token: str) -> str:
        """Return the user of a refresh token, used or not; raise BadRefreshTokenError."""
        known = await self._collection.find_one({"_id": {"$eq": token.partition(".")[0]}})
        if known is None:
            raise BadRefreshTokenError
        return str(known["user"])

    async def refresh(self, token: str, now: datetime, expires_at: datetime) -> SignIn:
        """Continue a sign-in with a new refresh token.

        If a token is used twice, somebody may have stolen it, so the sign-in ends. Raises
        BadRefreshTokenError, and SignInExpiredError if the token is right but the sign-in has
        reached its longest time.
        """
        sign_in_id = token.partition(".")[0]
        known = await self._collection.find_one({"_id": {"$eq": sign_in_id}})
        if known is None:
            raise BadRefreshTokenError
        given = _digest(token)
        if not hmac.compare_digest(known["digest"], given):
            if given in known.get("used", []):
                await self.end(sign_in_id)
            raise BadRefreshTokenError
        end = known["createdAt"] + self._longest
        if end <= now:
            raise SignInExpiredError
        if known["expiresAt"] <= now:
            raise BadRefreshTokenError
        renewed, digest = _with_new_token(sign_in_id, known["user"])
        result = await self._collection.update_one(
            {"_id": sign_in_id, "digest": given},
            {
                "$set": {"digest": digest, "expiresAt": min(expires_at, end)},
                "$push": {"used": {"$each": [given], "$slice": -_USED_TOKENS_KNOWN}},
            },
        )
        if result.matched_count == 0:
            await self.end(sign_in_id)
            raise BadRefreshTokenError
        return renewed

    async def is_alive(self, sign_in: str, now: datetime) -> bool:
        """Tell whether a sign-in exists and has not expired; raise SignInExpiredError."""
        known = await self._collection.find_one(
            {"_id": {"$eq": sign_in}}, projection={"createdAt": True, "expiresAt": True}
        )
        if known is None:
            return False
        if known["createdAt"] + self._longest <= now:
            raise SignInExpiredError
        return bool(known["expiresAt"] > now)

    async def extend(self, sign_in: str, expires_at: datetime) -> None:
        """Let a sign-in last longer because it is used; do nothing if it has ended."""
        longest = self._longest // timedelta(milliseconds=1)
        end = {"$min": [expires_at, {"$add": ["$createdAt", longest]}]}
        await self._collection.update_one({"_id": {"$eq": sign_in}}, [{"$set": {"expiresAt": end}}])

    async def end(self, sign_in: str) -> None:
        """End a sign-in: its tokens stop working at once."""
        await self._collection.delete_one({"_id": {"$eq": sign_in}})

    async def end_all(self, user: str, but: str | None = None) -> None:
        """End all sign-ins of a user, except `but`, if given."""
        await self._collection.delete_many({"user": user, "_id": {"$ne": but}})


def _with_new_token(sign_in: str, user: str) -> tuple[SignIn, str]:
    token = f"{sign_in}.{secrets.token_urlsafe(32)}"
    return SignIn(sign_in, user, token), _digest(token)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", errors="replace")).hexdigest()
