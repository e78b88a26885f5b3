"""Cut the page's network, send meanwhile, and see what arrives afterwards."""

from __future__ import annotations

import asyncio

from tests.live_check.findings import Cut, Sight
from tests.live_check.run import Run, StepFailedError
from tests.live_check.sending import send
from tests.live_check.watch import connected


async def cut_network(run: Run) -> None:
    """Cut the network for a while; raise `StepFailedError` when the page does not come back."""
    limits, proxy = run.options.limits, run.system.proxy
    cut = run.findings.cut = Cut(lasted=limits.cut.total_seconds(), used=proxy.carried > 0)
    began = run.watch.now
    doing = f"The page's network is cut for {limits.cut.total_seconds():g} s"
    async with run.progress.step("Network cut", doing=doing):
        proxy.cut()
        try:
            _note(cut, began, await run.watch.until(_away, limits.cut))
            meanwhile = await send(run, "while the network was cut")
            await asyncio.sleep(max(0.0, limits.cut.total_seconds() - (run.watch.now - began)))
            await meanwhile.look()
        finally:
            proxy.mend()
    back = run.watch.now
    async with run.progress.step("Connected again", doing="The network is back"):
        if not await run.watch.until(connected, limits.connect):
            raise StepFailedError("cut", "the page is not connected again after the cut")
        cut.reconnected = round(run.watch.now - back, 1)
        await meanwhile.until_out(limits.deliver)
    run.progress.say(f"  the message of that time: {meanwhile.message.status}")
    await meanwhile.count()


def _away(sight: Sight) -> bool:
    return sight.state == "disconnected"


def _note(cut: Cut, began: float, sight: Sight | None) -> None:
    if sight is not None:
        cut.noticed = round(max(0.0, sight.at - began), 1)
        cut.state, cut.reason = sight.state, sight.reason
