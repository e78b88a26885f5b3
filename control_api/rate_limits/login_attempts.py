"""Slow down whoever guesses passwords or set-up tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from control_api.credentials.known_devices import account_digest
from control_api.http.client_address import Client
from control_api.http.problems import BadCredentialsError, SetupTokenError, TooManyAttemptsError
from control_api.rate_limits.growing_delay import GrowingDelay, Growth
from control_api.rate_limits.limiter import Limiter
from control_api.rate_limits.rules import Rule
from sessions.accounts.users import UserExistsError

_WINDOW = timedelta(minutes=15)
_PER_ACCOUNT = Rule("login-account", 5, _WINDOW)
_PER_ADDRESS = Rule("login-address", 20, _WINDOW)
_PER_SITE = Rule("login-site", 60, _WINDOW)
_PER_DEVICE = Rule("login-device", 5, _WINDOW)
_SETUP = Rule("setup-address", 20, _WINDOW)
_SETUP_SITE = Rule("setup-site", 60, _WINDOW)
DELAY = Growth(
    "login-account",
    free=5,
    first=timedelta(seconds=1),
    longest=timedelta(minutes=1),
    kept=timedelta(days=1),
)
"""One minute at most: whoever keeps guessing must not keep the account's owner out for long."""


@dataclass(frozen=True)
class _Count:
    """A rule, and by what it counts."""

    rule: Rule
    who: tuple[str, ...]


class LoginAttempts:
    """Bound wrong passwords for an account and a network, for a network, and for an account.

    By account *and* network a few in a quarter of an hour, so that a stranger elsewhere cannot
    lock an account's owner out; by account, from wherever they come, one after a delay that grows
    up to a minute. A device on which the account signed in before has a few of its own, whatever
    others do. It makes no difference whether there is such an account.
    """

    def __init__(self, limiter: Limiter, delay: GrowingDelay, growth: Growth = DELAY) -> None:
        self._limiter = limiter
        self._delay = delay
        self._growth = growth

    @asynccontextmanager
    async def counted(
        self, account: str, client: Client, device: str | None = None
    ) -> AsyncIterator[None]:
        """Check a password in this block: raise BadCredentialsError in it when it is wrong.

        Or register an account in it, and raise UserExistsError when there is one: that tells a
        stranger as much as a guess does. Raises TooManyAttemptsError instead of entering the
        block. An attempt counts from its beginning, so that many at once are refused too, and is
        taken back when it was none: success forgets the account's failures, and an error of ours
        counts for nobody. It stays counted when the client leaves before it is answered. `device`
        is the id of a device on which the account signed in before.
        """
        own, others, delayed = _counts(account, client, device)
        await self._begin((own, *others), delayed)
        try:
            yield
        except (BadCredentialsError, UserExistsError, asyncio.CancelledError):
            raise
        except BaseException:
            await _give_back(self._limiter, (own, *others))
            if delayed is not None:
                await self._delay.give_back(self._growth, delayed)
            raise
        await self._limiter.forget(own.rule, *own.who)
        await _give_back(self._limiter, others)
        if delayed is not None:
            await self._delay.forget(self._growth, delayed)

    async def _begin(self, counts: Sequence[_Count], delayed: str | None) -> None:
        await _charge(self._limiter, counts)
        wait = 0 if delayed is None else await self._delay.begin(self._growth, delayed)
        if wait:
            await _give_back(self._limiter, counts)
            raise TooManyAttemptsError(wait)


class SetupAttempts:
    """Bound wrong set-up tokens for a network."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter

    @asynccontextmanager
    async def counted(self, client: Client) -> AsyncIterator[None]:
        """Check a token in this block: raise SetupTokenError in it when it is wrong.

        Raises TooManyAttemptsError instead of entering the block.
        """
        counts = _networks(client, _SETUP, _SETUP_SITE)
        await _charge(self._limiter, counts)
        try:
            yield
        except (SetupTokenError, asyncio.CancelledError):
            raise
        except BaseException:
            await _give_back(self._limiter, counts)
            raise
        await _give_back(self._limiter, counts)


def _counts(
    account: str, client: Client, device: str | None
) -> tuple[_Count, tuple[_Count, ...], str | None]:
    """Return what success forgets, what it gives back, and whom the delay is for."""
    if device is not None:
        return _Count(_PER_DEVICE, (device,)), (), None
    digest = account_digest(account)
    return _Count(_PER_ACCOUNT, (digest, client.network)), _networks(client), digest


def _networks(
    client: Client, network: Rule = _PER_ADDRESS, site: Rule = _PER_SITE
) -> tuple[_Count, ...]:
    """Return by which networks a client is counted."""
    wider = () if client.site is None else (_Count(site, (client.site,)),)
    return _Count(network, (client.network,)), *wider


async def _charge(limiter: Limiter, counts: Sequence[_Count]) -> None:
    """Count in all of them, or in none; raise TooManyAttemptsError."""
    for number, each in enumerate(counts):
        standing = await limiter.charge(each.rule, *each.who)
        if not standing.allowed:
            await _give_back(limiter, counts[:number])
            raise TooManyAttemptsError(standing.resets_in)


async def _give_back(limiter: Limiter, counts: Sequence[_Count]) -> None:
    for each in counts:
        await limiter.give_back(each.rule, *each.who)
