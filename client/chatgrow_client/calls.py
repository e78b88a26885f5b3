"""Describe one request: what is sent, how its answer is read, and whether it may be repeated."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Callable, Generic, TypeVar, Union
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from chatgrow_client.contents import Content, JsonContent
from chatgrow_client.model_base import Body

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Model = TypeVar("Model", bound=BaseModel)
Query = Mapping[str, Union[str, int, float, datetime, None]]

IDEMPOTENCY_KEY = "Idempotency-Key"


@dataclass(frozen=True)
class Call(Generic[T_co]):
    """One request, and how its answer is read."""

    method: str
    path: str
    read: Callable[[httpx.Response], T_co]
    idempotent: bool
    """Whether doing it twice has the effect of doing it once. What is not is only sent again if it
    certainly was not done: it never arrived, or was refused."""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Content | None = None
    timeout: timedelta | None = None
    """How long the answer may take; None: as long as the client allows each answer to take."""
    answers: frozenset[int] = frozenset()
    """Statuses that are answers, though they are errors elsewhere."""
    gone_is_done: bool = False
    """Whether `404` to a repeated request means that the first one was done."""
    streamed: bool = False
    """Whether the answer is read piece by piece; whoever gets it has to close it."""

    @property
    def idempotency_key(self) -> str | None:
        """The key under which the API does this only once."""
        return self.headers.get(IDEMPOTENCY_KEY)

    def after(self, cursor: str) -> Call[T_co]:
        """Return the call for the page that follows."""
        return replace(self, query={**self.query, "cursor": cursor})

    def taking(self, timeout: timedelta) -> Call[T_co]:
        """Return the call with another time for its answer."""
        return replace(self, timeout=timeout)


def as_it_comes(where: str, timeout: timedelta | None = None) -> Call[httpx.Response]:
    """Describe a GET whose answer is read piece by piece by whoever gets it, and closes it."""
    return Call("GET", where, lambda answer: answer, True, timeout=timeout, streamed=True)


def model(kind: type[Model]) -> Callable[[httpx.Response], Model]:
    """Read an answer as a model; raise ValueError if it is none."""
    return lambda response: kind.model_validate_json(response.content)


def nothing(response: httpx.Response) -> None:
    """Read an answer that has nothing to tell."""


def body_of(response: httpx.Response) -> bytes:
    """Read an answer as bytes."""
    return response.content


def text_of(response: httpx.Response) -> str:
    """Read an answer as text."""
    return response.text


def path(template: str, *parts: str) -> str:
    """Put ids into a path; raise ValueError for one that would address something else."""
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"An id is missing for {template}.")
    return template.format(*(quote(part, safe="") for part in parts))


def get(
    where: str,
    read: Callable[[httpx.Response], T],
    query: Query | None = None,
    timeout: timedelta | None = None,
) -> Call[T]:
    """Describe a GET."""
    return Call("GET", where, read, True, written(query), timeout=timeout)


def post(
    where: str,
    read: Callable[[httpx.Response], T],
    body: Body | Content | None = None,
    *,
    query: Query | None = None,
    idempotent: bool = False,
    timeout: timedelta | None = None,
) -> Call[T]:
    """Describe a POST without an Idempotency-Key."""
    content = JsonContent(body.to_json()) if isinstance(body, Body) else body
    return Call("POST", where, read, idempotent, written(query), content=content, timeout=timeout)


def post_once(
    where: str,
    read: Callable[[httpx.Response], T],
    body: Body | Content | None = None,
    *,
    key: str | None = None,
    query: Query | None = None,
) -> Call[T]:
    """Describe a POST that is done once, however often it is sent; without a key it gets one."""
    call = post(where, read, body, query=query, idempotent=True)
    return replace(call, headers={IDEMPOTENCY_KEY: key or new_key()})


def patch(where: str, read: Callable[[httpx.Response], T], body: Body) -> Call[T]:
    """Describe a PATCH, which sets what it names."""
    return Call("PATCH", where, read, True, content=JsonContent(body.to_json()))


def put(where: str, read: Callable[[httpx.Response], T], body: Body) -> Call[T]:
    """Describe a PUT."""
    return Call("PUT", where, read, True, content=JsonContent(body.to_json()))


def delete(where: str, query: Query | None = None) -> Call[None]:
    """Describe a DELETE whose answer tells nothing."""
    return Call("DELETE", where, nothing, True, written(query), gone_is_done=True)


def new_key() -> str:
    """Return an Idempotency-Key that nobody has used."""
    return uuid.uuid4().hex


def joined(words: Iterable[str] | None) -> str | None:
    """Return one word or several as the value of a parameter that takes several."""
    return words if words is None or isinstance(words, str) else ",".join(words)


def written(query: Query | None) -> dict[str, str]:
    """Return the parameters that have a value; raise ValueError for a time without a zone."""
    return {name: _text(value) for name, value in (query or {}).items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("A time needs its time zone, such as datetime.timezone.utc.")
        return value.isoformat()
    return str(value)
