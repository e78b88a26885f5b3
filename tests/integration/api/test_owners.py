"""Nobody sees, changes or learns of what others own; and each scope opens what it says.

Everything here goes through all operations of the OpenAPI document: a new endpoint is tested from
the day it is declared, or these tests say what they must be taught.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests.cases import SHARES, share
from tests.integration.operations import OPERATIONS, Operation, ends_last
from tests.integration.world import (
    ALL_SCOPES,
    EXAMPLE_ID,
    Answer,
    Person,
    World,
    body_of,
    must,
    values_of,
)

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.test_utils import TestClient
    from arq.connections import ArqRedis

    from sessions.storage.mongo import Database
    from tests.seen_commands import SeenCommands

    Client = TestClient[web.Request, web.Application]

CLOSED = [each for each in OPERATIONS if not each.is_open]
OPEN = {
    "/api": "tells only that this is the API",
    "/api/auth/login": "makes somebody known",
    "/api/auth/register": "asks for a set-up token first, and for an administrator afterwards",
    "/api/setup": "tells only whether the first administrator is still to come",
    "/api/auth/refresh": "its body is the credential",
    "/health": "asked by load balancers",
    "/health/live": "asked by load balancers",
    "/health/ready": "asked by load balancers",
    "/link": "the same page for everybody; what it asks for needs the token of a link",
    "/link/pairing-code": "a header is the credential",
    "/link/start": "a header is the credential",
    "/link/state": "a header is the credential",
    "/metrics": "METRICS_TOKEN is its credential, where that is set",
}
"""The paths that ask for nobody, and why that is safe."""
FOR_EVERYBODY_KNOWN = {
    "auth_logout": "ends only the sign-in that asks, and a key has none",
    "auth_me": "tells a key only of itself",
    "auth_change_password": "asks for a person who signed in",
}
"""The operations that need no scope, and why that is safe."""
MAKES_WHAT_IT_NAMES = {"connections_create"}
CONNECTIONS = "/api/whatsapp/connections"
NAMES_A_CONNECTION = "connectionId"
NOBODYS_KEY = "cgw_nobody-has-this-key-0123456789abcdefgh"


@pytest.fixture
def database(noted: tuple[Database, SeenCommands]) -> Database:
    """Give a test a database that knows which collections were written to."""
    return noted[0]


@dataclass
class Stored:
    """What is stored of somebody, by collection; only what was written to is read again."""

    noted: tuple[Database, SeenCommands]
    which: dict[str, Any]
    found: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    async def changes(self) -> bool:
        """Read it as it is now; tell whether it was otherwise the last time."""
        database, seen = self.noted
        written = seen.written() if self.found else await database.list_collection_names()
        seen.all.clear()
        before, now = self.found, await _stored(database, written, self.which)
        self.found = before | now
        return any(before.get(name, []) != each for name, each in now.items())


async def test_what_others_own_is_as_if_it_were_not_there(
    world: World, noted: tuple[Database, SeenCommands], redis: ArqRedis
) -> None:
    leaks, owned = [], Stored(noted, _of(world.dana))
    for operation in ends_last(CLOSED):
        theirs = world.dana.things | {CONNECTIONS: await world.new_connection(world.dana)}
        nobodys = {name: _another(thing) for name, thing in theirs.items()}
        assert await owned.changes()
        secrets = _secrets(owned, world.dana)
        await redis.flushdb()
        given = await _with_things_of(world, operation, theirs)
        rung = await _contents(redis)
        if await owned.changes():
            leaks.append(f"{operation} changed what is another's")
        if any(secret in given.text for secret in secrets - set(theirs.values())):
            leaks.append(f"{operation} told of another's: {given.text}")
        if any(secret in rung for secret in secrets - set(theirs.values())):
            leaks.append(f"{operation} rang for another's: {rung}")
        if not _names_a_thing(operation):
            continue
        absent = await _with_things_of(world, operation, nobodys)
        if _masked(given, theirs) != _masked(absent, nobodys):
            leaks.append(f"{operation} tells what exists: {given} but {absent}")
    assert leaks == []


async def test_what_a_key_is_not_for_is_as_if_it_were_not_there(
    world: World, noted: tuple[Database, SeenCommands], redis: ArqRedis
) -> None:
    """A key for one connection learns nothing of the other one that its owner has."""
    own = await world.new_connection(world.dana)
    wish = {"name": "Test", "scopes": ALL_SCOPES, "connectionIds": [own]}
    made = await must(world.client, "POST", "/api/api-keys", world.dana.headers, wish)
    key = {"X-Api-Key": made.json["key"]}
    things = world.dana.things
    nobodys = {name: _another(thing) for name, thing in things.items()}
    other = await _of_connection(noted[0], world.dana.id, things[CONNECTIONS])
    leaks, stored = [], Stored(noted, other)
    await stored.changes()
    secrets = _secrets(stored, world.dana) - set(things.values())
    for operation in ends_last(CLOSED):
        await redis.flushdb()
        given = await _with_things_of(world, operation, things, key)
        if await stored.changes():
            leaks.append(f"{operation} changed the other connection")
        told = given.text + await _contents(redis)
        if any(secret in told for secret in secrets):
            leaks.append(f"{operation} told of the other connection: {given.text}")
        if not _names_a_thing(operation) or operation.name in MAKES_WHAT_IT_NAMES:
            continue
        absent = await _with_things_of(world, operation, nobodys, key)
        if _masked(given, things) != _masked(absent, nobodys):
            leaks.append(f"{operation} tells what exists: {given} but {absent}")
    assert leaks == []
    listed = await must(world.client, "GET", CONNECTIONS, key)
    assert [each["connectionId"] for each in listed.json["items"]] == [own]


async def test_with_the_same_names_everybody_gets_their_own(
    world: World, noted: tuple[Database, SeenCommands]
) -> None:
    wrong, owned = [], Stored(noted, _of(world.dana))
    await owned.changes()
    secrets = _secrets(owned, world.dana) - set(world.noa.things.values())
    for operation in ends_last(CLOSED):
        answer = await _with_things_of(world, operation, world.noa.things)
        if answer.status >= 500 or answer.status in (400, 401, 404, 413, 415, 422):
            wrong.append(f"{operation} does not work with one's own: {answer}")
        if (answer.status == 403) != (operation.needs == "admin"):
            wrong.append(f"{operation} refuses one's own, or lets a user do all: {answer}")
        if any(secret in answer.text for secret in secrets):
            wrong.append(f"{operation} told of another's: {answer.text}")
        if await owned.changes():
            wrong.append(f"{operation} changed what is another's")
    assert wrong == []


@SHARES
async def test_only_an_administrator_names_another_owner(world: World, whole: bool) -> None:
    owned = [each for each in ends_last(CLOSED) if "owner" in each.named("query")]
    assert owned
    wrong = []
    owners = (world.dana.id, "dana@example.com", "nobody", world.admin.id)
    refused = {(str(operation), owner) for operation, owner in share(owned, owners, whole)}
    for operation in owned:
        values, body = values_of(operation, world.dana.things), _body(operation, world.dana)
        query = _naming(operation, EXAMPLE_ID)

        async def naming(
            owner: str,
            who: Person,
            operation: Operation = operation,
            values: dict[str, str] = values,
            body: Any = body,
            query: dict[str, str] = query,
        ) -> Answer:
            asked = operation.wanted_query | query | {"owner": owner}
            return await world.call(operation, who.headers, values, body, asked)

        for owner in (each for each in owners if (str(operation), each) in refused):
            answer = await naming(owner, world.noa)
            if (answer.status, answer.json["code"]) != (403, "forbidden"):
                wrong.append(f"{operation}?owner={owner} as a user: {answer}")
        if (answer := await naming("nobody", world.admin)).status != 404:
            wrong.append(f"{operation}?owner=nobody as an administrator: {answer}")
        if (answer := await naming(world.dana.id, world.admin)).status not in (*_FINE, 409):
            wrong.append(f"{operation}?owner=dana as an administrator: {answer}")
    assert wrong == []


async def test_each_scope_is_needed_where_it_is_declared_and_nowhere_else(world: World) -> None:
    lacking = {
        scope: (await world.new_key(world.dana, *(set(ALL_SCOPES) - {scope})))[1]
        for scope in ALL_SCOPES
    }
    having = {scope: (await world.new_key(world.dana, scope))[1] for scope in ALL_SCOPES}
    wrong = []
    for operation in ends_last(CLOSED):
        scope = operation.needs
        if scope not in ALL_SCOPES:
            continue
        values, body = values_of(operation, world.dana.things), _body(operation, world.dana)
        refused = await world.call(operation, {"X-Api-Key": lacking[scope]}, values, body)
        if (refused.status, refused.json["code"]) != (403, "forbidden"):
            wrong.append(f"{operation} without {scope}: {refused}")
        allowed = await world.call(operation, {"X-Api-Key": having[scope]}, values, body)
        # A key cannot hand out what it has not got itself.
        if allowed.status in (401, 403) and operation.name != "api_keys_create":
            wrong.append(f"{operation} with {scope} alone: {allowed}")
    assert wrong == []


async def test_an_administrator_sees_everybodys_business_and_each_owners_by_name(
    world: World,
) -> None:
    collections = [each for each in CLOSED if each.needs == "business" and _lists(world, each)]
    assert len(collections) >= len(BUSINESS)
    for operation in collections:
        path = operation.path.replace("/provider/", "/api/")
        theirs = {person.id: person.things[path] for person in (world.dana, world.noa)}
        everybodys = await world.call(operation, world.admin.headers)
        assert all(thing in everybodys.text for thing in theirs.values()), operation
        for owner, thing in theirs.items():
            asked = {"owner": owner}
            answer = await world.call(operation, world.admin.headers, query=asked)
            shown = [each for each in theirs.values() if each in answer.text]
            assert shown == [thing], (str(operation), owner)


async def test_scopes_bind_an_administrators_key_too(world: World) -> None:
    lacking = {
        scope: {"X-Api-Key": (await world.new_key(world.admin, *(set(ALL_SCOPES) - {scope})))[1]}
        for scope in ALL_SCOPES
    }
    for operation in ends_last(CLOSED):
        values, body = values_of(operation, world.dana.things), _body(operation, world.dana)
        scope = operation.scope
        if scope is None:
            assert operation.name in FOR_EVERYBODY_KNOWN
            continue
        refused = await world.call(operation, lacking[scope], values, body)
        told = (refused.status, refused.json["detail"])
        assert told == (403, f"This API key lacks the scope {scope}."), operation


async def test_a_key_lets_in_more_users_only_with_the_scope_for_it(world: World) -> None:
    (register,) = (each for each in OPERATIONS if each.name == "auth_register")
    wish = register.example | {"email": "new@example.com"}
    for scope, status in {"send": 403, "read": 403, "manage": 201}.items():
        _, key = await world.new_key(world.admin, scope)
        answer = await world.call(register, {"X-Api-Key": key}, body=wish)
        assert answer.status == status, (scope, answer)


async def test_an_idempotency_key_is_its_owners(world: World) -> None:
    takes_key = [each for each in CLOSED if "Idempotency-Key" in each.named("header")]
    keyed = [each for each in takes_key if not each.named("path")]
    assert keyed
    for operation in keyed:
        for person in (world.dana, world.noa):
            headers = person.headers | {"Idempotency-Key": operation.name}
            values = values_of(operation, person.things)
            body = body_of(operation, EXAMPLE_ID, f"of {person.name}", person.things)
            answer = await world.call(operation, headers, values, body)
            assert answer.headers.get("Idempotent-Replayed") is None
            refused = (answer.json or {}).get("code")
            assert refused != "idempotency_key_reused", (str(operation), answer)


async def test_an_administrators_endpoint_is_closed_to_users(world: World) -> None:
    _, key = await world.new_key(world.dana)
    for operation in (each for each in CLOSED if each.needs == "admin"):
        values, body = values_of(operation, world.noa.things), _body(operation, world.noa)
        for headers in (world.dana.headers, {"X-Api-Key": key}):
            answer = await world.call(operation, headers, values, body)
            assert (answer.status, answer.json["code"]) == (403, "forbidden"), operation


@SHARES
async def test_without_a_key_that_works_now_everything_is_closed(world: World, whole: bool) -> None:
    key_id, key = await world.new_key(world.dana)
    await must(world.client, "GET", "/api/auth/me", {"X-Api-Key": key})
    await must(world.client, "DELETE", f"/api/api-keys/{key_id}", world.dana.headers)
    await must(world.client, "POST", "/api/auth/logout", world.noa.headers)
    strangers = [
        {},
        {"X-Api-Key": key},
        {"X-Api-Key": NOBODYS_KEY},
        world.noa.headers,
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic ZGFuYTpwYXNzd29yZA=="},
        # A key that does not work is not made good by a token that does.
        {"X-Api-Key": key, **world.dana.headers},
    ]
    for operation, headers in share(CLOSED, strangers, whole):
        values, body = values_of(operation, world.dana.things), _body(operation, world.dana)
        answer = await world.call(operation, headers, values, body)
        told = (answer.status, answer.json["code"], answer.headers["WWW-Authenticate"])
        assert told == (401, "unauthorized", "Bearer"), (str(operation), headers)


async def test_what_is_open_asks_for_nobody_and_is_meant_to_be(world: World) -> None:
    opened = [each for each in OPERATIONS if each.is_open]
    assert {each.path for each in opened} == set(OPEN)
    for operation in opened:
        values, body = values_of(operation, world.dana.things), _body(operation, world.dana)
        answer = await world.call(operation, {}, values, body)
        assert (answer.json or {}).get("code") != "unauthorized", operation


BUSINESS = (
    "customers", "appointments", "events", "subscribers", "templates", "automations", "campaigns",
)  # fmt: skip


def _lists(world: World, operation: Operation) -> bool:
    """Tell whether an operation lists things of which everybody in this world has one."""
    path = operation.path.replace("/provider/", "/api/")
    is_list = operation.method == "GET" and not operation.named("path")
    return is_list and path in world.dana.things


_FINE = (200, 201, 202, 204)


async def _with_things_of(
    world: World,
    operation: Operation,
    things: dict[str, str],
    headers: dict[str, str] | None = None,
) -> Answer:
    """Call as Noa, or with a key, naming things in the path, in the body and in the query."""
    connection = things[CONNECTIONS]
    return await world.call(
        operation,
        headers or world.noa.headers,
        values_of(operation, things),
        body_of(operation, connection, "of noa", things),
        _naming(operation, connection),
    )


def _body(operation: Operation, person: Person) -> Any:
    return body_of(operation, EXAMPLE_ID, things=person.things)


def _naming(operation: Operation, connection: str) -> dict[str, str]:
    """Return the query that names a connection, if the operation takes it there."""
    return {name: connection for name in operation.named("query") if name == NAMES_A_CONNECTION}


def _names_a_thing(operation: Operation) -> bool:
    # A recipient is nobody's thing; the answer counts what is one's own, which is gone then.
    return (
        (operation.named("path") != [] and operation.name != "recipients_erase")
        or NAMES_A_CONNECTION in operation.named("query")
        or EXAMPLE_ID in str(operation.content and operation.example)
    )


def _another(thing: str) -> str:
    """Return an id like this one, which nobody has."""
    return thing[:-1] + ("x" if thing[-1] != "x" else "y")


def _of(person: Person) -> dict[str, Any]:
    """Return the filter of all that is stored of a person."""
    return {"$or": [{"owner": person.id}, {"user": person.id}, {"_id": person.id}]}


async def _of_connection(database: Database, owner: str, connection_id: str) -> dict[str, Any]:
    """Return the filter of all that is stored of one connection."""
    found = await database["connections"].find_one({"owner": owner, "connectionId": connection_id})
    assert found is not None
    return {"$or": [{"_id": found["_id"]}, {"connection": found["_id"]}]}


async def _stored(
    database: Database, names: Iterable[str], which: dict[str, Any]
) -> dict[str, list[dict[str, Any]]]:
    """Return what is stored, by collection; asked in one call, since there are many of them."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    look: list[dict[str, Any]] = [
        {
            "$unionWith": {
                "coll": name,
                "pipeline": [
                    {"$match": which},
                    {"$sort": {"_id": 1}},
                    {"$project": {"_id": False, "in": name, "is": "$$ROOT"}},
                ],
            }
        }
        for name in found
    ]
    async for each in database.aggregate([{"$documents": []}, *look]):
        found[each["in"]].append(each["is"])
    return found


def _secrets(owned: Stored, person: Person) -> set[str]:
    """Return what tells of a person's things: ids, the address, and the marks of their texts."""
    ids = {str(each["_id"]) for documents in owned.found.values() for each in documents}
    return ids | {f"{person.name}@example.com", f"of {person.name}"}


async def _contents(redis: ArqRedis) -> str:
    """Return the keys in Redis, and what the plain ones hold."""
    keys = await redis.keys("*")
    values = [await redis.get(key) for key in keys if await redis.type(key) == b"string"]
    return str([*keys, *values])


_VOLATILE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\b[0-9a-z]{26}\b|cgw_[\w-]{43}")


def _masked(answer: Answer, things: dict[str, str]) -> tuple[int, str, list[str]]:
    """Return what an answer says, without the ids asked for and what differs every time."""
    text = answer.text
    for thing in things.values():
        text = text.replace(thing, "(asked for)")
    location = answer.headers.get("Location", "")
    for thing in things.values():
        location = location.replace(thing, "(asked for)")
    names = sorted(name for name in answer.headers if name != "Content-Length")
    return answer.status, _VOLATILE.sub("(new)", text + location), names
