"""Serve the control endpoints: hold phones, break things, read the ledger."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

from aiohttp import web

from tests.whatsapp_web.accounts import Account
from tests.whatsapp_web.faults import as_json
from tests.whatsapp_web.linking import StaleCodeError
from tests.whatsapp_web.numbers import GROUP_SERVER, digits, e164
from tests.whatsapp_web.relay import RefusedError
from tests.whatsapp_web.service import Service

Deed = Callable[[str, dict[str, Any]], Awaitable[str]]
"""What a phone does: of its number and the body of the call, it makes the id of the deed."""
Action = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Control:
    """The hand of a test on the simulated service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        phones = service.phones
        self._deeds: Mapping[str, Deed] = {
            "say": phones.say,
            "react": phones.react,
            "edit": phones.edit,
            "revoke": phones.revoke,
            "vote": phones.vote,
        }

    def routes(self) -> list[web.RouteDef]:
        """Return all control routes."""
        phone = "/control/phones/{number}"
        return [
            web.post("/control/phones", self.hold_phone),
            web.post(f"{phone}/scan", self.scan),
            web.post(f"{phone}/pair", self.pair),
            web.post(f"{phone}/unlink", self.unlink),
            *(web.post(f"{phone}/{deed}", self.act) for deed in self._deeds),
            web.put("/control/numbers/{number}", self.change_number),
            web.put("/control/faults", self.put_faults),
            web.post("/control/groups", self.create_group),
            web.put("/control/groups/{group}", self.change_group),
            web.delete("/control/groups/{group}", self.end_group),
            web.get("/control/ledger", self.ledger),
            web.get("/control/held", self.held),
            web.get("/control/devices", self.devices),
            web.post("/control/reset", self.reset),
        ]

    async def hold_phone(self, request: web.Request) -> web.Response:
        """Make an account whose phone we hold."""
        body = await _body(request)
        account = await self._service.accounts.change(
            digits(body["number"]), phone=True, registered=True
        )
        return web.json_response(_shown(account), status=201)

    async def scan(self, request: web.Request) -> web.Response:
        """Scan a QR code with the phone."""
        number, body = digits(request.match_info["number"]), await _body(request)
        device = await self._service.login.scan(number, str(body["code"]))
        return _linked(None if device is None else device.id)

    async def pair(self, request: web.Request) -> web.Response:
        """Type a pairing code on the phone."""
        number, body = digits(request.match_info["number"]), await _body(request)
        device = await self._service.login.type_code(number, str(body["code"]))
        return _linked(None if device is None else device.id)

    async def unlink(self, request: web.Request) -> web.Response:
        """Unlink one device, or all devices, on the phone."""
        number, body = digits(request.match_info["number"]), await _body(request)
        gone = await self._service.unlink(number, body.get("device"))
        return web.json_response({"unlinked": gone})

    async def act(self, request: web.Request) -> web.Response:
        """Let the phone say something, or do something to a message."""
        number, body = digits(request.match_info["number"]), await _body(request)
        deed = request.path.rpartition("/")[2]
        return web.json_response({"id": await self._deeds[deed](number, body)})

    async def change_number(self, request: web.Request) -> web.Response:
        """Change what the service knows of a number."""
        number, body = digits(request.match_info["number"]), await _body(request)
        columns = dict(_column(name, value) for name, value in body.items())
        return web.json_response(_shown(await self._service.accounts.change(number, **columns)))

    async def put_faults(self, request: web.Request) -> web.Response:
        """Break or mend something, for one number or for all."""
        body = await _body(request)
        given = body.pop("number", None)
        number = None if given is None else digits(str(given))
        await self._service.put_faults(number, body)
        return web.json_response(as_json(self._service.faults.of(number)))

    async def create_group(self, request: web.Request) -> web.Response:
        """Make a group; linked members see it at their next start."""
        body = await _body(request)
        members = frozenset(digits(str(member)) for member in body["members"])
        admins = frozenset(digits(str(admin)) for admin in body.get("admins", []))
        room = await self._service.rooms.create(str(body["subject"]), members | admins, admins)
        await self._service.groups_changed(room.members)
        return web.json_response({"id": room.id, "subject": room.subject}, status=201)

    async def change_group(self, request: web.Request) -> web.Response:
        """Change who is in a group."""
        body = await _body(request)
        members = frozenset(digits(str(member)) for member in body["members"])
        affected = await self._service.rooms.change(request.match_info["group"], members)
        await self._service.groups_changed(affected)
        return web.json_response({"members": sorted(map(e164, members))})

    async def end_group(self, request: web.Request) -> web.Response:
        """End a group: from now on it does not exist."""
        affected = await self._service.rooms.remove(request.match_info["group"])
        await self._service.groups_changed(affected)
        return web.json_response({})

    async def ledger(self, request: web.Request) -> web.Response:
        """Read the ledger, narrowed by sender and recipient."""
        sender, recipient = (request.query.get(name) for name in ("from", "to"))
        entries = await self._service.ledger.entries(_party(sender), _party(recipient))
        return web.json_response(entries)

    async def held(self, request: web.Request) -> web.Response:
        """Tell which messages of connected pages are held back."""
        return web.json_response(self._service.relay.held_back())

    async def devices(self, request: web.Request) -> web.Response:
        """Tell what is linked and online."""
        return web.json_response(await self._service.describe_devices())

    async def reset(self, request: web.Request) -> web.Response:
        """Forget everything and cut every connection."""
        await self._service.reset()
        return web.json_response({})


