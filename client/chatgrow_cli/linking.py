"""Link a phone: look at a connection again and again, and tell what there is to be shown."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from chatgrow_cli import words
from chatgrow_cli.exit_codes import CommandError, ExitCode
from chatgrow_client import Client, ConflictError, NotFoundError
from chatgrow_client.models import Command, ConnectionState, PairingView, QrView, StatusView

_LOOK_EVERY = timedelta(seconds=1)
_ENDED = (ConnectionState.STOPPED, ConnectionState.LOGGED_OUT)


@dataclass(frozen=True)
class Sight:
    """What there is to be shown: the state, and the code that links a phone, if there is one."""

    status: StatusView
    code: str = ""
    drawing: str = ""
    """The QR code, drawn with characters; a pairing code has none."""
    expires_at: datetime | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the phone is linked and messages go out."""
        return self.status.state == ConnectionState.CONNECTED

    @property
    def left(self) -> timedelta:
        """How long the code still works."""
        if self.expires_at is None:
            return timedelta(0)
        return max(self.expires_at - datetime.now(timezone.utc), timedelta(0))


@dataclass
class Linking:
    """Links a phone to a connection, by QR codes, or by pairing codes for a number."""

    client: Client
    connection_id: str
    phone: str | None
    timeout: timedelta

    def create(self, name: str | None) -> bool:
        """Create the connection if it is not there; tell whether it was created."""
        try:
            self.client.connections.get(self.connection_id)
        except NotFoundError:
            self.client.connections.create(self.connection_id, name=name, phone_number=self.phone)
            return True
        return False

    def sights(self) -> Iterator[Sight]:
        """Yield what there is to be shown until the phone is linked; the last one is connected.

        Raises CommandError if that can no longer come about, or is not there in time.
        """
        end = time.monotonic() + self.timeout.total_seconds()
        sight = Sight(self._started())
        while True:
            yield sight
            if sight.is_connected:
                return
            self._require_hope(sight.status, time.monotonic() < end)
            time.sleep(_LOOK_EVERY.total_seconds())
            sight = self._next(sight)

    def _started(self) -> StatusView:
        status = self.client.connections.status(self.connection_id)
        if Command.START in status.allowed_commands:
            self.client.connections.start(self.connection_id)
            return self.client.connections.status(self.connection_id)
        return status

    def _next(self, before: Sight) -> Sight:
        status = self.client.connections.status(self.connection_id)
        if status.state != ConnectionState.AWAITING_SCAN:
            return Sight(status)
        try:
            return self._with_code(status, before)
        except ConflictError as error:
            if error.code != "no_qr_code":
                raise
            return Sight(status)

    def _with_code(self, status: StatusView, before: Sight) -> Sight:
        code = self._code(before)
        if code is None or code.code == before.code:
            return Sight(status, before.code, before.drawing, before.expires_at)
        drawing = "" if self.phone else self._drawing()
        return Sight(status, code.code, drawing, code.expires_at)

    def _code(self, before: Sight) -> QrView | PairingView | None:
        """Ask for the code of now; None means that the one before still holds."""
        if self.phone is None:
            return self.client.connections.qr(self.connection_id)
        if before.code and before.left > timedelta(0):
            return None
        return self.client.connections.pairing_code(self.connection_id, self.phone)

    def _drawing(self) -> str:
        drawn = self.client.connections.qr_image(self.connection_id, image="ascii")
        return drawn.decode().rstrip("\n")

    def _require_hope(self, status: StatusView, in_time: bool) -> None:
        if status.state in _ENDED:
            raise CommandError(f"{self.connection_id} ended: {words.why(status)}")
        if not in_time:
            raise CommandError(
                f"No phone was linked in time; {self.connection_id} is "
                f"{words.state(status.state)}: {words.why(status)}",
                ExitCode.NOT_IN_TIME,
            )
