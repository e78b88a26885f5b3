"""Connections: linked WhatsApp accounts, and how to link them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Callable, Literal, TypeVar

import httpx

from chatgrow_client.calls import Call, Query, body_of, delete, get, model, patch, path, post
from chatgrow_client.errors import ConflictError, ConnectionWaitError
from chatgrow_client.group import Group, Transport, listing, method
from chatgrow_client.models import (
    ConnectionChange,
    ConnectionList,
    ConnectionState,
    ConnectionView,
    NewConnection,
    NumberView,
    Pacing,
    PairingRequest,
    PairingView,
    ProblemCode,
    ProxyRequest,
    QrLinkView,
    QrView,
    StatusView,
)
from chatgrow_client.pages import Pages
from chatgrow_client.repeating import Script
from chatgrow_client.waiting import looked_at

T = TypeVar("T")
_ALL = "/api/whatsapp/connections"
_ONE = "/api/whatsapp/connections/{}"
_ANSWERS_WITHIN = timedelta(seconds=30)
_PAIRS_WITHIN = timedelta(seconds=90)
"""How long WhatsApp and the phone may take for a pairing code."""


class Connections(Group[Transport]):
    """Create connections, link phones to them, and see how they are."""

    @method
    def create(
        self,
        connection_id: str,
        *,
        name: str | None = None,
        phone_number: str | None = None,
        pacing: Pacing | None = None,
        proxy: ProxyRequest | None = None,
    ) -> Script[ConnectionView]:
        """Create a connection; ConflictError (`connection_exists`) if there is one with this id."""
        body = NewConnection.of(
            connection_id=connection_id,
            name=name,
            phone_number=phone_number,
            pacing=pacing,
            proxy=proxy,
        )
        try:
            created = post(_ALL, model(ConnectionView), body, idempotent=True)
            return (yield from self._attempts(created))
        except ConflictError as error:
            # The first try created it, and its answer was lost.
            if not error.maybe_done or error.code != ProblemCode.CONNECTION_EXISTS:
                raise
        return (yield from self._attempts(get(path(_ONE, connection_id), model(ConnectionView))))

    @listing
    def list(self, *, sent_since: datetime | None = None) -> Pages[ConnectionView]:
        """List all connections; `sent` of each counts its messages since `sent_since`."""
        return Pages(get(_ALL, model(ConnectionList), {"sentSince": sent_since}))

    @method
    def get(
        self, connection_id: str, *, sent_since: datetime | None = None
    ) -> Call[ConnectionView]:
        """Return a connection with its settings; NotFoundError if there is none."""
        query = {"sentSince": sent_since}
        return get(path(_ONE, connection_id), model(ConnectionView), query)

    @method
    def status(self, connection_id: str) -> Call[StatusView]:
        """Return the state of a connection, why it is in it, and who acts next."""
        return get(path(f"{_ONE}/status", connection_id), model(StatusView))

    @method
    def change(self, connection_id: str, change: ConnectionChange) -> Call[ConnectionView]:
        """Change what is given, such as `ConnectionChange(pacing=Pacing(per_minute=5))`."""
        return patch(path(_ONE, connection_id), model(ConnectionView), change)

    @method
    def delete(self, connection_id: str) -> Call[None]:
        """Log out and delete a connection and what waits in its queue."""
        return delete(path(_ONE, connection_id))

    @method
    def start(self, connection_id: str) -> Call[ConnectionView]:
        """Start a connection that is stopped."""
        return _command(connection_id, "start", idempotent=True)

    @method
    def stop(self, connection_id: str) -> Call[ConnectionView]:
        """Stop a connection; its login is kept."""
        return _command(connection_id, "stop", idempotent=True)

    @method
    def restart(self, connection_id: str) -> Call[ConnectionView]:
        """Have a connection begin with a new page."""
        return _command(connection_id, "restart")

    @method
    def logout(self, connection_id: str) -> Call[ConnectionView]:
        """Log out, also on the phone; queued messages wait for the next login."""
        return _command(connection_id, "logout")

    @method
    def qr(self, connection_id: str, *, wait: timedelta = timedelta(0)) -> Call[QrView]:
        """Return the QR code that links a phone, as text; wait for one for at most a minute.

        ConflictError (`no_qr_code`) if there is none; its `members` tell the `state`.
        """
        return _qr(connection_id, "json", wait, model(QrView))

    @method
    def qr_image(
        self,
        connection_id: str,
        *,
        image: Literal["png", "svg", "ascii"] = "png",
        wait: timedelta = timedelta(0),
    ) -> Call[bytes]:
        """Return the QR code as a picture, or drawn with characters for a terminal."""
        return _qr(connection_id, image, wait, body_of)

    @method
    def pairing_code(
        self, connection_id: str, phone_number: str | None = None
    ) -> Call[PairingView]:
        """Have WhatsApp ask the phone for a code, and return it.

        Without a number it is the connection's own. The code of the error says why there is none.
        """
        where = path(f"{_ONE}/pairing-code", connection_id)
        body = PairingRequest.of(phone_number=phone_number)
        return post(where, model(PairingView), body, timeout=_PAIRS_WITHIN)

    @method
    def create_qr_link(self, connection_id: str) -> Call[QrLinkView]:
        """Make the address of a page on which whoever has it can link a phone, without a key."""
        return post(path(f"{_ONE}/qr-link", connection_id), model(QrLinkView))

    @method
    def revoke_qr_links(self, connection_id: str) -> Call[None]:
        """Make all links to a connection useless."""
        return delete(path(f"{_ONE}/qr-link", connection_id))

    @method
    def check_number(self, connection_id: str, phone: str) -> Call[NumberView]:
        """Ask WhatsApp whether a number has an account; counted by the pacing."""
        return get(path(f"{_ONE}/numbers/{{}}", connection_id, phone), model(NumberView))

    @method
    def wait_until(
        self,
        connection_id: str,
        state: str = ConnectionState.CONNECTED,
        *,
        timeout: timedelta,
        look_every: timedelta = timedelta(seconds=2),
    ) -> Script[StatusView]:
        """Wait for a state and return the status; raise ConnectionWaitError after `timeout`.

        `look_every` is the longest pause between two looks.
        """
        there, seen = yield from looked_at(
            get(path(f"{_ONE}/status", connection_id), model(StatusView)),
            lambda status: status.state == state,
            self._transport.repeater,
            timeout,
            look_every,
        )
        if seen is None or not there:
            raise ConnectionWaitError(connection_id, seen, str(state))
        return seen


def _command(connection_id: str, name: str, *, idempotent: bool = False) -> Call[ConnectionView]:
    where = path(f"{_ONE}/{name}", connection_id)
    return post(where, model(ConnectionView), idempotent=idempotent)


def _qr(
    connection_id: str, form: str, wait: timedelta, read: Callable[[httpx.Response], T]
) -> Call[T]:
    query: Query = {"format": form, "wait": wait.total_seconds()}
    return get(path(f"{_ONE}/qr", connection_id), read, query, wait + _ANSWERS_WITHIN)
