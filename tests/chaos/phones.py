"""Phones that write to the connections, send files, react, edit and revoke while blows fall."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.stack_client import StackClient

_EMOJI = "👍"
_PAGE = 200


@dataclass
class Said:
    """What a phone has said, as it has to be known at the end; `text` names it."""

    text: str
    sha256: str | None = None
    edited: bool = False
    emoji: str | None = None


class Phones:
    """For each connection, a phone that writes to it; and what the API must show of that."""

    def __init__(self, system: StackClient, seed: int) -> None:
        self._system = system
        self._random = random.Random(seed)  # noqa: S311  repeatable, guards no secret
        self.said: dict[str, list[Said]] = {}
        self.revoked: dict[str, int] = {}

    async def speak(self, connection: str, phone: str, to: str, count: int) -> None:
        """Say so many things to a connection, in kinds that take turns."""
        said = self.said[connection] = []
        self.revoked[connection] = 0
        for number in range(count):
            text = f"{connection} hears {number}"
            if number % 7 == 3:
                said.append(await self._file(phone, to, text))
            elif number % 7 == 4:
                said.append(await self._edited(phone, to, text))
            elif number % 7 == 5:
                await self._do(phone, "revoke", id=await self._say(phone, to, text=text))
                self.revoked[connection] += 1
            elif number % 7 == 6:
                await self._do(
                    phone, "react", id=await self._say(phone, to, text=text), emoji=_EMOJI
                )
                said.append(Said(text, emoji=_EMOJI))
            else:
                await self._say(phone, to, text=text)
                said.append(Said(text))
            await asyncio.sleep(self._random.uniform(0, 1))

    async def _file(self, phone: str, to: str, text: str) -> Said:
        content = self._random.randbytes(self._random.randint(1, 200_000))
        encoded = base64.b64encode(content).decode()
        file = {"base64": encoded, "mimetype": "application/octet-stream", "filename": "file.bin"}
        await self._say(phone, to, text=text, media=file)
        return Said(text, sha256=hashlib.sha256(content).hexdigest())

    async def _edited(self, phone: str, to: str, text: str) -> Said:
        await self._do(phone, "edit", id=await self._say(phone, to, text=f"{text}?"), text=text)
        return Said(text, edited=True)

    async def _say(self, phone: str, to: str, **content: Any) -> str:
        return str((await self._do(phone, "say", to=to, **content))["id"])

    async def _do(self, phone: str, what: str, **how: Any) -> Any:
        return await self._system.control("POST", f"phones/{phone}/{what}", how)

    async def wrong(self) -> list[str]:
        """Return what the API does not show, or shows otherwise than the phones have said it."""
        with suppress(aiohttp.ClientError, TimeoutError):
            found = [await self._wrong_of(each) for each in self.said]
            return [line for lines in found for line in lines]
        return ["the API is away"]

    async def _wrong_of(self, connection: str) -> list[str]:
        received = await self.received(connection)
        shown = [each for each in received if not each.get("revoked")]
        wrong = await self._differences(connection, shown)
        if len(received) - len(shown) != self.revoked[connection]:
            wrong.append(f"{connection}: {len(received) - len(shown)} are revoked")
        return wrong

    async def _differences(self, connection: str, shown: list[dict[str, Any]]) -> list[str]:
        texts = sorted(str(each.get("text")) for each in shown)
        if texts != sorted(each.text for each in self.said[connection]):
            known = {each.text for each in self.said[connection]}
            return [f"{connection}: {len(texts)} for {len(known)}, {set(texts) ^ known}"]
        by_text = {each["text"]: each for each in shown}
        return [
            f"{each.text}: {by_text[each.text]}"
            for each in self.said[connection]
            if not await self._is_shown(each, by_text[each.text])
        ]

    async def _is_shown(self, said: Said, view: dict[str, Any]) -> bool:
        reacted = [each["emoji"] for each in view["reactions"]]
        if (view.get("edited", False), reacted) != (
            said.edited,
            [said.emoji] if said.emoji else [],
        ):
            return False
        return said.sha256 is None or await self._has_file(view, said.sha256)

    async def _has_file(self, view: dict[str, Any], sha256: str) -> bool:
        media = view["media"]
        if media["state"] != "stored":
            return False
        url = f"{self._system.about['api']}/api/whatsapp/media/{media['mediaId']}"
        async with self._system.http.get(url) as answer:
            return hashlib.sha256(await answer.read()).hexdigest() == sha256

    async def received(self, connection: str) -> list[dict[str, Any]]:
        """Return all that the API shows of what a connection has received."""
        path = f"/api/whatsapp/messages?direction=in&connectionId={connection}&limit={_PAGE}"
        found, cursor = [], ""
        while True:
            page = await self._system.get(path + cursor)
            found += page["items"]
            if not page.get("cursor"):
                return found
            cursor = f"&cursor={page['cursor']}"
