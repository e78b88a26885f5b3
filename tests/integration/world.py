"""People with the same things under the same names, made by the examples of the document itself."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from yarl import URL

from tests.integration.operations import OPERATIONS, Operation

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.test_utils import TestClient

    from sessions.storage.mongo import Database

    Client = TestClient[web.Request, web.Application]

EXAMPLE_ID = "business_main"
"""The connection that the document's examples speak of."""
PASSWORD = "correct horse battery"
ALL_SCOPES = ("send", "read", "manage", "business")
_CONNECTIONS = "/api/whatsapp/connections"
_USERS = "/api/users"
_BOUND_SECONDS = 20
"""No answer takes this long; one that does hangs."""
EXAMPLE_CUSTOMER = "000000000000000000customer"
"""The customer that the document's examples speak of."""
_CUSTOMERS = "/api/customers"
_REGISTRATIONS = "/api/events/{id}/registrations"
_SAMPLES = {
    "phone": "+972501234567",
    "number": "+972501234567",
    "chatId": "972501234567@c.us",
}
"""Values of path parameters that name nothing of ours."""


@dataclass(frozen=True)
class Answer:
    """What the API answered."""

    status: int
    headers: Mapping[str, str]
    text: str
    json: Any

    @property
    def is_problem(self) -> bool:
        """Whether it says what is wrong, as RFC 9457 has it."""
        return self.headers.get("Content-Type", "").startswith("application/problem+json")


