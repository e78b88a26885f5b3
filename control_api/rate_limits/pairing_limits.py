"""Limit requests for pairing codes: each one alerts somebody's phone."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from control_api.http.problems import TooManyPairingCodesError
from control_api.rate_limits.limiter import Limiter
from control_api.rate_limits.rules import Rule, Standing

_WINDOW = timedelta(minutes=15)
_PER_NUMBER = Rule("pairing-number", 5, _WINDOW)
_PER_CONNECTION = Rule("pairing-connection", 10, _WINDOW)


class PairingLimits:
    """Allow five codes for a number, whoever asks, and ten for each connection."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter

    async def charge(self, connection: str, phone: str) -> None:
        """Count a code; raise TooManyPairingCodesError."""
        number = _digest(phone)
        _require(await self._limiter.charge(_PER_NUMBER, number))
        try:
            _require(await self._limiter.charge(_PER_CONNECTION, connection))
        except TooManyPairingCodesError:
            await self._limiter.give_back(_PER_NUMBER, number)
            raise

    async def give_back(self, connection: str, phone: str) -> None:
        """Take back the count of a code that alerted nobody."""
        await self._limiter.give_back(_PER_NUMBER, _digest(phone))
        await self._limiter.give_back(_PER_CONNECTION, connection)


def _require(standing: Standing) -> None:
    if not standing.allowed:
        raise TooManyPairingCodesError(standing.resets_in)


def _digest(phone: str) -> str:
    """Return a digest, to keep phone numbers out of Redis."""
    return hashlib.sha256(phone.encode()).hexdigest()
