"""Hash and check passwords with bcrypt, in a few threads."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt

from sessions.common.errors import DomainError

LONGEST = 72
"""The most bytes of a password: bcrypt reads no more."""
Result = TypeVar("Result")

_ROUNDS = re.compile(r"\$2[abxy]\$([0-9]{2})\$")
_AT_ONCE = max(1, (os.cpu_count() or 1) // 2)
"""Each hash takes a whole core for a quarter of a second, and the API needs cores, too."""
_WAITING = 32
_RETRY_AFTER_SECONDS = 5


class TooBusyError(DomainError):
    """Too many passwords are being checked, or wait to be checked."""

    code = "too_busy"

    def __init__(self) -> None:
        super().__init__("Too many people sign in at once. Nothing was done; try again.")
        self.members = {"retryAfterSeconds": _RETRY_AFTER_SECONDS}


class Passwords:
    """Hash and check passwords; `rounds` is bcrypt's cost, the logarithm of the work.

    At most `at_once` passwords are hashed at a time, and at most `waiting` wait. `costliest` is
    the stored hash that takes the most work.
    """

    def __init__(
        self,
        rounds: int,
        at_once: int = _AT_ONCE,
        waiting: int = _WAITING,
        costliest: str | None = None,
    ) -> None:
        self._rounds = rounds
        self._most_rounds = max(rounds, _rounds_of(costliest) if costliest else 0)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="bcrypt")
        self._room = at_once + waiting
        self._inside = 0
        self._nobodys = self._hash(secrets.token_urlsafe(16))

    async def hash(self, password: str) -> str:
        """Return the hash of a password; raise TooBusyError."""
        return await self._run(lambda: self._hash(password))

    async def matches(self, password: str, kept: str | None) -> bool:
        """Tell whether the password matches the stored hash; raise TooBusyError.

        Without a stored hash this takes as long, so that the time does not tell who has an account.
        """
        given = password.encode()
        if len(given) > LONGEST:
            return False
        return await self._run(lambda: self._check(given, kept))

    def is_outdated(self, kept: str) -> bool:
        """Tell whether a hash was made with another number of rounds than the setting's."""
        return _rounds_of(kept) != self._rounds

    async def _run(self, work: Callable[[], Result]) -> Result:
        if self._inside >= self._room:
            raise TooBusyError
        self._inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._inside -= 1

    def _check(self, given: bytes, kept: str | None) -> bool:
        known = kept or self._nobodys
        if bcrypt.checkpw(given, known.encode()) and kept is not None:
            return True
        # Each round doubles the work: together these take as long as the costliest hash.
        for rounds in range(_rounds_of(known), self._most_rounds):
            bcrypt.hashpw(given, bcrypt.gensalt(rounds))
        return False

    def _hash(self, password: str) -> str:
        return bcrypt.hashpw(password.encode(), bcrypt.gensalt(self._rounds)).decode()


def _rounds_of(kept: str) -> int:
    """Return the number of rounds of a hash like `$2b$12$…`; 0 for anything else."""
    found = _ROUNDS.match(kept)
    return int(found[1]) if found else 0
