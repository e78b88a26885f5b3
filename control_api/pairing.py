"""Ask WhatsApp, through the worker, for a code that links a phone by its number."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime, timedelta

from aiohttp import web

from control_api.closing import pause
from control_api.problems import NoQrCodeError, PairingError, TooManyPairingCodesError
from control_api.services import SERVICES
from sessions.connections import Connection
from sessions.states import ConnectionState

_WITHIN = timedelta(seconds=20)
_LOOK_EVERY = timedelta(milliseconds=250)


def require_linkable(connection: Connection) -> None:
    """Raise NoQrCodeError where no phone can be linked now."""
    state, reason = connection.observed()
    if state is not ConnectionState.AWAITING_SCAN:
        raise NoQrCodeError(state, reason)


async def pairing_code_for(
    request: web.Request, connection: Connection, phone: str
) -> tuple[str, datetime]:
    """Return a code as the phone wants it typed, and when it stops working; the phone is alerted.

    Raises PairingError with the reason when there is none, and TooManyPairingCodesError.
    """
    services = request.app[SERVICES]
    before = await services.desk.pairing(connection.id)
    # WhatsApp gives the code that still works, and leaves the phone alone.
    free = before is not None and before.holds(phone, services.now())
    if not free:
        await services.pairing_limits.charge(connection.id, phone)
    wish = await services.desk.ask_for_pairing(connection.id, phone)
    if connection.lease:
        await services.doorbell.look(connection.lease.worker, connection.id)
    code, expires_at = await _answer(request, connection.id, wish)
    given_again = before is not None and (before.phone, before.code) == (phone, code)
    if given_again and not free:
        await services.pairing_limits.give_back(connection.id, phone)
    if free and not given_again:
        # A page that was opened anew knows nothing of the code before: the phone was alerted.
        with suppress(TooManyPairingCodesError):
            await services.pairing_limits.charge(connection.id, phone)
    return f"{code[:4]}-{code[4:]}", expires_at


async def _answer(request: web.Request, connection: str, wish: str) -> tuple[str, datetime]:
    """Wait for the worker's answer; raise PairingError when there is none that helps."""
    give_up = time.monotonic() + _WITHIN.total_seconds()
    while True:
        found = await request.app[SERVICES].desk.pairing(connection)
        if found is None or found.id != wish:
            raise PairingError("Somebody else asked for a pairing code meanwhile.")
        if found.error:
            raise PairingError(f"WhatsApp gave no pairing code: {found.error}.")
        if found.code and found.expires_at:
            return found.code, found.expires_at
        if time.monotonic() >= give_up or not await pause(request, _LOOK_EVERY):
            raise PairingError("WhatsApp gave no pairing code in time.")
