"""Who holds the phone: a person at a terminal, or the simulated phone."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import suppress
from typing import Protocol

from tests.demo.story import draw

_CHUNK = 4096
_STANDARD_INPUT = 0


class Person(Protocol):
    """What the check asks of whoever holds the phone."""

    async def other_number(self) -> str | None:
        """Return the number of somebody else to write to, or None."""

    async def wait(self, text: str) -> None:
        """Be told that there is nothing to do yet."""

    async def scan(self, code: str) -> None:
        """Scan the QR code with this text; the next one comes when this one runs out."""

    async def type_code(self, code: str) -> None:
        """Type a pairing code."""

    async def count(self, text: str) -> int | None:
        """Return how often the phone shows a message, or None where nobody looked."""

    async def unlink(self) -> None:
        """Remove the device on the phone; may return before it is done."""


class TerminalPerson:
    """Asks a person, who answers on standard input."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    async def other_number(self) -> str | None:
        """Ask for a number."""
        return await self._ask(
            "The number of somebody else who may get one short message, their phone switched on,\n"
            "with the country's code, as +972501234567; only Enter for nobody else."
        )

    async def wait(self, text: str) -> None:
        """Print it."""
        print(text, flush=True)

    async def scan(self, code: str) -> None:
        """Draw the code."""
        print(f"\n{draw(code)}", flush=True)
        print(
            "On the phone: WhatsApp, Settings, Linked devices, Link a device; scan this code.\n"
            "It is replaced by a new one until you have scanned one.",
            flush=True,
        )

    async def type_code(self, code: str) -> None:
        """Show the code."""
        print(
            f"\nOn the phone: WhatsApp, Settings, Linked devices, Link a device,\n"
            f"Link with phone number instead; type this code:\n\n    {code}\n",
            flush=True,
        )

    async def count(self, text: str) -> int | None:
        """Ask how often the message is there."""
        answer = await self._ask(
            f"Look at the chat with yourself on the phone. How often is this message there?\n"
            f"    {text}\nType the number; only Enter if you cannot look."
        )
        return int(answer) if answer and answer.isdecimal() else None

    async def unlink(self) -> None:
        """Say what to do."""
        print(
            "\nOn the phone: WhatsApp, Settings, Linked devices; tap this device, then Log out.",
            flush=True,
        )

    async def _ask(self, question: str) -> str | None:
        print(f"\n{question}", flush=True)
        print("> ", end="", flush=True)
        answer = await self._lines.next()
        return answer.strip() or None if answer is not None else None


class Lines:
    """Lines of what is typed, read in a thread that no end of the program waits for."""

    def __init__(self, descriptor: int = _STANDARD_INPUT) -> None:
        self._descriptor = descriptor
        self._typed: asyncio.Queue[str | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, name="stdin", daemon=True).start()

    async def next(self) -> str | None:
        """Return the next line, or None when there are no more.

        What was typed at a terminal before it was asked for is no answer.
        """
        while os.isatty(self._descriptor) and not self._typed.empty():
            self._typed.get_nowait()
        line = await self._typed.get()
        if line is None:
            self._typed.put_nowait(None)
        return line

    def _read(self) -> None:
        # Not by sys.stdin: Python cannot end while a thread waits in its buffer.
        rest = b""
        while chunk := os.read(self._descriptor, _CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._tell(line.decode(errors="replace"))
        self._tell(None)

    def _tell(self, line: str | None) -> None:
        with suppress(RuntimeError):  # the program is ending
            self._loop.call_soon_threadsafe(self._typed.put_nowait, line)
