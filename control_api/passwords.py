"""Passwords: hashed with bcrypt, off the event loop."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field

import bcrypt

LONGEST = 72
"""Bytes: bcrypt reads no more."""


@dataclass(frozen=True)
class Passwords:
    """Hashes and checks passwords; `rounds` is the logarithm of the work."""

    rounds: int
    _nobodys: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_nobodys", self._hash(secrets.token_urlsafe(16)))

    async def hash(self, password: str) -> str:
        """Return what is kept of a password."""
        return await asyncio.to_thread(self._hash, password)

    async def matches(self, password: str, kept: str | None) -> bool:
        """Tell whether the password is the one kept; without one it takes as long to say no."""
        given = password.encode()
        if len(given) > LONGEST:
            return False
        known = (kept or self._nobodys).encode()
        right = await asyncio.to_thread(bcrypt.checkpw, given, known)
        return right and kept is not None

    def _hash(self, password: str) -> str:
        return bcrypt.hashpw(password.encode(), bcrypt.gensalt(self.rounds)).decode()
