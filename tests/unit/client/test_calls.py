"""The calls of the client are those of the API: each endpoint has one, and none is unknown."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
from os import PathLike
from typing import Any, Literal, Union

import httpx
import pytest
from pydantic import BaseModel

from chatgrow_client import NO_RETRIES, Client, NotFoundError
from chatgrow_client.files import Download
from chatgrow_client.group import Group, listing, method, stream
from control_api.app import GROUPS
from control_api.endpoints.openapi import document
from tests.unit.client.playing import problem

LEFT_OUT = {
    ("GET", "/link"),
    ("GET", "/link/state"),
    ("POST", "/link/start"),
    ("POST", "/link/pairing-code"),
    ("GET", "/metrics"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/provider/customers"),
    ("GET", "/provider/customers/{}"),
    ("GET", "/api/whatsapp/events"),
}
"""Endpoints for pages and monitoring, those that answer as others do, and that of the events of all
connections, which are followed if no connection is named."""
ID = "0id0"
Endpoint = tuple[str, str]


@cache
def _operations() -> Mapping[Endpoint, Mapping[str, Any]]:
    described = document((each for group in GROUPS for each in group), "")
    return {
        (verb.upper(), re.sub(r"{\w+}", "{}", path)): operation
        for path, of_path in described["paths"].items()
        for verb, operation in of_path.items()
    }


def _endpoint(request: httpx.Request) -> Endpoint:
    return request.method, request.url.path.replace(ID, "{}")


def _sample(hint: Any) -> Any:
    """Return some value of a type."""
    origin = typing.get_origin(hint)
    if origin in (Union, types.UnionType):
        return _sample(typing.get_args(hint)[0])
    if origin is Literal:
        return typing.get_args(hint)[0]
    if origin is Mapping:
        return {}
    if origin is Iterable:
        return []
    if issubclass(hint, BaseModel):
        return hint.model_construct()
    if issubclass(hint, Enum):
        return next(iter(hint))
    some = {
        str: ID,
        bool: True,
        int: 1,
        datetime: datetime.now(UTC),
        timedelta: timedelta(seconds=1),
    }
    return some[hint]


def _arguments(describe: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(describe, localns={"PathLike": PathLike})
    samples = {name: _sample(hint) for name, hint in hints.items() if name != "return"}
    return samples | ({"file": b"a file"} if "file" in samples else {})


def _begin(answer: Any) -> None:
    """Have a method send its first request."""
    if isinstance(answer, Download):
        answer.__enter__()
    elif isinstance(answer, Iterator):
        next(answer)


def _methods() -> Iterator[tuple[str, str]]:
    with Client("http://localhost") as client:
        for group_name, group in vars(client).items():
            if isinstance(group, Group):
                for name, member in vars(type(group)).items():
                    if isinstance(member, (method, listing, stream)):
                        yield group_name, name


def _requests_of(group_name: str, name: str) -> list[httpx.Request]:
    """Return what a method sends first, all its parameters given."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return problem(404, "not_found")

    transport = httpx.MockTransport(answer)
    with Client("http://localhost", owner=ID, retries=NO_RETRIES, transport=transport) as client:
        group = getattr(client, group_name)
        describe = vars(type(group))[name]._describe
        with pytest.raises(NotFoundError):
            _begin(getattr(group, name)(**_arguments(describe)))
    return sent


@pytest.mark.parametrize(("group_name", "name"), [*_methods()])
def test_a_call_is_one_that_the_api_takes(group_name: str, name: str) -> None:
    (request,) = _requests_of(group_name, name)
    operation = _operations()[_endpoint(request)]
    known = {(each["in"], each["name"]) for each in operation["parameters"]}
    assert {("query", each) for each in request.url.params} <= known
    takes_key = ("header", "Idempotency-Key") in known
    assert ("Idempotency-Key" in request.headers) is (takes_key and name != "forecast")
    body = operation.get("requestBody")
    assert bool(request.read()) <= (body is not None)
    assert bool(body and body["required"]) <= bool(request.read())


def test_each_parameter_is_offered() -> None:
    offered: dict[Endpoint, set[str]] = {}
    for place in _methods():
        for request in _requests_of(*place):
            offered.setdefault(_endpoint(request), {"cursor"}).update(request.url.params)
    missing = {
        (endpoint, each["name"])
        for endpoint, names in offered.items()
        for each in _operations()[endpoint]["parameters"]
        if each["in"] == "query" and each["name"] not in names
    }
    assert missing == set()


def test_each_endpoint_has_a_call() -> None:
    called = {_endpoint(each) for place in _methods() for each in _requests_of(*place)}
    assert {*_operations()} - called == LEFT_OUT
