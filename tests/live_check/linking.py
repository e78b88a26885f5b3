"""Link the phone, by QR codes or a pairing code."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from tests.live_check.api import ApiError
from tests.live_check.findings import Linking
from tests.live_check.run import Run, StepFailedError
from tests.live_check.watch import connected

_EVERY = timedelta(milliseconds=500)
CODES_IN_A_ROUND = 6
"""After so many codes the page shows no more until it is asked to."""
_NOT_YET = "Code {} of the first 6; they are left to run out, there is nothing to scan yet."
_SCANNED = ("syncing", "connected")


async def link(run: Run) -> None:
    """Link the phone; raise `StepFailedError` when that does not come about in time."""
    linking = run.findings.linking = Linking(way="pairing code" if run.options.pair else "qr")
    started = run.watch.now
    async with run.progress.step("Linked", doing="Waiting for the phone to be linked"):
        ask = asyncio.create_task(_ask_person(run, linking, started), name="ask")
        try:
            await _until_linked(run, linking)
        finally:
            ask.cancel()
            failures = await asyncio.gather(ask, return_exceptions=True)
    for failure in failures:
        if isinstance(failure, ApiError):
            run.progress.say(f"A code was refused: {failure.code}")
    run.own_number = (await run.system.api.status()).get("phoneNumber")
    run.private.add_number(run.own_number)


async def _until_linked(run: Run, linking: Linking) -> None:
    limits = run.options.limits
    scanned = await run.watch.until(lambda sight: sight.state in _SCANNED, limits.person)
    if scanned is None:
        raise StepFailedError("linking", "nobody linked a phone in time")
    run.findings.left_linked = True
    if not await run.watch.until(connected, limits.connect):
        raise StepFailedError("linking", "the phone is linked, but the page is never connected")
    linking.connected = round(run.watch.now - scanned.at, 1)


async def _ask_person(run: Run, linking: Linking, started: float) -> None:
    if run.options.pair is None:
        await _show_qr_codes(run, linking, started)
    else:
        await _show_pairing_codes(run, linking, run.options.pair, started)


async def _show_qr_codes(run: Run, linking: Linking, started: float) -> None:
    shown = ""
    while True:
        code = await run.system.api.qr_code()
        if code and code != shown:
            shown = code
            run.private.add(code)
            _describe(linking, code, round(run.watch.now - started, 1))
            if run.options.all_codes and linking.codes <= CODES_IN_A_ROUND:
                await run.person.wait(_NOT_YET.format(linking.codes))
            else:
                await run.person.scan(code)
        await asyncio.sleep(_EVERY.total_seconds())


def _describe(linking: Linking, code: str, at: float) -> None:
    """Note the form of a code, and nothing of what is in it."""
    linking.codes += 1
    linking.first_code = linking.first_code or at
    linking.parts = len(code.rpartition("#")[2].split(","))
    linking.address_in_front = code.startswith("https://")


async def _show_pairing_codes(run: Run, linking: Linking, number: str, started: float) -> None:
    run.private.add_number(number)
    await run.watch.until(lambda sight: sight.state == "awaiting_scan", run.options.limits.connect)
    shown = ""
    while True:
        # The same code comes again while it is good; asking for it does not make a new one.
        code = await run.system.api.pairing_code(number)
        if code != shown:
            shown = code
            run.private.add(code, code.replace("-", ""))
            linking.codes += 1
            linking.first_code = linking.first_code or round(run.watch.now - started, 1)
            await run.person.type_code(code)
        await asyncio.sleep(_EVERY.total_seconds() * 10)
