"""MongoDB holds no plaintext of a login; a wrong key is told as one and puts nothing at risk."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import AsyncMongoClient

from sessions.encryption.keys import Key
from tests.soak.report import Report
from tests.soak.sizes import Sizes
from tests.soak.system import (
    database_of,
    device_ids,
    eventually,
    generations,
    link,
    phone,
    soak_stack,
    until_delivered,
    until_saved,
    until_state,
    until_taken,
)
from tests.stack_client import StackClient
from tests.worker_kills import kill_worker

_NAME = "line"
_NAMES = ("WANoiseInfo", "last-wid-md", "WAWebEncKeySalt", "wawc_db_enc", "signal-storage")
_ZSTD = bytes.fromhex("28b52ffd")
_SHORTEST = 12


async def run(report: Report, sizes: Sizes) -> None:
    """Link a phone, search what MongoDB holds, then take the key away and give it back."""
    async with soak_stack() as system:
        async with database_of(system) as database:
            await link(system, _NAME, phone(0))
            await until_saved(database, 1)
        await _search(report, system)
        await _take_the_key_away(report, system)


async def _search(report: Report, system: StackClient) -> None:
    needles = _needles(Path(system.about["data"]))
    _check_that_the_search_finds(Path(system.about["data"]), needles)
    documents = await _all_documents(system)
    found = [
        (collection, name)
        for collection, document in documents
        for name, needle in needles.items()
        if needle in document
    ]
    size = sum(len(document) for _, document in documents)
    report.figure("searched", f"{len(documents)} documents, {size} bytes, {len(needles)} strings")
    report.figure("plaintext found", found or "none")
    assert not found
    chunks = [document for name, document in documents if name.endswith(".chunks")]
    assert chunks
    assert not any(_ZSTD in chunk for chunk in chunks), "the archive is not encrypted"


def _needles(data: Path) -> Mapping[str, bytes]:
    """Return what a login consists of, in the forms in which it could be stored."""
    secrets = {name: name for name in _NAMES}
    for file in (data / "sessions").glob("*/*/local_storage.json"):
        dump = json.loads(file.read_text())
        secrets |= {f"value of {name}": text for name, text in dump.items()}
    with closing(sqlite3.connect(data / "simulator" / "whatsapp-web.sqlite")) as database:
        for device, token in database.execute("SELECT id, token FROM device"):
            secrets |= {"device": device, "token": token}
    forms: dict[str, bytes] = {}
    for name, text in secrets.items():
        if len(text) >= _SHORTEST or name in _NAMES:
            forms |= {name: text.encode(), f"{name}, UTF-16": text.encode("utf-16-be")}
            forms[f"{name}, UTF-16 as in localStorage"] = text.encode("utf-16-le")
            forms[f"{name}, Base64"] = base64.b64encode(text.encode())[:-4]
    return forms


def _check_that_the_search_finds(data: Path, needles: Mapping[str, bytes]) -> None:
    """A search that finds nothing in a profile would find nothing anywhere."""
    files = [each for each in (data / "sessions").rglob("*") if each.is_file()]
    profile = b"".join(each.read_bytes() for each in files)
    for name in ("WANoiseInfo", "value of WANoiseInfo", "device", "signal-storage, UTF-16"):
        assert needles[name] in profile, f"{name} is not in the profile either"


async def _all_documents(system: StackClient) -> list[tuple[str, bytes]]:
    """Return every document of the database as MongoDB stores it."""
    documents: list[tuple[str, bytes]] = []
    options = bson.CodecOptions(document_class=RawBSONDocument)
    async with AsyncMongoClient[RawBSONDocument](
        system.about["mongo"], document_class=RawBSONDocument
    ) as client:
        database = client.get_default_database(codec_options=options)
        for name in await database.list_collection_names():
            documents += [(name, bytes(each.raw)) async for each in database[name].find()]
    return documents


async def _take_the_key_away(report: Report, system: StackClient) -> None:
    devices = await device_ids(system)
    file = Path(system.about["data"]) / "session.key"
    right = file.read_text()
    key_id = right.partition(":")[0]
    wrong = [
        ("another key", Key.generate(), f"under key {key_id!r}"),
        ("another key of the same id", Key(key_id, b"x" * 32), f"the one that goes by {key_id!r}"),
    ]
    for name, key, told in wrong:
        file.write_text(key.text())
        await _next_owner_without_a_disk(system)
        await _until_refused(system, told)
        report.figure(name, "disconnected, encryption_key_missing, told by its id")
    file.write_text(right)
    await _next_owner_without_a_disk(system)
    await until_state(system, _NAME, {"connected"})
    await until_delivered(system, [await system.send("with the right key", _NAME)])
    assert await device_ids(system) == devices
    report.figure("the right key again", "connected without a scan, sends")


async def _next_owner_without_a_disk(system: StackClient) -> None:
    generation = (await generations(system))[_NAME]
    await kill_worker(system, lose_disk=True)
    await until_taken(system, _NAME, generation)


async def _until_refused(system: StackClient, text: str) -> None:
    """Wait until the state says that the key is missing and the worker's log says which."""
    log = Path(system.about["data"]) / "logs" / "worker-1.log"

    async def told() -> bool:
        status = await system.status(_NAME)
        assert status["state"] not in ("logged_out", "awaiting_scan", "connected"), status
        refused = (status["state"], status["reason"]) == ("disconnected", "encryption_key_missing")
        return refused and text in log.read_text()

    await eventually(told, "the missing key is told", timedelta(minutes=1))
