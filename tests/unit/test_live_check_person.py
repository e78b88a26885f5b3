"""The person at the terminal, as the live check asks and is answered."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from tests.live_check.person import Lines, TerminalPerson

TEXT = "ChatGrow check, at first (a1b2c3)"


@dataclass
class Keyboard:
    """A person, and what they type into."""

    person: TerminalPerson
    descriptor: int

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode())


@pytest.fixture
async def keyboard() -> AsyncIterator[Keyboard]:
    reading, writing = os.pipe()
    yield Keyboard(TerminalPerson(Lines(reading)), writing)
    with suppress(OSError):
        os.close(writing)


@pytest.mark.parametrize(
    ("typed", "count"), [("1\n", 1), (" 2 \n", 2), ("\n", None), ("many\n", None)]
)
async def test_a_person_counts_or_does_not_look(
    keyboard: Keyboard, typed: str, count: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    keyboard.type(typed)
    async with asyncio.timeout(10):
        assert await keyboard.person.count(TEXT) == count
    assert TEXT in capsys.readouterr().out


async def test_answers_come_in_their_order_until_there_are_no_more(keyboard: Keyboard) -> None:
    keyboard.type("+972 54-123-4567\n1\n")
    os.close(keyboard.descriptor)
    async with asyncio.timeout(10):
        assert await keyboard.person.other_number() == "+972 54-123-4567"
        assert await keyboard.person.count(TEXT) == 1
        assert await keyboard.person.count(TEXT) is None
        assert await keyboard.person.count(TEXT) is None


async def test_a_code_is_drawn_with_what_to_do(
    keyboard: Keyboard, capsys: pytest.CaptureFixture[str]
) -> None:
    await keyboard.person.scan("2@ref,noise,identity,adv,w")
    said = capsys.readouterr().out
    assert said.count("█") > 100
    assert "Linked devices" in said
