"""Link phones as admins do, where WhatsApp Web is not as its client libraries think."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.stack_client import OUR_PHONE, StackClient
from tests.waiting import until

OTHER_PHONE = "+972502222222"


# `test_link_page.py` sees codes of two rounds; `test_control_api.py` asks for one over the API.
@pytest.mark.slow
async def test_qr_codes_go_on_after_a_round_while_somebody_asks_for_them(
    system: StackClient,
) -> None:
    times = {"qrFirstMs": 2000, "qrNextMs": 2000, "qrCount": 2}
    await system.control("PUT", "faults", times)
    await system.create()
    seen: list[str] = []

    async def beyond_the_round() -> bool:
        shown = await system.get("/api/whatsapp/connections/main/qr?format=json&wait=5")
        if "code" in shown and shown["http"] == 200 and shown["code"] not in seen:
            seen.append(shown["code"])
            await system.control("PUT", "faults", {"qrFirstMs": 60_000})
        return len(seen) > times["qrCount"]

    await until(beyond_the_round, within=timedelta(seconds=40))
    await system.scan()
    await system.until_state("connected")


# `tests/integration/connections/test_linking.py` compares the text with what the page draws.
@pytest.mark.slow
async def test_a_phone_that_takes_only_what_the_page_draws_links(system: StackClient) -> None:
    await system.control("PUT", "faults", {"refuseQr": "short"})
    await system.create()
    await system.scan()
    await system.until_state("connected")


# `test_passkey.py` does the same without a worker.
@pytest.mark.slow
async def test_a_passkey_withdraws_the_code_until_it_is_called_off(system: StackClient) -> None:
    await system.control("PUT", "faults", {"passkey": True})
    await system.create()
    await system.scan()
    await system.until_state("passkey_required")
    shown = await system.get("/api/whatsapp/connections/main/qr?format=json")
    assert (shown["http"], shown["code"]) == (409, "no_qr_code")
    assert (shown["state"], shown["reason"]) == ("passkey_required", "passkey_wanted")
    await system.control("PUT", "faults", {"passkey": False})
    await system.until_state("connected")


# `tests/integration/connections/test_linking.py` refuses a number whose login is here.
@pytest.mark.slow
async def test_a_pairing_code_that_would_do_harm_is_refused(system: StackClient) -> None:
    await system.create()
    await system.scan()
    await system.until_state("connected")
    again = await _pair(system, "main", OTHER_PHONE)
    assert (again["http"], again["code"]) == (409, "already_linked")
    await system.create("second")
    await system.until_state("awaiting_scan", "second")
    harmful = await _pair(system, "second", OUR_PHONE)
    assert (harmful["http"], harmful["code"]) == (409, "number_already_linked")
    assert harmful["connectionId"] == "main"
    assert len(await system.control("GET", "devices")) == 1
    assert (await system.status())["state"] == "connected"


# `test_pairing_limits.py` has the waits, `integration/connections/test_linking.py` the refusals.
@pytest.mark.slow
async def test_too_many_pairing_codes_are_told_with_a_wait(system: StackClient) -> None:
    await system.control("PUT", "faults", {"pairingCodes": 0})
    await system.create()
    await system.until_state("awaiting_scan")
    refused = await _pair(system, "main", OTHER_PHONE)
    assert (refused["http"], refused["code"]) == (429, "pairing_rate_limited")
    assert 3000 <= refused["retryAfterSeconds"] <= 3600
    await system.control("PUT", "faults", {"pairingCodes": None, "pairingError": 452})
    soon = await _pair(system, "main", OTHER_PHONE)
    assert soon["code"] == "pairing_rate_limited", "WhatsApp is not asked again so soon"
    unavailable = await _pair(system, "main", OUR_PHONE)
    assert (unavailable["http"], unavailable["code"]) == (409, "pairing_not_available")
    await system.control("PUT", "faults", {"pairingError": None})
    assert (await _pair(system, "main", OUR_PHONE))["http"] == 200


async def _pair(system: StackClient, connection_id: str, phone: str) -> dict[str, Any]:
    path = f"/api/whatsapp/connections/{connection_id}/pairing-code"
    return await system.post(path, {"phoneNumber": phone})
