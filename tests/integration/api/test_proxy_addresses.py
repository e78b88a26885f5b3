"""Who may send a browser through a proxy that only the operator's own network can reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestClient, TestServer

from control_api.app import build_app
from tests.integration.services import services_with

if TYPE_CHECKING:
    from control_api.services import Services
    from tests.integration.world import World

PATH = "/api/whatsapp/connections"
INSIDE = "http://127.0.0.1:3128"
OUTSIDE = "http://8.8.8.8:3128"


@pytest.mark.parametrize("server", [INSIDE, "http://localhost:1", "socks5://[::ffff:10.0.0.1]:1"])
async def test_a_user_names_no_proxy_inside_our_network(world: World, server: str) -> None:
    wish = {"connectionId": "mine", "proxy": {"server": server}}
    made = await world.client.post(PATH, json=wish, headers=world.noa.headers)
    problem = await made.json()
    assert (made.status, problem["code"]) == (422, "address_not_allowed")
    assert [each["field"] for each in problem["errors"]] == ["proxy.server"]
    assert (await world.client.get(f"{PATH}/mine", headers=world.noa.headers)).status == 404


async def test_a_user_names_a_public_proxy_and_cannot_move_it_inside(world: World) -> None:
    wish = {"connectionId": "mine", "proxy": {"server": OUTSIDE}}
    made = await world.client.post(PATH, json=wish, headers=world.noa.headers)
    assert made.status == 201
    change = {"proxy": {"server": INSIDE}}
    changed = await world.client.patch(f"{PATH}/mine", json=change, headers=world.noa.headers)
    assert changed.status == 422
    view = await (await world.client.get(f"{PATH}/mine", headers=world.noa.headers)).json()
    assert view["proxy"] == {"server": OUTSIDE}


async def test_an_administrator_may_and_everybody_where_a_setting_names_it(
    world: World, services: Services
) -> None:
    wish = {"connectionId": "mine", "proxy": {"server": INSIDE}}
    as_admin = await world.client.post(PATH, json=wish, headers=world.admin.headers)
    assert as_admin.status == 201
    settings = services.settings.model_copy(update={"proxy_allowed_hosts": (".0.0.1",)})
    async with TestClient(
        TestServer(build_app(services_with(services, settings=settings), upkeep=False))
    ) as client:
        as_user = await client.post(PATH, json=wish, headers=world.noa.headers)
        assert as_user.status == 201, await as_user.text()
