"""A service that refuses and breaks off at random: every message arrives once, and in order."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.stack_client import StackClient, stack

STRANGERS = tuple(f"+9725020000{number:02}" for number in range(12))


async def _each_arrives_once(system: StackClient, faults: Mapping[str, object]) -> None:
    await system.create()
    await system.scan()
    await system.until_state("connected")
    await system.control("PUT", "faults", {**faults, "seed": 5})
    ids = [await system.send(f"to {phone}", to=phone) for phone in STRANGERS]
    for each in ids:
        await system.until_message(each, "read")
    delivered = [each["text"] for each in await system.ledger() if each["deliveredAt"]]
    assert delivered == [f"to {phone}" for phone in STRANGERS]


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "faults",
    [
        {"dropRate": 0.3, "reconnectMs": 200},
        {"serverErrorRate": 0.3},
        {"timelockSeconds": 4},
    ],
    ids=lambda faults: next(iter(faults)),
)
async def test_what_goes_wrong_at_random_neither_loses_nor_repeats(
    mongo_option: tuple[str, str], faults: dict[str, object]
) -> None:
    async with stack(*mongo_option, "--env", "BAN_PAUSE=1s") as system:
        await _each_arrives_once(system, faults)