def _flag(column: str) -> tuple[str, str, Callable[[Any], bool]]:
    return column, "true or false", lambda value: isinstance(value, bool)


TROUBLES = ("noLid", "lidMissing", "noAccountLid", "acp2Restricted", "statusCode")
"""What may be wrong with a number; docs/simulated-whatsapp-web.md says what each one does."""

_COLUMNS: Mapping[str, tuple[str, str, Callable[[Any], bool]]] = MappingProxyType(
    {
        "registered": _flag("registered"),
        "lid": ("lid", "digits", lambda value: isinstance(value, str) and value.isdecimal()),
        "addressing": ("addressing", "pn or lid", lambda value: value in ("pn", "lid")),
        "receiptsFromLid": _flag("receipts_from_lid"),
        "business": _flag("business"),
        "canonical": (
            "canonical",
            "digits or null",
            lambda value: value is None or (isinstance(value, str) and value.isdecimal()),
        ),
        "trouble": (
            "trouble",
            f"one of {', '.join(TROUBLES)} or null",
            lambda value: value is None or value in TROUBLES,
        ),
    }
)
"""What may be said of a number: the column that keeps it, and which values there are."""


def _column(name: str, value: Any) -> tuple[str, Any]:
    if name not in _COLUMNS:
        raise ValueError(f"unknown: {name}")
    column, values, is_one = _COLUMNS[name]
    if not is_one(value):
        raise ValueError(f"{name} must be {values}")
    return column, value


@web.middleware
async def errors_as_json(request: web.Request, handler: Action) -> web.StreamResponse:
    """Turn a wrong call into 400 and a stale code into 409."""
    try:
        return await handler(request)
    except RefusedError as error:
        return web.json_response({"error": str(error)}, status=error.code)
    except StaleCodeError as error:
        return web.json_response({"error": str(error)}, status=409)
    except (ValueError, KeyError, sqlite3.IntegrityError) as error:
        return web.json_response({"error": str(error)}, status=400)


async def _body(request: web.Request) -> dict[str, Any]:
    text = await request.text()
    body = json.loads(text) if text else {}
    if not isinstance(body, dict):
        raise ValueError("the body must be a JSON object")  # noqa: TRY004 - the caller's value
    return body


def _party(number: str | None) -> str | None:
    if not number or number.endswith(f"@{GROUP_SERVER}"):
        return number or None
    return digits(number)


def _linked(device_id: str | None) -> web.Response:
    if device_id is None:
        return web.json_response({"device": None, "waitsFor": "passkey"}, status=202)
    return web.json_response({"device": device_id})


def _shown(account: Account) -> dict[str, Any]:
    return {
        "number": e164(account.digits),
        "registered": account.registered,
        "lid": account.lid_wid,
        "addressing": account.addressing,
        "receiptsFromLid": account.receipts_from_lid,
        "business": account.business,
        "canonical": account.canonical,
        "trouble": account.trouble,
    }
