"""What every process has logged lately: kept in MongoDB, and found there by an administrator."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger

from sessions.common.clock import utc_now
from sessions.logs.records import LogQuery, LogRecords, RecordBuffer, keeping_records
from sessions.storage.mongo import open_database
from tests.conftest import PATIENCE
from tests.gate import gate_before
from tests.logging_setup import log_settings, logging_as
from tests.waiting import until

if TYPE_CHECKING:
    from sessions.embedded import ServerUris
    from sessions.storage.mongo import Database
    from tests.integration.conftest import Client


async def _log(database: Database, folder: Path, *lines: tuple[str, str, dict[str, Any]]) -> None:
    with logging_as(log_settings(folder)):
        async with keeping_records(database, "info"):
            for level, message, bound in lines:
                logger.bind(**bound).log(level, message)


async def _found(client: Client, **query: Any) -> list[str]:
    answer = await client.get("/api/logs", params=query)
    assert answer.status == 200, await answer.text()
    return [item["message"] for item in (await answer.json())["items"]]


async def test_an_administrator_finds_what_was_logged(
    client: Client, database: Database, tmp_path: Path
) -> None:
    await _log(
        database,
        tmp_path,
        ("INFO", "first", {"connection": "main", "owner": "admin", "messageId": "01abc"}),
        ("ERROR", "second, about +972501234567", {"connection": "other"}),
        ("WARNING", "third", {"connection": "main"}),
        ("DEBUG", "too little to keep", {}),
    )
    assert await _found(client) == ["third", "second, about ***567", "first"]
    assert await _found(client, level="warn") == ["third", "second, about ***567"]
    assert await _found(client, level="error") == ["second, about ***567"]
    assert await _found(client, connectionId="main") == ["third", "first"]
    assert await _found(client, connectionId="main", level="warn") == ["third"]
    assert await _found(client, process="control_api", limit=1) == ["third"]
    assert await _found(client, process="worker") == []
    (first,) = (await (await client.get("/api/logs?connectionId=main&level=info&limit=2")).json())[
        "items"
    ][1:]
    assert datetime.fromisoformat(first.pop("time")) < utc_now() + timedelta(seconds=1)
    assert first == {
        "level": "info",
        "process": "control_api",
        "owner": "admin",
        "connection": "main",
        "messageId": "01abc",
        "message": "first",
    }


async def test_pages_follow_each_other_without_gap(
    client: Client, database: Database, tmp_path: Path
) -> None:
    await _log(database, tmp_path, *(("INFO", f"line {n}", {}) for n in range(25)))
    seen: list[str] = []
    query: dict[str, Any] | None = {"limit": 10}
    while query:
        body = await (await client.get("/api/logs", params=query)).json()
        seen += [item["message"] for item in body["items"]]
        query = {"limit": 10, "cursor": body["cursor"]} if "cursor" in body else None
    assert seen == [f"line {n}" for n in reversed(range(25))]


async def test_since_and_until_bound_the_time(
    client: Client, database: Database, tmp_path: Path
) -> None:
    await _log(database, tmp_path, ("INFO", "a", {}), ("INFO", "b", {}), ("INFO", "c", {}))
    _, middle, first = (await (await client.get("/api/logs")).json())["items"]
    assert await _found(client, since=middle["time"]) == ["c", "b"]
    assert await _found(client, until=middle["time"]) == ["a"]
    assert await _found(client, since=first["time"], until=middle["time"]) == ["a"]


async def test_a_number_as_a_name_is_found_though_it_is_masked(
    client: Client, database: Database, tmp_path: Path
) -> None:
    await _log(database, tmp_path, ("INFO", "about it", {"connection": "972501234567"}))
    assert await _found(client, connectionId="972501234567") == ["about it"]
    assert "972501234567" not in await (await client.get("/api/logs")).text()


async def test_what_cannot_be_meant_is_refused(client: Client) -> None:
    for query in ("level=loud", "limit=0", "since=yesterday", "since=2026-01-01", "what=1"):
        answer = await client.get(f"/api/logs?{query}")
        assert answer.status == 422, query


async def test_every_search_goes_by_an_index(database: Database) -> None:
    records = LogRecords(database)
    await records.prepare()
    moment = utc_now()
    await records.add([_document(number, moment) for number in range(2000)])
    searches = (
        LogQuery(),
        LogQuery("error"),
        LogQuery("warn", connection="c1"),
        LogQuery(process="w1"),
        LogQuery("error", connection="c1", process="w1"),
        LogQuery(since=moment, until=moment + timedelta(seconds=1)),
    )
    for query in searches:
        looked_at, found = await _effort(database, records, query)
        assert looked_at <= 3 * found + 10, query


def _document(number: int, moment: datetime) -> dict[str, Any]:
    key = f"{(moment + timedelta(milliseconds=number)).isoformat()}-{number:05d}"
    level = ("info", "info", "warn", "error")[number % 4]
    names = ["worker", f"w{number % 3}"]
    return {"_id": key, "level": level, "connection": f"c{number % 5}", "names": names}


async def _effort(database: Database, records: LogRecords, query: LogQuery) -> tuple[int, int]:
    """Return how many documents MongoDB looked at for a page, and how many it gave."""
    await database.command("profile", 2)
    found = await records.page(query, None, 20)
    await database.command("profile", 0)
    last = await database["system.profile"].find_one(
        {"command.find": "logRecords"}, sort=[("ts", -1)]
    )
    assert last is not None
    assert "hasSortStage" not in last, query
    return last["docsExamined"], len(found)


async def test_the_oldest_records_go_when_they_take_too_much(database: Database) -> None:
    records = LogRecords(database, largest=50_000)
    moment = utc_now()
    await records.add([_document(number, moment) | {"message": "x" * 500} for number in range(300)])
    await records.trim()
    kept = await records.page(LogQuery(), None, 300)
    assert 40 < len(kept) < 100
    assert kept[0]["_id"].endswith("-00299")
    assert [each["_id"] for each in kept] == sorted((each["_id"] for each in kept), reverse=True)
    await records.trim()
    assert len(await records.page(LogQuery(), None, 300)) == len(kept)


async def test_old_records_go_by_themselves(database: Database) -> None:
    await LogRecords(database).prepare()
    indexes = await database["logRecords"].index_information()
    assert indexes["at_1"]["expireAfterSeconds"] == 7 * 24 * 60 * 60


async def test_while_mongodb_is_frozen_logging_goes_on_and_nothing_waits(
    servers: ServerUris, database: Database, tmp_path: Path
) -> None:
    with gate_before(servers.mongo) as gate:
        uri = f"mongodb://127.0.0.1:{gate.port}/{database.name}?directConnection=true"
        with logging_as(log_settings(tmp_path)) as file:
            async with open_database(uri, PATIENCE) as through, keeping_records(through, "info"):
                logger.info("before")
                await until(lambda: _count(database, 1))
                gate.shut()
                logger.info("the first that waits")
                await until(lambda: gate.holds)
                for number in range(98):
                    logger.info("line {}", number)
                assert len(file.read_text().splitlines()) == 100
                gate.open()
                await until(lambda: _count(database, 100))
    newest = await LogRecords(database).page(LogQuery(), None, 1)
    assert newest[0]["message"] == "line 97"


async def _count(database: Database, number: int) -> bool:
    return await database["logRecords"].count_documents({}) == number


async def test_a_program_ends_though_mongodb_never_comes_back(
    servers: ServerUris, database: Database, tmp_path: Path
) -> None:
    with logging_as(log_settings(tmp_path)), gate_before(servers.mongo) as gate:
        uri = f"mongodb://127.0.0.1:{gate.port}/{database.name}?directConnection=true"
        async with open_database(uri, PATIENCE) as through, keeping_records(through, "info"):
            gate.shut()
            logger.info("never stored")


def test_a_buffer_that_is_full_drops_the_oldest(tmp_path: Path) -> None:
    buffer = RecordBuffer(longest=3)
    with logging_as(log_settings(tmp_path)):
        logger.add(buffer.write, format="{message}")
        for number in range(5):
            logger.info("line {}", number)
    waiting = buffer.first(10)
    assert [each["message"] for each in waiting] == ["line 2", "line 3", "line 4"]
    assert buffer.dropped == 2
    assert json.dumps(waiting, default=str)
    buffer.remove(waiting[:2])
    assert buffer.first(10) == waiting[2:]
