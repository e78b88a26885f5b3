"""The person and the phone, played through the simulator's control endpoints."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import aiohttp

_NUMBER = "+972501111111"
_OTHER = "+972501234567"


class SimulatedPerson:
    """Scans at once, looks into the simulator's ledger, and unlinks."""

    def __init__(self, http: aiohttp.ClientSession, simulator: str) -> None:
        self._http = http
        self._control = f"{simulator}/control"

    async def be_quick(self, all_codes: bool) -> None:
        """Make what is to be waited for short."""
        if all_codes:
            await self._call("PUT", "faults", {"qrFirstMs": 1500, "qrNextMs": 1500})

    async def other_number(self) -> str | None:
        """Return a number that reads what it gets."""
        return _OTHER

    async def wait(self, text: str) -> None:
        """Do nothing."""

    async def scan(self, code: str) -> None:
        """Scan the code; one that has run out is left, as the next one comes."""
        await self._call("POST", "phones", {"number": _NUMBER})
        await self._call("POST", f"phones/{_NUMBER}/scan", {"code": code})

    async def type_code(self, code: str) -> None:
        """Type the code."""
        await self._call("POST", "phones", {"number": _NUMBER})
        await self._call("POST", f"phones/{_NUMBER}/pair", {"code": code.replace("-", "")})

    async def count(self, text: str) -> int | None:
        """Return how often a message arrived at WhatsApp."""
        ledger = await self._call("GET", "ledger")
        return sum(int(entry["arrivals"]) for entry in ledger if entry.get("text") == text)

    async def unlink(self) -> None:
        """Unlink all devices."""
        await self._call("POST", f"phones/{_NUMBER}/unlink")

    async def _call(self, method: str, path: str, body: object = None) -> Any:
        async with self._http.request(method, f"{self._control}/{path}", json=body) as response:
            if response.status != HTTPStatus.CONFLICT:
                response.raise_for_status()
            return await response.json()
