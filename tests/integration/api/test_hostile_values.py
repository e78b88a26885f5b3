"""Hostile values in every place of every endpoint: text stays text, and nothing breaks or hangs.

Like the tests of owners, these go through the OpenAPI document, so that a new endpoint or field is
attacked from the day it is declared.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import jwt
import pytest

from sessions.common.clock import utc_now
from tests.cases import SHARES, in_one_test, share
from tests.integration.conftest import JWT_SECRET
from tests.integration.operations import (
    OPERATIONS,
    Operation,
    Path,
    Schema,
    ends_last,
    fields_of,
    full_body,
    with_value,
)
from tests.integration.world import (
    EXAMPLE_CUSTOMER,
    EXAMPLE_ID,
    Answer,
    World,
    body_of,
    call,
    is_documented,
    values_of,
)

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.test_utils import TestClient

    from sessions.storage.mongo import Database
    from tests.seen_commands import SeenCommands

    Client = TestClient[web.Request, web.Application]

MILLION = 1_000_000
TEXTS = {
    "an operator": '{"$ne": ""}',
    "a name of an operator": "$where",
    "a variable of a pipeline": "$$NOW",
    "a path of a pipeline": "$owner",
    "NUL": "before NUL\x00behind it",
    "line ends": "a\r\nX-Injected: 1\r\n\r\n",
    "right to left": "\u202eolleh \u05e9\u05dc\u05d5\u05dd\u200f",
    "emoji": "👩‍👩‍👧‍👦 🏳️‍🌈 \U0010ffff",
    "marks on marks": "z\u0351\u036b\u0343 e\u0301 \u00e9",
    "a million characters": "x" * MILLION,
    "a number beyond all": "1e400",
    "minus nothing": "-0",
    "another folder": "../../../../etc/passwd",
    "a page": "<script>alert(1)</script>",
    "a query": "' OR '1'='1",
    "a template": "{{7*7}}${7*7}%s%n",
    "spaces": " \t ",
}
VALUES = {
    "operator $ne": '{"$ne": ""}',
    "operator $gt": '{"$gt": ""}',
    "operator $regex": '{"$regex": ".*"}',
    "operator $where": '{"$where": "sleep(10000)"}',
    "operator in a list": '[{"$ne": ""}]',
    "a number beyond all": "1e400",
    "minus nothing": "-0",
    "a huge number": "9" * 400,
    "a number below all": "-9223372036854775809",
    "no number": "NaN",
    "an escaped NUL": '"\\u0000"',
    "true": "true",
    "null": "null",
    "a name of the language": '{"__proto__": {"admin": true}, "constructor": {}}',
}
BODIES = {
    **VALUES,
    "a number too long": "9" * 5000,
    "infinity": "-Infinity",
    "a lone surrogate": '{"name": "\\ud800"}',
    "deep lists": "[" * 5000 + "]" * 5000,
    "deep objects": '{"a":' * 5000 + "1" + "}" * 5000,
    "a flat list": "[" + "1," * 50_000 + "1]",
    "names given twice": '{"a": 1, "a": {"$ne": ""}}',
    "an unknown name": '{"$where": "sleep(10000)"}',
}
WIRE = {
    "a lone surrogate": "%ED%A0%80",
    "no UTF-8": "%FF%FE",
    "cut off": "%E2%82",
    "no escape": "%zz",
    "dots": "%2e%2e%2f%2e%2e%2f",
}
"""Parts of a URL that stand for no text."""
NOT_KEPT = {
    "connectionId": "names what is there already",
    "email": "written in lower case",
    "password": "kept as a hash",
    "newPassword": "kept as a hash",
    "refreshToken": "compared with a hash",
    "setupToken": "compared with a hash",
    "phoneNumber": "written as E.164",
    "to": "written as a WhatsApp id",
    "reason": "a filter",
    "sendAt": "a time",
    "startsAt": "a time",
    "endsAt": "a time",
    "phone": "written as E.164",
    "customer": "names what is there already",
    "variables": "shown, and not kept",
    "draft": "shown, and not kept",
    "expiresAt": "a time",
}
"""Fields of which something else is stored than what was sent, or nothing."""


@pytest.fixture
def database(noted: tuple[Database, SeenCommands]) -> Database:
    """Give a test a database that knows which collections were written to."""
    return noted[0]


@SHARES
async def test_text_in_a_body_is_kept_as_text_or_refused(
    world: World, noted: tuple[Database, SeenCommands], whole: bool
) -> None:
    wrong = []
    database, seen = noted
    texts = {name: json.dumps(text) for name, text in TEXTS.items()}
    for each in _attacks(texts, whole):
        seen.all.clear()
        answer = await _send(world, each.operation, each.body)
        wrong += _judge(world, each.operation, each.what, answer)
        kept = answer.status < 300 and each.path[-1] not in NOT_KEPT
        text = TEXTS[each.name].strip()
        if kept and not await _is_stored(database, seen.written(), text, world):
            wrong.append(f"{each.operation} {each.what}: accepted, and not kept as it is: {answer}")
    assert wrong == []


@SHARES
async def test_what_is_no_text_in_a_body_is_refused(world: World, whole: bool) -> None:
    wrong = []
    for each in _attacks(VALUES, whole):
        answer = await _send(world, each.operation, each.body)
        wrong += _judge(world, each.operation, each.what, answer)
        is_operator = each.name.startswith("operator") and each.schema.get("type") == "string"
        if is_operator and answer.status < 300:
            wrong.append(f"{each.operation} {each.what}: an operator was accepted: {answer}")
    assert wrong == []


@SHARES
async def test_a_body_that_is_nothing_but_hostile_is_refused(world: World, whole: bool) -> None:
    wrong = []
    for operation, (name, body) in share(_BODIES, BODIES.items(), whole):
        answer = await _send(world, operation, body.encode())
        wrong += _judge(world, operation, name, answer)
        if answer.status < 300:
            wrong.append(f"{operation} {name}: accepted: {answer}")
    assert wrong == []


async def test_of_a_name_given_twice_the_last_value_counts(world: World) -> None:
    for operation in _BODIES:
        body = body_of(operation, EXAMPLE_ID, things=world.dana.things)
        for name in body:
            twice = json.dumps(body)[:-1] + f', {json.dumps(name)}: {{"$ne": ""}}}}'
            answer = await _send(world, operation, twice.encode())
            assert answer.status in (400, 422), (operation, name, answer)


@SHARES
async def test_hostile_paths_name_nothing(world: World, whole: bool) -> None:
    wrong = []
    places = [(each, name) for each in OPERATIONS for name in each.named("path")]
    for (operation, name), (what, value) in share(places, _on_the_wire(), whole):
        values = values_of(operation, world.dana.things) | {name: "HERE"}
        path = operation.url(values).replace("HERE", value)
        body = body_of(operation, EXAMPLE_ID, things=world.dana.things)
        answer = await call(world.client, operation.method, path, world.dana.headers, body)
        if (answer.json or {}).get("code") not in _NO_PATH_OF_OURS:
            wrong += _judge(world, operation, f"{name} {what}", answer)
        if answer.status < 300:
            wrong.append(f"{operation} {name} {what}: found: {answer}")
    assert wrong == []


@SHARES
async def test_hostile_parameters_are_refused(world: World, whole: bool) -> None:
    wrong = []
    for operation, name, what, value in _parameters(whole):
        path = f"{operation.url(values_of(operation, world.dana.things))}?{name}={value}"
        body = body_of(operation, EXAMPLE_ID, things=world.dana.things)
        answer = await call(world.client, operation.method, path, world.dana.headers, body)
        wrong += _judge(world, operation, f"{name} {what}", answer)
        if answer.status < 300 and not operation.is_open and name not in _SEARCHED:
            wrong.append(f"{operation} {name} {what}: accepted: {answer}")
    assert wrong == []


async def test_a_parameter_given_twice_is_refused(world: World) -> None:
    wrong = []
    places = [(each, name) for each in ends_last(OPERATIONS) for name in each.named("query")]
    for operation, name in places:
        path = operation.url(values_of(operation, world.dana.things))
        body = body_of(operation, EXAMPLE_ID, things=world.dana.things)
        person = world.admin if operation.needs == "admin" else world.dana
        twice = f"{path}?{name}={person.id}&{name}={person.id}"
        answer = await call(world.client, operation.method, twice, person.headers, body)
        if (answer.json or {}).get("code") != "invalid_parameter":
            wrong.append(f"{operation} {name}: {answer}")
    assert wrong == []


@SHARES
async def test_hostile_headers_break_nothing(world: World, whole: bool) -> None:
    wrong = []
    places = [
        (each, name)
        for each in ends_last(OPERATIONS)
        for name in (*each.named("header"), *_UNDECLARED_HEADERS.get(each.name, ()))
    ]
    for (operation, name), (what, text) in share(places, _in_a_header(), whole):
        answer = await world.call(
            operation,
            world.dana.headers | {name: text},
            values_of(operation, world.dana.things),
            body_of(operation, EXAMPLE_ID, things=world.dana.things),
        )
        wrong += _judge(world, operation, f"{name} {what}", answer)
    assert wrong == []


@SHARES
async def test_a_token_that_is_not_ours_opens_nothing(world: World, whole: bool) -> None:
    closed = [each for each in OPERATIONS if not each.is_open]
    tokens = _tokens(world.dana.token, JWT_SECRET)
    for operation, (what, token) in share(closed, tokens, whole):
        answer = await world.call(
            operation,
            {"Authorization": f"Bearer {token}"},
            values_of(operation, world.dana.things),
            body_of(operation, EXAMPLE_ID, things=world.dana.things),
        )
        assert answer.status == 401, (what, str(operation), answer)


@in_one_test(
    ("header", "value"),
    product(
        ["Authorization: Bearer ", "X-Api-Key: ", "Authorization: "],
        [b"\xff\xfe.\xed\xa0\x80.\xff", "שלום".encode(), b"a.b.\xc3\x28"],
    ),
)
async def test_credentials_that_are_no_text_are_unknown(
    stranger: Client, header: str, value: bytes
) -> None:
    raw = f"GET /api/auth/me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}".encode()
    assert (await _raw(stranger, raw + value + b"\r\n\r\n")).startswith(b"HTTP/1.1 401 ")


_OF_OPERATORS = ("/metrics",)
"""Endpoints that tell of everybody, for which METRICS_TOKEN is there."""
_SEARCHED = ("search", "tag", "list", "reference", "idempotencyKey")
"""Parameters that take any text, which is looked for as it is."""
_NO_PATH_OF_OURS = ("not_found", "method_not_allowed")
_ANY = ("Accept", "Content-Type", "Content-Encoding", "Origin", "X-Forwarded-For", "Cookie")
_UNDECLARED_HEADERS = {"connections_qr": _ANY, "messages_send": _ANY, "health_check": _ANY}
"""Headers that many endpoints read in one place, and one endpoint of each kind."""
_BODIES = [each for each in OPERATIONS if each.content]
_A_LINE = 6000
"""Characters that fit into a request line or a header."""


@dataclass(frozen=True)
class _Attack:
    """A full body that has a hostile value in one place."""

    operation: Operation
    path: Path
    schema: Schema
    name: str
    body: bytes

    @property
    def what(self) -> str:
        """The place and the value."""
        return f"{self.path} {self.name}"


def _attacks(values: Mapping[str, str], whole: bool) -> Iterator[_Attack]:
    """Put values, which are JSON, into the fields of all bodies."""
    mark = "the place of the value"
    fields = [(each, *field) for each in _BODIES for field in fields_of(each)]
    for (operation, path, schema), (name, value) in share(fields, values.items(), whole):
        template = json.dumps(with_value(full_body(operation, path), path, mark))
        body = template.replace(json.dumps(mark), value).encode()
        yield _Attack(operation, path, schema, name, body)


def _parameters(whole: bool) -> Iterator[tuple[Operation, str, str, str]]:
    """Put hostile texts into all parameters, and one into parameters that there are not."""
    wire = list(_on_the_wire())
    operations = ends_last(OPERATIONS)
    places = [(each, name) for each in operations for name in each.named("query")]
    for (operation, name), (what, value) in share(places, wire, whole):
        yield operation, name, what, value
    for operation, name in share(operations, ("connectionId[$ne]", "$where", "unknown"), whole):
        yield operation, name, *wire[0]


async def _send(world: World, operation: Operation, body: bytes) -> Answer:
    """Send a body; what the operation makes gets a name of its own."""
    number = next(world.numbers)
    customer = world.dana.things["/api/customers"]
    body = body.replace(EXAMPLE_CUSTOMER.encode(), customer.encode())
    if "connection_exists" in operation.codes:
        body = body.replace(b'"%b"' % EXAMPLE_ID.encode(), b'"made_%d"' % number)
    if "user_exists" in operation.codes:
        body = body.replace(b"dana@", b"made%d@" % number)
    headers = world.admin.headers if operation.is_open else world.dana.headers
    return await call(
        world.client,
        operation.method,
        operation.url(values_of(operation, world.dana.things)),
        headers,
        body,
    )


def _judge(world: World, operation: Operation, what: str, answer: Answer) -> list[str]:
    """Return what is wrong with an answer, whatever was asked."""
    wrong = []
    if answer.status >= 500:
        wrong.append("failed")
    if not is_documented(operation, answer):
        wrong.append("not documented")
    if "X-Injected" in answer.headers:
        wrong.append("a header was put in")
    secrets = ("of noa", "noa@", *_alone(world))
    if operation.path not in _OF_OPERATORS and any(each in answer.text for each in secrets):
        wrong.append("told of somebody else's")
    return [f"{operation} {what}: {why}: {str(answer)[:500]}" for why in wrong]


def _alone(world: World) -> set[str]:
    """Return the ids of what Noa alone has."""
    return set(world.noa.things.values()) - set(world.dana.things.values())


async def _is_stored(database: Database, written: set[str], text: str, world: World) -> bool:
    """Tell whether a text stands in what was written last, as it is but for spaces around it."""
    for name in written:
        newest = database[name].find({}, sort=[("_id", -1)], limit=2)
        changed = database[name].find({"connectionId": EXAMPLE_ID}, limit=2)
        named = database[name].find({"_id": {"$in": [*world.dana.things.values()]}})
        documents = [each async for each in newest] + [each async for each in changed]
        documents += [each async for each in named]
        if text.strip() in (each.strip() for each in _texts(documents)):
            return True
    return False


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _on_the_wire() -> Iterator[tuple[str, str]]:
    """Return hostile texts as they stand in a URL."""
    for name, text in TEXTS.items():
        yield name, quote(text[:_A_LINE], safe="")
    yield from WIRE.items()


def _in_a_header() -> Iterator[tuple[str, str]]:
    """Return the hostile texts that a client can send in a header."""
    for name, text in TEXTS.items():
        if not set("\x00\r\n") & set(text):
            yield name, text[:_A_LINE]


def _tokens(good: str, secret: str) -> Iterator[tuple[str, str]]:
    """Return tokens made from a good one, none of which may work."""
    claims = jwt.decode(good, options={"verify_signature": False})
    past = utc_now() - timedelta(hours=1)
    header, payload, signature = good.split(".")
    yield "without algorithm", jwt.encode(claims, "", algorithm="none")
    yield "without algorithm, signed", jwt.encode(claims, "", algorithm="none") + signature
    yield "other key", jwt.encode(claims, "k" * 40, algorithm="HS256")
    yield "other algorithm", jwt.encode(claims, secret + secret, algorithm="HS512")
    changes: dict[str, dict[str, Any]] = {
        "other audience": {"aud": "another"},
        "no audience": {"aud": None},
        "link audience": {"aud": "chatgrow-link"},
        "expired": {"exp": past},
        "not yet": {"nbf": utc_now() + timedelta(hours=1)},
        "unknown user": {"sub": "nobody"},
        "operator as user": {"sub": {"$ne": ""}},
        "operator as sign-in": {"sid": {"$ne": ""}},
        "unknown sign-in": {"sid": "nobody"},
        "endless": {"exp": None},
        "odd end": {"exp": "1e400"},
    }
    for name, other in changes.items():
        changed = {key: value for key, value in (claims | other).items() if value is not None}
        yield name, jwt.encode(changed, secret, algorithm="HS256")
    yield (
        "infinite end",
        _signed({}, json.dumps(claims | {"exp": 0}).replace("0}", "1e400}"), secret),
    )
    for name, text in {"deep": "[" * 4000, "text": '"x"', "NUL": "\x00", "list": "[]"}.items():
        yield f"header: {name}", f"{_base64(text)}.{payload}.{signature}"
        yield f"payload: {name}", _signed({}, text, secret)
    admin = _base64(json.dumps(claims | {"sub": "admin"}))
    yield "another user", f"{header}.{admin}.{signature}"
    yield "cut off", good[:-1]
    yield "cut in half", good[: len(good) // 2]
    yield "without signature", f"{header}.{payload}."
    yield "dots", "." * 50
    yield "long", "x" * _A_LINE


def _signed(header: dict[str, Any], payload: str, secret: str) -> str:
    """Sign what no library would write."""
    head = _base64(json.dumps({"alg": "HS256", "typ": "JWT"} | header))
    signed = f"{head}.{_base64(payload)}"
    digest = hmac.digest(secret.encode(), signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


async def _raw(client: Client, request: bytes) -> bytes:
    """Send bytes as they are; return the answer."""
    assert client.port is not None
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(request)
    async with asyncio.timeout(20):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer
