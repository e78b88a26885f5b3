"""Declare endpoints: routing, authorisation, validation and OpenAPI come from one declaration."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from control_api.auth.identity import authorize, choose_owner
from control_api.http.bodies import STRANGERS_BODY, leave_expectations
from control_api.http.requests import read_body, read_headers, read_query
from sessions.common.callers import Scope

Answer = type[BaseModel] | Mapping[str, type[BaseModel] | None] | None
"""A model, or a model by media type (None for bytes), or no content at all."""
Handle = Callable[..., Awaitable[web.StreamResponse]]


class _NoQuery(BaseModel):
    """No parameters at all."""


@dataclass(frozen=True)
class Endpoint:
    """One endpoint, as it is declared; `owned` ones take an administrator's `?owner=`."""

    method: str
    path: str
    tag: str
    handle: Handle
    answers: Mapping[int, Answer]
    needs: Scope | None
    admin: bool
    owned: bool
    open: bool
    problems: tuple[str, ...]
    example: Mapping[str, Any] | None
    body: type[BaseModel] | None = None
    body_optional: bool = False
    query: type[BaseModel] | None = None
    headers: type[BaseModel] | None = None

    @property
    def name(self) -> str:
        """A name that no other endpoint has."""
        module = self.handle.__module__.rpartition(".")[2]
        return f"{module}_{self.handle.__name__}"

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring, which says what it does."""
        return (inspect.getdoc(self.handle) or "").partition("\n")[0].rstrip(".")

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Authorize, read what is declared, and hand over to the handler."""
        if not self.open:
            await authorize(request, self.needs, admin=self.admin)
        if self.owned:
            await choose_owner(request)
        return await self.handle(request, **await self._arguments(request))

    async def _arguments(self, request: web.Request) -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        if self.query is not None or not self.open:
            known = self.query or _NoQuery
            query = read_query(request, known, ignored=("owner",) if self.owned else ())
            if self.query is not None:
                arguments["query"] = query
        if self.headers is not None:
            arguments["headers"] = read_headers(request, self.headers)
        if self.body is not None:
            absent = self.body_optional and not request.can_read_body
            most = STRANGERS_BODY if self.open else None
            arguments["body"] = None if absent else await read_body(request, self.body, most)
        return arguments


@dataclass
class Endpoints:
    """The endpoints of one module, under one tag of the document."""

    tag: str
    owned: bool = False
    _declared: list[Endpoint] = field(default_factory=list)

    def get(self, path: str, **declared: Any) -> Callable[[Handle], Handle]:
        """Declare a GET."""
        return self._declare("GET", path, **declared)

    def post(self, path: str, **declared: Any) -> Callable[[Handle], Handle]:
        """Declare a POST."""
        return self._declare("POST", path, **declared)

    def patch(self, path: str, **declared: Any) -> Callable[[Handle], Handle]:
        """Declare a PATCH."""
        return self._declare("PATCH", path, **declared)

    def delete(self, path: str, **declared: Any) -> Callable[[Handle], Handle]:
        """Declare a DELETE."""
        return self._declare("DELETE", path, **declared)

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._declared)

    def _declare(
        self,
        method: str,
        path: str,
        *,
        answers: Mapping[int, Answer],
        needs: Scope | None = None,
        admin: bool = False,
        open: bool = False,  # noqa: A002  the word of the contract
        problems: tuple[str, ...] = (),
        example: Mapping[str, Any] | None = None,
    ) -> Callable[[Handle], Handle]:
        def declare(handle: Handle) -> Handle:
            self._declared.append(
                Endpoint(
                    method,
                    path,
                    self.tag,
                    handle,
                    answers,
                    needs,
                    admin,
                    self.owned and not open,
                    open,
                    problems,
                    example,
                    **_models_of(handle),
                )
            )
            return handle

        return declare


def _models_of(handle: Handle) -> dict[str, Any]:
    """Read the models that a handler asks for by its parameters."""
    hints = typing.get_type_hints(handle)
    models: dict[str, Any] = {name: hints[name] for name in ("query", "headers") if name in hints}
    if "body" in hints:
        models["body"], models["body_optional"] = _without_none(hints["body"])
    return models


def _without_none(hint: Any) -> tuple[Any, bool]:
    if isinstance(hint, types.UnionType):
        (model,) = (each for each in hint.__args__ if each is not types.NoneType)
        return model, True
    return hint, False


def add_endpoints(app: web.Application, groups: typing.Iterable[Endpoints]) -> None:
    """Route requests to what is declared."""
    declared = [each for group in groups for each in group]
    paths = {each.path for each in declared}
    for endpoint in declared:
        path = _without_others(endpoint.path, paths)
        methods = ("GET", "HEAD") if endpoint.method == "GET" else (endpoint.method,)
        for method in methods:
            app.router.add_route(method, path, endpoint.serve, expect_handler=leave_expectations)


def _without_others(path: str, paths: typing.Iterable[str]) -> str:
    """Keep a path that ends in a parameter from naming a path that is declared of itself."""
    parent, _, last = path.rpartition("/")
    others = [
        each.removeprefix(f"{parent}/")
        for each in paths
        if each.startswith(f"{parent}/") and not re.search("[{/]", each.removeprefix(f"{parent}/"))
    ]
    if not last.startswith("{") or not others:
        return path
    return f"{parent}/{{{last.strip('{}')}:(?!(?:{'|'.join(others)})$)[^{{}}/]+}}"
