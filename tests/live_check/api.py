"""The product's control API, as the check uses it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import aiohttp

CONNECTION = "live_check"
_PATH = f"/connections/{CONNECTION}"


class ApiError(Exception):
    """The API refused; `code` is its own code for that."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"the API answered {status} {code}")
        self.status = status
        self.code = code


class Api:
    """Talks to the control API about the one connection of the check."""

    def __init__(self, http: aiohttp.ClientSession, url: str, key: str) -> None:
        self._http = http
        self._url = f"{url}/api/whatsapp"
        self._headers = {"X-Api-Key": key}

    async def create(self, proxy: str) -> None:
        """Make the connection, or let the one that an earlier check left use this proxy."""
        wanted = {"proxy": {"server": proxy}}
        try:
            named = {"connectionId": CONNECTION, "name": "Live check"}
            await self._ask("POST", "/connections", named | wanted)
        except ApiError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
            await self._ask("PATCH", _PATH, wanted)
            await self.command("start")

    async def status(self) -> dict[str, Any]:
        """Return the connection's status."""
        return await self._ask("GET", f"{_PATH}/status")

    async def connection(self) -> dict[str, Any]:
        """Return the connection as a whole."""
        return await self._ask("GET", _PATH)

    async def command(self, name: str) -> None:
        """Start, stop or log out the connection; one that is there already is no error."""
        try:
            await self._ask("POST", f"{_PATH}/{name}")
        except ApiError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise

    async def qr_code(self) -> str | None:
        """Return the text of the QR code on show, or None while there is none."""
        try:
            return str((await self._ask("GET", f"{_PATH}/qr?format=json"))["code"])
        except ApiError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
            return None

    async def pairing_code(self, number: str) -> str:
        """Return a code to type on the phone with this number."""
        answer = await self._ask("POST", f"{_PATH}/pairing-code", {"phoneNumber": number})
        return str(answer["code"])

    async def send(self, to: str, text: str) -> str:
        """Enqueue a message; return its id."""
        body = {"connectionId": CONNECTION, "to": to, "message": text}
        return str((await self._ask("POST", "/send", body))["messageId"])

    async def message(self, message_id: str) -> dict[str, Any]:
        """Return a message."""
        return await self._ask("GET", f"/messages/{message_id}")

    async def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        url = self._url + path
        async with self._http.request(method, url, json=body, headers=self._headers) as response:
            answer: dict[str, Any] = await response.json(content_type=None) or {}
            if not response.ok:
                raise ApiError(response.status, str(answer.get("code", "")))
            return answer
