"""Serve the application on sockets, and answer malformed HTTP with a problem, too."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web
from aiohttp.http import HttpVersion10
from aiohttp.http_exceptions import (
    BadHttpMethod,
    ContentEncodingError,
    HttpProcessingError,
    LineTooLong,
)
from loguru import logger

from control_api.http.headers import protect
from control_api.http.problems import http_problem, problem

_HOST = re.compile(r"[\w.~!$&'()*+,;=:%\[\]-]*", re.ASCII)
"""The characters that RFC 3986 allows in a host with its port."""
_LINGERING = timedelta(seconds=2)
"""How long the rest of a body that was refused is read, so that the answer is not lost."""
Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class ApiRunner(web.AppRunner):
    """Run the application; errors before or outside of it become problems, too.

    A connection that does not send a whole request head within `keepalive` is closed.
    """

    def __init__(self, app: web.Application, keepalive: timedelta) -> None:
        super().__init__(app, handle_signals=False)
        self._keepalive = keepalive

    async def _make_server(self) -> web.Server:
        """Make the application's server, but with connections of our own class."""
        made = await super()._make_server()
        return _Server(
            _strict(made.request_handler),
            request_factory=made.request_factory,
            access_log=None,
            keepalive_timeout=self._keepalive.total_seconds(),
            lingering_time=_LINGERING.total_seconds(),
        )


def _strict(handle: Handle) -> Handle:
    """Refuse what aiohttp's parser accepts: HTTP/0.9, and an invalid host."""

    async def strict(request: web.BaseRequest) -> web.StreamResponse:
        is_host = _HOST.fullmatch(request.headers.get(hdrs.HOST, ""))
        if request.version < HttpVersion10 or not is_host:
            return _closing(_malformed(None))
        return await handle(request)

    return strict


class _Server(web.Server):
    """Make one of our connections for each socket."""

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=asyncio.get_running_loop(), **self._kwargs)


class _Connection(web.RequestHandler):
    """The handler of one socket; errors that aiohttp itself answers become problems."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer malformed HTTP, and errors that no middleware sees."""
        super().handle_error(request, status, exc, message)  # logs it
        answer = _malformed(exc) if status < HTTPStatus.INTERNAL_SERVER_ERROR else _failed()
        return _closing(answer)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log errors of ours; malformed requests are not errors, and may contain secrets."""
        error = kw.get("exc_info")
        if isinstance(error, (HttpProcessingError, web.RequestPayloadError)):
            logger.debug("Malformed request: {}", type(error).__name__)
        else:
            super().log_exception(*args, **kw)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send a response; what aiohttp refused before the middlewares becomes a problem."""
        if isinstance(resp, web.HTTPException):
            resp = http_problem(resp)
        return await super().finish_response(request, resp, start_time)


def _closing(answer: web.Response) -> web.Response:
    """Let a response close its connection, and add the headers that the application would add."""
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
    if isinstance(error, ContentEncodingError):
        return problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Send the body as it is, or with Content-Encoding: gzip.",
        )
    if isinstance(error, BadHttpMethod):
        return problem(HTTPStatus.BAD_REQUEST, "malformed_request", "This is no HTTP method.")
    return problem(HTTPStatus.BAD_REQUEST, "malformed_request", "This is not valid HTTP/1.1.")
