"""A Redis that answers but refuses is named at the start, and so is one that cannot be used."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from sessions.embedded import REDIS
from sessions.embedded.launch import command_line, find_binary
from sessions.embedded.layout import Layout, choose_socket
from sessions.process.parent_death import die_with_parent
from tests.integration.processes.programs import PROGRAMS, Ended
from tests.ports import CANDIDATES, free_port, is_free

SECRET = "a-password"
_TO_BUS_PORT = 10_000


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[str]:
    """Run a Redis with options of its own; yield its address."""
    layout = Layout.of(folder, REDIS)
    layout.create()
    socket = choose_socket(layout.socket)
    server = subprocess.Popen(
        [*command_line(REDIS, find_binary(REDIS), layout, socket), *options],
        stdout=subprocess.DEVNULL,
        preexec_fn=partial(die_with_parent, os.getpid()),
    )
    try:
        yield REDIS.uri(socket)
    finally:
        server.terminate()
        server.wait(30)


def _port_of_a_node() -> int:
    """Return a free port whose bus port is free, too: a node listens on a second one."""
    ports = (free_port() for _ in range(1000))
    return next(
        each for each in ports if each + _TO_BUS_PORT in CANDIDATES and is_free(each + _TO_BUS_PORT)
    )


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("given", ["", "&password=secret"])
def test_a_wrong_password_is_told_as_such(
    ended: Ended, tmp_path: Path, name: str, given: str
) -> None:
    with redis_server(tmp_path / "redis", "--requirepass", SECRET) as uri:
        # The server may not listen yet: that is waited for, and a refusal is not.
        code, errors = ended(name, REDIS_URL=uri + given, STARTUP_TIMEOUT="30")
    assert code == 69, errors
    assert "Redis refuses the user or the password in REDIS_URL" in errors
    assert "Redis does not answer: check" not in errors
    assert not any(each in errors for each in (SECRET, "secret", "Traceback"))


def test_a_node_of_a_cluster_is_named_as_not_supported(ended: Ended, tmp_path: Path) -> None:
    options = ("--port", str(_port_of_a_node()), "--bind", "127.0.0.1", "--cluster-enabled", "yes")
    with redis_server(tmp_path / "redis", *options) as uri:
        code, errors = ended("control_api", REDIS_URL=uri, STARTUP_TIMEOUT="30")
    assert code == 78, errors
    assert "a node of a Redis Cluster, which is not supported" in errors
