"""Prove that a page changes who is in a group, and sees that later than everybody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Playwright

from tests.integration.whatsapp_web_driver import World, small_world
from tests.waiting import until

ME = "+972501234567"
FRIEND_NUMBER = "+15551234567"
THIRD = "+15550001111"
CHANGE = """
({name, group, who}) => WPP.group[name](group, [who]).then(
  (done) => Object.values(done.participants ?? done).map((one) => Number(one.code)),
  (error) => error.code ?? error.message)
"""

pytestmark = pytest.mark.slow


@pytest.fixture
async def world(tmp_path: Path, playwright: Playwright) -> AsyncIterator[World]:
    async with small_world(tmp_path, playwright) as world:
        yield world


async def test_an_admin_sees_the_own_change_of_a_group_later_than_others(world: World) -> None:
    await world.hand.faults(groupSelfViewMs=3_600_000)
    room = await world.hand.good(
        "POST", "/control/groups", subject="Team", members=[FRIEND_NUMBER], admins=[ME]
    )
    count = f"WPP.whatsapp.GroupMetadataStore.get('{room['id']}')?.participants.length"
    add = {"name": "addParticipants", "group": room["id"], "who": f"{THIRD[1:]}@c.us"}
    remove = {**add, "name": "removeParticipants"}
    async with (
        world.linked(ME) as tab,
        world.linked(FRIEND_NUMBER, "friend") as friend,
    ):
        assert await friend.ask(CHANGE, add) == "group_you_are_not_admin"
        assert await tab.ask(CHANGE, add) == [200]
        await friend.until(f"{count} === 3")
        assert await tab.ask(count) == 2
        ids = (
            f"WPP.group.getParticipants('{room['id']}').then((all) => all.map((m) => m.id.server))"
        )
        assert await friend.ask(ids) == ["lid"] * 3
        await tab.open()
        await tab.until_mode("MAIN")
        assert await tab.ask(count) == 3
        await world.hand.faults(groupSelfViewMs=0)
        assert await tab.ask(CHANGE, remove) == [200]
        await until(lambda: tab.ask(f"{count} === 2"))
