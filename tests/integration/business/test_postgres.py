"""Subscribers from a real PostgreSQL: brought here, kept in step, and nothing twice."""

from __future__ import annotations

import asyncio
import json
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from business.model import Agreement, Purpose, SubscriberStatus
from business.postgres.report import Report
from business.postgres.rounds import Rounds, Wanted
from business.postgres.table import TableRow
from sessions.common.errors import ConfigurationError, StoreUnavailableError
from tests.builders import OWNER
from tests.integration.business.conftest import PHONE, Shop
from tests.integration.processes.programs import program
from tests.postgres import PASSWORD, Postgres
from tests.waiting import until

if TYPE_CHECKING:
    from sessions.embedded import ServerUris
    from sessions.storage.mongo import Database

pytestmark = [pytest.mark.slow]

TABLE = "CREATE TABLE subscribers (id serial PRIMARY KEY, full_name text, mobile text, active bool)"
ROWS = """INSERT INTO subscribers (full_name, mobile, active) VALUES
    ('Dana Levi', '+972541234567', true), ('Avi', '0541234567', true),
    (NULL, '+972-54-9876543', true), ('Noa', '+972551234567', false),
    ('Dana again', '+972 54 123 4567', true)"""
MANY = """INSERT INTO subscribers (full_name, mobile, active)
    SELECT 'Somebody', '+97254' || lpad(n::text, 7, '0'), true FROM generate_series(1, 1200) n"""
LONG = timedelta(minutes=10)


class Told(Report):
    """A report that a test reads."""

    def __init__(self) -> None:
        super().__init__(as_json=False)
        self.reasons: dict[int, str | None] = {}
        self.not_there: int | None = None
        self.rounds = 0

    def row(self, row: TableRow, outcome: str, reason: str | None = None) -> None:
        super().row(row, outcome, reason)
        if reason is not None:
            self.reasons[row.number] = reason

    def end(self, not_there: int | None) -> None:
        super().end(not_there)
        self.not_there, self.rounds = not_there, self.rounds + 1


@pytest.fixture(scope="module")
def cluster() -> Iterator[Postgres]:
    with Postgres() as cluster:
        yield cluster


@pytest.fixture
async def postgres(cluster: Postgres) -> Postgres:
    """Give a test a table of subscribers with nobody in it."""
    await cluster.ready()
    await cluster.run("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", TABLE)
    return cluster


def rounds(shop: Shop, postgres: Postgres, told: Report, **wanted: Any) -> Rounds:
    fields = {"table": "subscribers", "columns": {}, "list": "news", **wanted}
    wish = Wanted(owner=OWNER, **{"address": postgres.address(), **fields})
    return Rounds(wish, shop.business.stores, told, shop.clock)


async def one_round(shop: Shop, postgres: Postgres, **wanted: Any) -> Told:
    told = Told()
    await rounds(shop, postgres, told, **wanted).round(asyncio.Event())
    return told


async def subscribers(shop: Shop) -> Mapping[str, tuple[str, str]]:
    found = await shop.business.stores.subscribers.all(OWNER, {})
    return {each.phone: (each.name, str(each.status)) for each in found}


async def test_a_table_is_brought_here_and_repeating_it_changes_nothing(
    shop: Shop, postgres: Postgres
) -> None:
    await postgres.run(ROWS)
    told = await one_round(shop, postgres)
    assert told.counts == Counter(created=3, refused=2)
    assert "country code" in str(told.reasons[2])
    assert "more than once" in str(told.reasons[5])
    assert await subscribers(shop) == {
        PHONE: ("Dana Levi", "subscribed"),
        "+972549876543": ("", "subscribed"),
        "+972551234567": ("Noa", "unsubscribed"),
    }
    again = await one_round(shop, postgres)
    assert again.counts == Counter(unchanged=3, refused=2)


async def test_a_change_there_arrives_and_what_vanished_there_stays(
    shop: Shop, postgres: Postgres
) -> None:
    await postgres.run(ROWS)
    await one_round(shop, postgres)
    await postgres.run(
        "UPDATE subscribers SET full_name = 'Dana Cohen', active = false WHERE id = 1",
        "DELETE FROM subscribers WHERE id > 3",
    )
    told = await one_round(shop, postgres)
    assert told.counts == Counter(updated=1, unchanged=1, refused=1)
    assert told.not_there == 1
    assert (await subscribers(shop))[PHONE] == ("Dana Cohen", "unsubscribed")
    assert (await subscribers(shop))["+972551234567"] == ("Noa", "unsubscribed")


async def test_who_has_opted_out_stays_so(shop: Shop, postgres: Postgres) -> None:
    refused = {Purpose.MARKETING: Agreement.OUT}
    consents = shop.business.consents
    await consents.record(OWNER, PHONE, refused, "reply", shop.clock(), "message")
    await postgres.run(ROWS)
    for _ in range(2):
        await one_round(shop, postgres)
        assert (await subscribers(shop))[PHONE] == ("Dana Levi", "unsubscribed")
    found = await consents.of(OWNER, PHONE, shop.clock())
    assert found.state(Purpose.MARKETING) is Agreement.OUT
    other = await consents.of(OWNER, "+972549876543", shop.clock())
    assert other.consents[Purpose.MARKETING].how == "postgres"


