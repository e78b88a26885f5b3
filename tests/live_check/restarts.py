"""Start the worker anew, with the same login and other savings of the browser."""

from __future__ import annotations

import asyncio

from chatgrow_worker.browser.savings import PROVEN, Saving
from tests.live_check.findings import Start
from tests.live_check.memory import BrowserMemory
from tests.live_check.run import Run, StepFailedError
from tests.live_check.sending import send
from tests.live_check.system import DEFAULT_SAVINGS
from tests.live_check.watch import connected


async def restart(run: Run) -> None:
    """Restart the worker as it is; raise `StepFailedError` when the login does not survive it."""
    start = await _start_with(run, DEFAULT_SAVINGS, "after the restart")
    if not start.works:
        raise StepFailedError("restart", "after a restart of the worker the page does not send")


async def measure_savings(run: Run) -> None:
    """Start the worker with none of the savings, with all, and with each alone if need be."""
    await _start_with(run, "none", "with no savings")
    every = await _start_with(run, "all", "with all savings")
    if run.options.each_saving or not every.works:
        for name in _unproven():
            await _start_with(run, f"{DEFAULT_SAVINGS},{name}", f"with {name}")
    if not run.findings.starts[-1].works:
        await _start_with(run, DEFAULT_SAVINGS, "with the default again")


async def _start_with(run: Run, savings: str, when: str) -> Start:
    start = Start(savings=savings)
    run.findings.starts.append(start)
    name = f"Restarted, savings: {savings}"
    async with run.progress.step(name, doing=f"The worker starts anew, savings: {savings}"):
        await run.system.stop_worker()
        began = run.watch.now
        await run.system.start_worker(savings)
        async with BrowserMemory(run.system.worker).measured() as memory:
            if await run.watch.until(connected, run.options.limits.connect):
                start.connected = round(run.watch.now - began, 1)
                start.loaded = _since_browser(run, began)
                await _use(run, start, memory, when)
    start.scan_asked = any(sight.state == "awaiting_scan" for sight in run.watch.since(began))
    run.progress.say(f"  {describe(start)}")
    return start


async def _use(run: Run, start: Start, memory: BrowserMemory, when: str) -> None:
    limits = run.options.limits
    message = await (await send(run, when)).until_out(limits.deliver)
    start.sent = message.went_out
    await asyncio.sleep(limits.settle.total_seconds())
    start.settled_mb = await memory.now_mb()
    start.peak_mb = memory.peak_mb


def _since_browser(run: Run, began: float) -> float | None:
    """Return the seconds from the start of the browser to the last state, which is connected."""
    seen = run.watch.since(began)
    started = [sight.at for sight in seen if sight.reason == "browser_starting"]
    return round(seen[-1].at - started[0], 1) if started else None


def describe(start: Start) -> str:
    """Return a start in a line."""
    if start.connected is None:
        return "not connected in time"
    sent = "a message went out" if start.sent else "no message went out"
    return (
        f"connected after {start.connected:g} s, {sent}, "
        f"{start.peak_mb} MB at most, {start.settled_mb} MB at rest"
    )


def _unproven() -> list[Saving]:
    """Return what is off without a setting."""
    return [saving for saving in Saving if saving not in PROVEN]
