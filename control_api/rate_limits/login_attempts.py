"""Slow down attempts to guess passwords or setup tokens."""

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
"""At most a minute: somebody who guesses must not lock the account's owner out for long."""


@dataclass(frozen=True)
class _Count:
    """A rule, and whom it counts."""

    rule: Rule
    who: tuple[str, ...]


class LoginAttempts:
    """Limit wrong passwords, also for accounts that do not exist.

    - For an account *and* a network: a few in a quarter of an hour, so that strangers elsewhere
      cannot lock an account's owner out.
    - For a network: somewhat more, over all accounts.
    - For an account, over all networks: one after a delay, which grows to a minute.
    - A device on which the account has signed in before has a few attempts of its own, whatever
      others do.
    """

    def __init__(self, limiter: Limiter, delay: GrowingDelay, growth: Growth = DELAY) -> None:
        self._limiter = limiter
        self._delay = delay
        self._growth = growth

    @asynccontextmanager
    async def counted(
        self, account: str, client: Client, device: str | None = None
    ) -> AsyncIterator[None]:
        """Check a password inside this block, and raise BadCredentialsError there if it is wrong.

        Or register an account, and raise UserExistsError: this tells a stranger as much as a guess.
        Raises TooManyAttemptsError before the block. An attempt is counted when it begins, so that
        many attempts at once are refused, too. Success forgets the account's failures, and an
        unexpected error takes the attempt back; a client that leaves early does not. `device` is
        the id of a device on which the account has signed in before.
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
    """Limit wrong setup tokens from a network."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter

    @asynccontextmanager
    async def counted(self, client: Client) -> AsyncIterator[None]:
        """Check a token inside this block, and raise SetupTokenError there if it is wrong.

        Raises TooManyAttemptsError before the block.
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
    """Return the count that success forgets, those that it takes back, and whom to delay."""
    if device is not None:
        return _Count(_PER_DEVICE, (device,)), (), None
    digest = account_digest(account)
    return _Count(_PER_ACCOUNT, (digest, client.network)), _networks(client), digest


def _networks(
    client: Client, network: Rule = _PER_ADDRESS, site: Rule = _PER_SITE
) -> tuple[_Count, ...]:
    """Return the counts for the networks of a client."""
    wider = () if client.site is None else (_Count(site, (client.site,)),)
    return _Count(network, (client.network,)), *wider


async def _charge(limiter: Limiter, counts: Sequence[_Count]) -> None:
    """Add one to all counts, or to none; raise TooManyAttemptsError."""
    for number, each in enumerate(counts):
        standing = await limiter.charge(each.rule, *each.who)
        if not standing.allowed:
            await _give_back(limiter, counts[:number])
            raise TooManyAttemptsError(standing.resets_in)


async def _give_back(limiter: Limiter, counts: Sequence[_Count]) -> None:
    for each in counts:
        await limiter.give_back(each.rule, *each.who)
