"""A MongoDB that answers but refuses is named at the start, and does not end what runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

import aiohttp
import pytest
from pymongo import MongoClient

from sessions.embedded import MONGO, ServerUris
from sessions.embedded.launch import command_line, find_binary
from sessions.embedded.layout import Layout, choose_socket
from sessions.process.parent_death import die_with_parent
from tests.integration.processes.programs import PROGRAMS, Ended, program
from tests.ports import free_port
from tests.waiting import until

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

SECRET = "a-password"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a MongoDB that asks for a password; yield what stands for its host in an address."""
    layout = Layout.of(tmp_path_factory.mktemp("guarded"), MONGO)
    layout.create()
    socket = choose_socket(layout.socket)
    host = quote(str(socket), safe="")
    server = subprocess.Popen(
        [*command_line(MONGO, find_binary(MONGO), layout, socket), "--auth"],
        stdout=subprocess.DEVNULL,
        preexec_fn=partial(die_with_parent, os.getpid()),
    )
    try:
        with MongoClient[dict[str, object]](MONGO.uri(socket)) as client:
            # The first user may be made without a password, from the same host.
            client.admin.command("createUser", "root", pwd=SECRET, roles=["root"])
        _rights(host, "createUser", "reader", "read", pwd=SECRET)
        _rights(host, "createUser", "writer", "readWrite", pwd=SECRET)
        yield host
    finally:
        server.terminate()
        server.wait(30)


def _rights(host: str, command: str, user: str, role: str, **more: str) -> None:
    with MongoClient[dict[str, object]](_uri(host, "root")) as client:
        roles = [{"role": role, "db": "chatgrow"}]
        client.admin.command({command: user, "roles": roles, **more})


def _uri(host: str, user: str, password: str = SECRET) -> str:
    return f"mongodb://{user}:{password}@{host}/chatgrow?authSource=admin"


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("user", ["", f"reader:{SECRET}@", "reader:wrong@"])
def test_a_user_that_may_not_write_is_named_at_the_start(
    ended: Ended, guarded: str, name: str, user: str
) -> None:
    uri = f"mongodb://{user}{guarded}/chatgrow?authSource=admin"
    code, errors = ended(name, MONGODB_URI=uri)
    assert code == 69, errors
    assert "MongoDB refuses" in errors
    assert "needs a user with readWrite" in errors
    assert "Traceback" not in errors
    assert SECRET not in errors


async def test_a_right_that_is_taken_away_is_told_and_does_not_end_the_api(
    tmp_path: Path, servers: ServerUris, guarded: str
) -> None:
    address = f"http://127.0.0.1:{(port := free_port())}/health"
    uris = replace(servers, mongo=_uri(guarded, "writer"))
    settings = {"PORT": str(port), "STARTUP_TIMEOUT": "30"}

    async def mongo_is(state: str) -> bool:
        try:
            async with aiohttp.ClientSession() as http, http.get(address) as answer:
                return bool((await answer.json())["checks"]["mongo"] == state)
        except aiohttp.ClientConnectionError:
            return False

    async with program("control_api", tmp_path, uris, **settings) as api:
        await until(lambda: mongo_is("ok"))
        _rights(guarded, "updateUser", "writer", "read")
        await until(lambda: mongo_is("down"))
        await _said(api, b"Not done now (lost workers): MongoDB refuses")
        _rights(guarded, "updateUser", "writer", "readWrite")
        await until(lambda: mongo_is("ok"))
        assert api.returncode is None


async def _said(process: asyncio.subprocess.Process, what: bytes) -> None:
    assert process.stderr is not None
    lines: AsyncIterator[bytes] = process.stderr
    async for line in lines:
        if what in line:
            return
    raise AssertionError("it ended before it said so")
