"""Serve over sockets that strangers write to: bounded in time, clear about what is malformed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion10
from aiohttp.http_exceptions import BadHttpMethod, HttpProcessingError, LineTooLong
from loguru import logger

from control_api.http.headers import protect
from control_api.http.problems import http_problem, problem

_HOST = re.compile(r"[\w.~!$&'()*+,;=:%\[\]-]*", re.ASCII)
"""What RFC 3986 lets the name of a host and its port be made of."""
Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class ApiRunner(web.AppRunner):
    """Run the application; what fails before or outside of it is answered as a problem too.

    A connection that has sent no whole request head within `keepalive` is closed.
    """

    def __init__(self, app: web.Application, keepalive: timedelta) -> None:
        super().__init__(app, handle_signals=False)
        self._keepalive = keepalive

    async def _make_server(self) -> web.Server:
        """Put our connections under the application's own server."""
        made = await super()._make_server()
        return _Server(
            _strict(made.request_handler),
            request_factory=made.request_factory,
            access_log=None,
            keepalive_timeout=self._keepalive.total_seconds(),
        )


def _strict(handle: Handle) -> Handle:
    """Refuse what the parser lets pass: HTTP/0.9, and a host that cannot be one."""

    async def guarded(request: web.BaseRequest) -> web.StreamResponse:
        is_host = _HOST.fullmatch(request.headers.get(hdrs.HOST, ""))
        if request.version < HttpVersion10 or not is_host:
            return _last(_malformed(None))
        return await handle(request)

    return guarded


class _Server(web.Server):
    """Make a connection of ours for each socket."""

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=asyncio.get_running_loop(), **self._kwargs)


class _Connection(web.RequestHandler):
    """One socket; where aiohttp writes an error by itself, it is a problem."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is not HTTP, and what failed where no middleware sees it."""
        super().handle_error(request, status, exc, message)  # logs it, or gives up
        return _last(_malformed(exc) if status < HTTPStatus.INTERNAL_SERVER_ERROR else _failed())

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log what failed on our side; what a stranger sent is no error, and may hold secrets."""
        error = kw.get("exc_info")
        if isinstance(error, (HttpProcessingError, web.RequestPayloadError)):
            logger.debug("Malformed request: {}", type(error).__name__)
        else:
            super().log_exception(*args, **kw)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Write an answer; what aiohttp refuses before the middlewares is made a problem."""
        if isinstance(resp, web.HTTPException):
            resp = http_problem(resp)
        return await super().finish_response(request, resp, start_time)


def _last(answer: web.Response) -> web.Response:
    """Make it the last answer on its connection; the application adds no headers to it."""
    protect(answer.headers, "/api", https=False)
    answer.force_close()
    return answer


def _failed() -> web.Response:
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "Something failed on our side."
    )


def _malformed(error: BaseException | None) -> web.Response:
    if isinstance(error, LineTooLong):
        return problem(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            "request_header_fields_too_large",
            "The request line or a header is longer than we take.",
        )
    if isinstance(error, BadHttpMethod):
        return problem(HTTPStatus.BAD_REQUEST, "malformed_request", "This is no HTTP method.")
    return problem(HTTPStatus.BAD_REQUEST, "malformed_request", "This is not valid HTTP/1.1.")
