"""Ask WhatsApp, through the worker, for a code that links a phone by its number."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from datetime import datetime, timedelta

from aiohttp import web

from control_api.auth.identity import IDENTITY
from control_api.http.closing import pause
from control_api.http.problems import (
    AlreadyLinkedError,
    NoQrCodeError,
    NumberAlreadyLinkedError,
    PairingError,
    PairingNotAvailableError,
    PairingRateLimitedError,
    PairingRefusedError,
    TooManyPairingCodesError,
)
from control_api.services import SERVICES, Services
from sessions.common.errors import DomainError
from sessions.connections.linking import LinkedHere, PairingRefusal, Refused
from sessions.connections.model import Connection
from sessions.connections.states import ConnectionState

_WITHIN = timedelta(seconds=20)
_LOOK_EVERY = timedelta(milliseconds=250)
_NO_PHONE = frozenset(
    {ConnectionState.AWAITING_SCAN, ConnectionState.PASSKEY_REQUIRED, ConnectionState.LOGGED_OUT}
)
"""States in which no phone is linked, even if the record still has a number."""
PAIRING_PROBLEMS = ("no_qr_code", *(str(each) for each in Refused))
"""The error codes of a request for a pairing code."""


def require_linkable(connection: Connection) -> None:
    """Raise AlreadyLinkedError or NoQrCodeError where no phone can be linked now."""
    state, reason = connection.observed()
    if state is ConnectionState.AWAITING_SCAN:
        return
    if connection.linked_number is not None and state not in _NO_PHONE:
        raise AlreadyLinkedError(state, reason)
    raise NoQrCodeError(state, reason)


async def pairing_code_for(
    request: web.Request, connection: Connection, phone: str
) -> tuple[str, datetime]:
    """Return a pairing code in the form to type, and when it expires; the phone is alerted.

    Raises NumberAlreadyLinkedError, PairingRateLimitedError, TooManyPairingCodesError, and
    PairingError with the reason when there is none.
    """
    services = request.app[SERVICES]
    await _require_askable(request, connection, phone)
    before = await services.linking.pairing(connection.id)
    # WhatsApp repeats a code that still works, without alerting the phone.
    free = before is not None and before.holds(phone, services.now())
    if not free:
        await services.pairing_limits.charge(connection.id, phone)
    asked = await services.linking.ask_for_pairing(connection.id, phone)
    await services.doorbell.ring_owner(connection)
    code, expires_at = await _answer(request, connection.id, asked)
    given_again = before is not None and (before.phone, before.code) == (phone, code)
    if given_again and not free:
        await services.pairing_limits.give_back(connection.id, phone)
    if free and not given_again:
        # A new page does not know the earlier code, so the phone was alerted for a new one.
        with suppress(TooManyPairingCodesError):
            await services.pairing_limits.charge(connection.id, phone)
    return f"{code[:4]}-{code[4:]}", expires_at


async def _require_askable(request: web.Request, connection: Connection, phone: str) -> None:
    """Raise an error if a code would end a login here, or if WhatsApp would not give one."""
    services = request.app[SERVICES]
    if linked := await services.linking.linked_here(phone):
        # The refusal tells that somebody here has this number: it counts like a code, so that
        # nobody tries many.
        await services.pairing_limits.charge(connection.id, phone)
        named = _may_be_named(request, connection, linked)
        raise NumberAlreadyLinkedError(linked.connection_id if named else None)
    if until := await services.linking.paused_until(phone, services.now()):
        raise PairingRateLimitedError(_seconds_until(services, until))


def _may_be_named(request: web.Request, asked_for: Connection, linked: LinkedHere) -> bool:
    """Tell whether who asks may know of the connection that has the number."""
    caller = request[IDENTITY].caller
    return caller is not None and linked.owner == asked_for.owner and caller.may_use(linked.id)


async def _answer(request: web.Request, connection: str, asked: str) -> tuple[str, datetime]:
    """Wait for the worker's answer; raise the error that says why there is no code."""
    services = request.app[SERVICES]
    give_up = time.monotonic() + _WITHIN.total_seconds()
    while True:
        found = await services.linking.pairing(connection)
        if found is None or found.id != asked:
            raise PairingError("Somebody else asked for a pairing code meanwhile.")
        if found.refusal:
            raise _error_of(found.refusal, services)
        if found.code and found.expires_at:
            return found.code, found.expires_at
        if time.monotonic() >= give_up or not await pause(request, _LOOK_EVERY):
            raise PairingError("WhatsApp gave no pairing code in time.")


def _error_of(refusal: PairingRefusal, services: Services) -> DomainError:
    code = refusal.detail
    match refusal.code:
        case Refused.TOO_MANY:
            until = refusal.retry_at or services.now()
            return PairingRateLimitedError(_seconds_until(services, until))
        case Refused.NUMBER_LINKED:
            return NumberAlreadyLinkedError()
        case Refused.ALREADY_LINKED:
            return AlreadyLinkedError()
        case Refused.NUMBER_REFUSED:
            return PairingRefusedError(f"WhatsApp gives this number no pairing code: {code}.", code)
        case Refused.NOT_AVAILABLE:
            text = "WhatsApp does not offer pairing codes to this number. Scan the QR code."
            return PairingNotAvailableError(text, code)
        case Refused.NO_CODE:
            return PairingError(f"WhatsApp gave no pairing code: {code}.", code)


def _seconds_until(services: Services, until: datetime) -> int:
    return max(1, math.ceil((until - services.now()).total_seconds()))
