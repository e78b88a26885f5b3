"""Files go through the client piece by piece, however large they are."""

from __future__ import annotations

import io
import os
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from chatgrow_client import AsyncClient, Client, NoAnswerError, RequestError
from tests.unit.client.networks import Network, Pieces

MIB = 1024 * 1024
LARGE = 50 * MIB
STORED = {
    "mediaId": "m",
    "sha256": "0",
    "mimetype": "video/mp4",
    "size": LARGE,
    "expiresAt": "2026-10-31T10:00:00Z",
}


@contextmanager
def _little_memory() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 5 * MIB
    finally:
        tracemalloc.stop()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    with path.open("wb") as file:
        file.truncate(LARGE)
    return path


@pytest.fixture
def storing() -> Network:
    return Network(lambda _: httpx.Response(201, json=STORED))


def test_a_large_file_is_sent_without_being_in_memory(large: Path, storing: Network) -> None:
    with Client("http://localhost", transport=storing) as client, _little_memory():
        client.media.upload(large)
    assert storing.received == int(storing.requests[0].headers["Content-Length"]) > LARGE


async def test_a_large_file_is_sent_so_by_asyncio_too(large: Path, storing: Network) -> None:
    async with AsyncClient("http://localhost", transport=storing) as client:
        with _little_memory():
            await client.media.upload(large)
    assert storing.received > LARGE


def _film(request: httpx.Request) -> httpx.Response:
    pieces = Pieces(*[bytes(MIB)] * 50)
    return httpx.Response(200, stream=pieces, headers={"Content-Type": "video/mp4"})


def test_a_large_file_arrives_without_being_in_memory() -> None:
    with (
        Client("http://localhost", transport=Network(_film)) as client,
        _little_memory(),
        client.media.download("m") as download,
    ):
        assert sum(map(len, download)) == LARGE
    assert download.about.mimetype == "video/mp4"


def test_a_file_that_arrives_in_part_is_not_saved(tmp_path: Path) -> None:
    cut = Pieces(b"half", httpx.ReadError("cut"))
    network = Network(lambda _: httpx.Response(200, stream=cut))
    with (
        Client("http://localhost", transport=network) as client,
        client.media.download("m") as download,
        pytest.raises(NoAnswerError),
    ):
        download.save(tmp_path / "film.mp4")
    assert list(tmp_path.iterdir()) == []


def test_an_open_file_is_sent_again_from_where_it_was() -> None:
    answers = [httpx.Response(502), httpx.Response(201, json=STORED)]
    bodies: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(network.received - sum(bodies))
        return answers.pop(0)

    network = Network(answer)
    file = io.BytesIO(b"skip this, send that")
    file.seek(10)
    with Client("http://localhost", transport=network) as client:
        client.media.upload(file, filename="a.txt")
    assert bodies[0] == bodies[1]
    assert not file.closed


def test_what_comes_from_a_pipe_is_sent_once() -> None:
    network = Network(lambda _: httpx.Response(502))
    reading, writing = os.pipe()
    os.write(writing, b"once")
    os.close(writing)
    with (
        os.fdopen(reading, "rb") as pipe,
        Client("http://localhost", transport=network) as client,
        pytest.raises(RequestError),
    ):
        client.media.upload(pipe)
    assert len(network.requests) == 1
    assert "Content-Length" not in network.requests[0].headers
