"""Declare endpoints: one declaration gives routing, authorisation, validation and OpenAPI."""

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
from control_api.http.accepting import prefers_page
from control_api.http.bodies import STRANGERS_BODY, leave_expectations
from control_api.http.requests import read_body, read_headers, read_query
from sessions.common.callers import Scope

Answer = type[BaseModel] | Mapping[str, type[BaseModel] | None] | None
"""A model, or models by media type (None: bytes), or no content."""
Handle = Callable[..., Awaitable[web.StreamResponse]]


class _NoQuery(BaseModel):
    """No query parameters."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A declared endpoint; if `owned`, an administrator may give `?owner=`."""

    method: str
    path: str
    tag: str
    handle: Handle
    answers: Mapping[int, Answer]
    needs: Scope | None = None
    admin: bool = False
    owned: bool = False
    open: bool = False
    problems: tuple[str, ...] = ()
    example: Mapping[str, Any] | None = None
    takes_file: bool = False
    """Whether the body is a file, which the handler receives by itself."""
    accepts: str | None = None
    """The media type of a body that the handler reads itself."""
    body: type[BaseModel] | None = None
    body_optional: bool = False
    query: type[BaseModel] | None = None
    headers: type[BaseModel] | None = None
    most_bytes: int | None = None
    """The most bytes of its body, if that may be larger than others."""
    page: Handle | None = None
    """What answers instead if the request prefers a page for people."""

    @property
    def name(self) -> str:
        """The unique name of the endpoint."""
        module = self.handle.__module__.rpartition(".")[2]
        return f"{module}_{self.handle.__name__}"

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (inspect.getdoc(self.handle) or "").partition("\n")[0].rstrip(".")

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Authorize the caller, read the declared inputs, and call the handler."""
        if self.page is not None and prefers_page(request):
            return await self.page(request)
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
            most = STRANGERS_BODY if self.open else self.most_bytes
            asked = arguments.get("query")
            read = None if absent else await read_body(request, self.body, most, asked)
            arguments["body"] = read
        return arguments


@dataclass
class Endpoints:
    """The endpoints of one module, with one tag in the OpenAPI document."""

    tag: str
    owned: bool = False
    _declared: list[Endpoint] = field(default_factory=list)

    def get(self, path: str, **declared: Any) -> Callable[[Handle], Handle]:
        """Declare a GET."""
        return self._declare("GET", path, **declared)

    def post(self, path: str, **declared: Any) -> Callable[[Handle], Handle]:
        """Declare a POST."""
        return self._declare("POST", path, **declared)

    def put(self, path: str, **declared: Any) -> Callable[[Handle], Handle]:
        """Declare a PUT."""
        return self._declare("PUT", path, **declared)

    def patch(self, path: str, **declared: Any) -> Callable[[Handle], Handle]:
        """Declare a PATCH."""
        return self._declare("PATCH", path, **declared)

    def delete(self, path: str, **declared: Any) -> Callable[[Handle], Handle]:
        """Declare a DELETE."""
        return self._declare("DELETE", path, **declared)

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._declared)

    def _declare(self, method: str, path: str, **declared: Any) -> Callable[[Handle], Handle]:
        """Declare an endpoint by the other fields of `Endpoint`."""

        def declare(handle: Handle) -> Handle:
            self._declared.append(
                Endpoint(
                    method=method,
                    path=path,
                    tag=self.tag,
                    handle=handle,
                    owned=self.owned and not declared.get("open", False),
                    **declared,
                    **_models_of(handle),
                )
            )
            return handle

        return declare


def _models_of(handle: Handle) -> dict[str, Any]:
    """Return the models of the query, headers and body, from the handler's parameters."""
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
    """Add the routes of the declared endpoints."""
    declared = [each for group in groups for each in group]
    paths = {each.path for each in declared}
    for endpoint in declared:
        path = _without_others(endpoint.path, paths)
        methods = ("GET", "HEAD") if endpoint.method == "GET" else (endpoint.method,)
        for method in methods:
            app.router.add_route(method, path, endpoint.serve, expect_handler=leave_expectations)


def _without_others(path: str, paths: typing.Iterable[str]) -> str:
    """Exclude declared paths from a path that ends in a parameter and would match them."""
    parent, _, last = path.rpartition("/")
    if not last.startswith("{"):
        return path
    siblings = (each.removeprefix(f"{parent}/") for each in paths if each.startswith(f"{parent}/"))
    others = [each for each in siblings if not re.search("[{/]", each)]
    if not others:
        return path
    return f"{parent}/{{{last.strip('{}')}:(?!(?:{'|'.join(others)})$)[^{{}}/]+}}"
