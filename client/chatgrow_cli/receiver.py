"""Receive webhooks on this machine: verify each, and hand on what it tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from chatgrow_client import Event, WebhookVerificationError, verify_webhook

_LARGEST = 4 * 1024 * 1024
_PATIENCE_S = 15
"""How long a sender may take; the API itself waits no longer for an answer."""


@dataclass(frozen=True)
class Arrival:
    """A request that came: an event, and whether it came before; or why it was refused."""

    event: Event | None = None
    again: bool = False
    refused: str = ""


class Receiver(HTTPServer):
    """A server that takes webhooks on any path, one after the other."""

    def __init__(self, place: tuple[str, int], secrets: list[str]) -> None:
        super().__init__(place, _Handler)
        self._secrets = secrets
        self._known: set[str] = set()
        self._came: list[Arrival] = []

    @property
    def address(self) -> str:
        """Where it listens."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}"

    def arrivals(self) -> Iterator[Arrival]:
        """Yield what comes, each after it was answered, without an end."""
        while True:
            self.handle_request()
            came, self._came = self._came, []
            yield from came

    def take(self, headers: Mapping[str, str], body: bytes) -> HTTPStatus:
        """Verify a webhook and note it; return the answer."""
        try:
            event = verify_webhook(headers, body, self._secrets)
        except WebhookVerificationError as error:
            return self.refuse(str(error), HTTPStatus.UNAUTHORIZED)
        self._came.append(Arrival(event, again=event.id in self._known))
        self._known.add(event.id)
        return HTTPStatus.NO_CONTENT

    def refuse(self, why: str, status: HTTPStatus) -> HTTPStatus:
        """Note a request that is no webhook; return the answer."""
        self._came.append(Arrival(refused=why))
        return status

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Note a sender that went away; the next one may do better."""
        self._came.append(Arrival(refused="A sender went away in the middle."))


class _Handler(BaseHTTPRequestHandler):
    server: Receiver
    timeout = _PATIENCE_S

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _LARGEST:
            why = f"A request has no length, or more than {_LARGEST} bytes."
            self._answer(self.server.refuse(why, HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
            return
        self._answer(self.server.take(dict(self.headers), self.rfile.read(int(length))))

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name there
        """Say nothing: what came is told by the command."""
