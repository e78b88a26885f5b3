"""Slow down whoever guesses passwords."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from control_api.client import Client
from control_api.limiter import Limiter, Rule, Standing
from control_api.problems import BadCredentialsError, SetupTokenError, TooManyAttemptsError

_WINDOW = timedelta(minutes=15)
_PER_ACCOUNT = Rule("login-account", 5, _WINDOW)
_PER_ADDRESS = Rule("login-address", 20, _WINDOW)
_SETUP = Rule("setup-address", 20, _WINDOW)


class LoginAttempts:
    """Allow five wrong passwords for an account from an address, and twenty from an address.

    By account *and* address, so that a stranger elsewhere cannot lock an account's owner out.
    """

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter

    @asynccontextmanager
    async def counted(self, account: str, client: Client) -> AsyncIterator[None]:
        """Check a password in this block: raise BadCredentialsError in it when it is wrong.

        Raises TooManyAttemptsError instead of entering the block. An attempt counts from its
        beginning, so that many at once are refused too, and is taken back when it was none:
        success forgets the account's failures, and an error of ours counts for nobody.
        """
        pair = (_digest(account), client.network)
        await self._begin(pair)
        try:
            yield
        except BadCredentialsError:
            raise
        except BaseException:
            await self._limiter.give_back(_PER_ACCOUNT, *pair)
            await self._limiter.give_back(_PER_ADDRESS, client.network)
            raise
        await self._limiter.forget(_PER_ACCOUNT, *pair)
        await self._limiter.give_back(_PER_ADDRESS, client.network)

    async def _begin(self, pair: tuple[str, str]) -> None:
        _require(await self._limiter.charge(_PER_ACCOUNT, *pair))
        try:
            _require(await self._limiter.charge(_PER_ADDRESS, pair[1]))
        except TooManyAttemptsError:
            await self._limiter.give_back(_PER_ACCOUNT, *pair)
            raise


class SetupAttempts:
    """Allow twenty wrong set-up tokens from an address."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter

    @asynccontextmanager
    async def counted(self, client: Client) -> AsyncIterator[None]:
        """Check a token in this block: raise SetupTokenError in it when it is wrong.

        Raises TooManyAttemptsError instead of entering the block.
        """
        _require(await self._limiter.charge(_SETUP, client.network))
        try:
            yield
        except SetupTokenError:
            raise
        except BaseException:
            await self._limiter.give_back(_SETUP, client.network)
            raise
        await self._limiter.give_back(_SETUP, client.network)


def _require(standing: Standing | None) -> None:
    if standing is not None and not standing.allowed:
        raise TooManyAttemptsError(standing.resets_in)


def _digest(account: str) -> str:
    """Keep what people typed out of Redis: it can be anything, even a password."""
    return hashlib.sha256(account.strip().casefold().encode("utf-8", "replace")).hexdigest()