async def test_who_was_taken_off_the_list_here_stays_so(shop: Shop, postgres: Postgres) -> None:
    await postgres.run(ROWS)
    await one_round(shop, postgres)
    (found,) = await shop.business.stores.subscribers.all(OWNER, {"phone": PHONE})
    gone = {"status": SubscriberStatus.UNSUBSCRIBED}
    await shop.business.subscribers.change(found, gone)
    await one_round(shop, postgres)
    assert (await subscribers(shop))[PHONE] == ("Dana Levi", "unsubscribed")


async def test_a_server_that_goes_in_the_middle_leaves_what_was_stored_and_the_rest_follows(
    shop: Shop, postgres: Postgres
) -> None:
    class Cut(Told):
        """Ends the server when the first rows are stored."""

        def row(self, row: TableRow, outcome: str, reason: str | None = None) -> None:
            super().row(row, outcome, reason)
            if row.number == 1 and outcome == "created":
                postgres.kill()

    await postgres.run(MANY)
    cut = Cut()
    stop = asyncio.Event()
    with pytest.raises(StoreUnavailableError):
        await rounds(shop, postgres, cut).round(stop)
    assert 0 < len(await subscribers(shop)) < 1200
    assert cut.not_there is None
    keeping = asyncio.create_task(
        rounds(shop, postgres, told := Told()).keep_in_step(timedelta(milliseconds=50), stop)
    )
    postgres.start()
    await until(lambda: told.counts["unchanged"] == 1200)
    stop.set()
    await keeping
    assert len(await subscribers(shop)) == 1200


@pytest.mark.parametrize(
    ("address", "wanted", "says"),
    [
        ({"password": "the wrong one"}, {}, "refuses"),
        ({"name": "nowhere"}, {}, "nowhere"),
        ({}, {"table": "people"}, "There are: public.subscribers"),
        ({}, {"columns": {"phone": ("telefon",)}}, "id, full_name, mobile, active"),
        ({"user": "guest", "password": "guest"}, {}, "permission denied"),
    ],
)
async def test_what_an_operator_has_to_change_is_told(
    shop: Shop,
    postgres: Postgres,
    address: dict[str, str],
    wanted: dict[str, Any],
    says: str,
) -> None:
    await postgres.run(
        "DROP ROLE IF EXISTS guest", "CREATE ROLE guest LOGIN PASSWORD 'guest'", ROWS
    )
    with pytest.raises(ConfigurationError) as error:
        await one_round(shop, postgres, address=postgres.address(**address), **wanted)
    assert says in str(error.value)
    assert "wrong" not in str(error.value)


async def test_a_table_of_another_schema_and_with_capitals_is_found(
    shop: Shop, postgres: Postgres
) -> None:
    await postgres.run(
        "DROP SCHEMA IF EXISTS crm CASCADE",
        "CREATE SCHEMA crm",
        'CREATE TABLE crm."Subscribers" ("phoneNumber" text, "firstName" text, "lastName" text)',
        "INSERT INTO crm.\"Subscribers\" VALUES ('+972541234567', 'Dana', 'Levi')",
    )
    await one_round(shop, postgres, table="crm.subscribers")
    assert await subscribers(shop) == {PHONE: ("Dana Levi", "subscribed")}


async def test_the_command_tells_in_lines_of_json_and_never_the_password(
    tmp_path: Path, postgres: Postgres, database: Database, servers: ServerUris
) -> None:
    await postgres.run(ROWS)
    async with importing(tmp_path, servers, postgres.address(), "--json") as process:
        out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    first, *lines, last = map(json.loads, out.decode().splitlines())
    assert first["taken"] == {"phone": "mobile", "name": "full_name", "status": "active"}
    assert [(each["key"], each["outcome"]) for each in lines if each["row"] == 2] == [
        ("2", "refused")
    ]
    assert last == {
        "created": 3,
        "updated": 0,
        "unchanged": 0,
        "refused": 2,
        "complete": True,
        "notInTable": 0,
    }
    assert PASSWORD not in (out + errors).decode()
    assert PHONE not in (out + errors).decode()


async def test_the_command_with_a_wrong_password_ends_with_78(
    tmp_path: Path, postgres: Postgres, servers: ServerUris
) -> None:
    address = postgres.address("the wrong one")
    async with importing(tmp_path, servers, address, "--watch", "1s") as process:
        _, errors = await process.communicate()
    assert process.returncode == 78
    assert "DATABASE_URL" in errors.decode()
    assert "wrong" not in errors.decode()


async def test_the_command_keeps_in_step_until_it_is_stopped(
    tmp_path: Path, postgres: Postgres, servers: ServerUris, database: Database
) -> None:
    await postgres.run(ROWS)

    async def has(name: str) -> bool:
        return await there["subscribers"].find_one({"name": name}) is not None

    # The programs have a database of their own.
    there = database.client.get_database("chatgrow")
    async with importing(tmp_path, servers, postgres.address(), "--watch", "100ms") as process:
        await until(lambda: has("Dana Levi"))
        await postgres.run("UPDATE subscribers SET full_name = 'Dana Cohen' WHERE id = 1")
        await until(lambda: has("Dana Cohen"))
        process.send_signal(signal.SIGTERM)
        await process.communicate()
    assert process.returncode == 0


@asynccontextmanager
async def importing(
    tmp_path: Path, servers: ServerUris, address: str, *options: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    settings = {"DATABASE_URL": address, "STARTUP_TIMEOUT": "20"}
    command = ("import-subscribers", *options)
    async with program("business", tmp_path, servers, *command, **settings) as process:
        yield process