@dataclass(frozen=True)
class Person:
    """Somebody who signed in; `things` are the ids of what they have, by collection."""

    name: str
    id: str
    token: str
    things: dict[str, str] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """What their requests carry."""
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class World:
    """An API with an administrator and two users."""

    client: Client
    admin: Person
    dana: Person
    noa: Person
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def call(
        self,
        operation: Operation,
        headers: Mapping[str, str],
        values: Mapping[str, str] | None = None,
        body: object = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request of an operation, and look that its answer is a documented one."""
        if body is None and operation.table is not None:
            headers, body = {"Content-Type": "text/csv", **headers}, operation.table.encode()
        answer = await call(
            self.client, operation.method, operation.url(values or {}), headers, body, query
        )
        assert is_documented(operation, answer), (str(operation), answer)
        return answer

    async def new_connection(self, person: Person) -> str:
        """Make a connection with an id that nobody else has."""
        connection_id = f"{person.name}_{next(self.numbers):03}_0"
        await must(
            self.client, "POST", _CONNECTIONS, person.headers, {"connectionId": connection_id}
        )
        return connection_id

    async def new_key(self, person: Person, *scopes: str) -> tuple[str, str]:
        """Make an API key, an administrator's for all owners; return its id and the key."""
        wish: dict[str, Any] = {"name": "Test", "scopes": scopes or ALL_SCOPES}
        if person is self.admin:
            wish["allOwners"] = True
        made = await must(self.client, "POST", "/api/api-keys", person.headers, wish)
        return made.json["id"], made.json["key"]


def is_documented(operation: Operation, answer: Answer) -> bool:
    """Tell whether the document has the status of an answer, and the code of a problem."""
    code_fits = not answer.is_problem or answer.json["code"] in operation.codes
    return code_fits and str(answer.status) in operation.described["responses"]


def values_of(operation: Operation, things: Mapping[str, str]) -> dict[str, str]:
    """Return the path parameters of an operation for somebody's things.

    Raises KeyError for an endpoint that this generator must be taught.
    """
    values: dict[str, str] = {}
    for name in operation.named("path"):
        # The pages' addresses name the same things.
        collection = operation.collection(name).replace("/provider/", "/api/")
        values[name] = things[collection] if collection in things else _SAMPLES[name]
    return values


def body_of(
    operation: Operation,
    connection_id: str,
    mark: str = "",
    things: Mapping[str, str] | None = None,
) -> Any:
    """Return the example of a body, for a connection and somebody's things; texts carry a mark."""
    return for_connection(operation.example, connection_id, mark, things)


def for_connection(
    body: Any, connection_id: str, mark: str = "", things: Mapping[str, str] | None = None
) -> Any:
    """Return a body for another connection than the one of the examples, and another customer."""
    customer = (things or {}).get(_CUSTOMERS, EXAMPLE_CUSTOMER)

    def fill(value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {name: fill(each, name) for name, each in value.items()}
        if isinstance(value, list):
            return [fill(each, name) for each in value]
        if value == EXAMPLE_ID:
            return connection_id
        if value == EXAMPLE_CUSTOMER:
            return customer
        return f"{value} {mark}" if mark and name in ("name", "message") else value

    return fill(body)


async def call(
    client: Client,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: object = None,
    query: Mapping[str, str] | None = None,
) -> Answer:
    """Send a request; bytes are sent as they are, and so is a path.

    Of an answer without end, the beginning is enough.
    """
    url = URL(f"{client.make_url('/')}{path.removeprefix('/')}", encoded=True)
    content: dict[str, Any] = {"json": body}
    if isinstance(body, bytes):
        content = {"data": body}
        headers = {"Content-Type": "application/json", **headers}
    async with (
        asyncio.timeout(_BOUND_SECONDS),
        client.session.request(
            method, url.update_query(query) if query else url, headers=headers, **content
        ) as answer,
    ):
        streams = answer.content_type == "text/event-stream"
        raw = await answer.content.readany() if streams else await answer.read()
        is_json = answer.content_type.endswith("json") and raw
        return Answer(
            answer.status,
            answer.headers,
            raw.decode("utf-8", errors="replace"),
            await answer.json() if is_json else None,
        )


async def must(
    client: Client, method: str, path: str, headers: Mapping[str, str], body: object = None
) -> Answer:
    """Send a request that must be accepted."""
    answer = await call(client, method, path, headers, body)
    assert answer.status < 300, (method, path, answer)
    return answer


@dataclass
class KeptWorld:
    """The first world of a process; others begin as copies, since one takes some 60 requests."""

    people: tuple[Person, ...] = ()
    records: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    async def put_back(self, database: Database) -> None:
        """Store the records, if there are any yet, before an API works on them."""
        for name, records in self.records.items():
            await database[name].delete_many({})
            await database[name].insert_many(records)

    async def lend(self, client: Client, database: Database, first_key: str) -> World:
        """Return the world that was put back, or the first one."""
        if not self.people:
            world = await build_world(client, first_key)
            self.people = _copied((world.admin, world.dana, world.noa))
            names = await database.list_collection_names()
            for name in (each for each in names if not each.startswith("system.")):
                if records := [each async for each in database[name].find()]:
                    self.records[name] = records
            return world
        admin, dana, noa = _copied(self.people)
        return World(client, admin, dana, noa)


def _copied(people: tuple[Person, ...]) -> tuple[Person, ...]:
    return tuple(replace(each, things={**each.things}) for each in people)


async def build_world(client: Client, first_key: str) -> World:
    """Register three people; the two users have the same things under the same names."""
    admin = await _register(client, "admin", {}, first_key)
    world = World(
        client,
        admin,
        await _register(client, "dana", admin.headers, first_key),
        await _register(client, "noa", admin.headers, first_key),
    )
    for person in (world.dana, world.noa):
        await _furnish(world, person)
    return world


async def _register(
    client: Client, name: str, headers: Mapping[str, str], first_key: str
) -> Person:
    wish = {
        "email": f"{name}@example.com",
        "password": PASSWORD,
        "name": name,
        "setupToken": first_key,
    }
    made = await must(client, "POST", "/api/auth/register", headers, wish)
    return Person(name, made.json["user"]["id"], made.json["accessToken"])


async def _furnish(world: World, person: Person) -> None:
    """Make one of everything that the document's examples make."""
    person.things[_USERS] = person.id
    makers = [each for each in OPERATIONS if _makes(each)]
    # A connection comes first: the others are made within one.
    makers.sort(key=lambda each: each.path != _CONNECTIONS)
    for maker in makers:
        body = body_of(maker, EXAMPLE_ID, f"of {person.name}", person.things)
        made = await world.call(maker, person.headers, body=body)
        assert made.status in (201, 202), (str(maker), made)
        collection, thing = _made(maker, made)
        if thing:
            person.things.setdefault(collection, thing)
    event = person.things["/api/events"]
    path = _REGISTRATIONS.replace("{id}", event)
    wish = {"customer": person.things[_CUSTOMERS]}
    registered = await must(world.client, "POST", path, person.headers, wish)
    person.things[_REGISTRATIONS] = registered.json["id"]


def _makes(operation: Operation) -> bool:
    return (
        operation.method == "POST"
        and not operation.is_open
        and not operation.named("path")
        and operation.example is not None
        and bool({"201", "202"} & set(operation.described["responses"]))
    )


def _made(maker: Operation, answer: Answer) -> tuple[str, str]:
    """Return the collection and the id of what was made, which Location or `id` tells."""
    if location := answer.headers.get("Location"):
        collection, _, thing = location.rpartition("/")
        return collection, thing
    return maker.path, str(answer.json.get("id", ""))
