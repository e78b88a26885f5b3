"""The check from beginning to end: which step follows which."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.live_check.linking import link
from tests.live_check.options import Part
from tests.live_check.outage import cut_network
from tests.live_check.restarts import measure_savings, restart
from tests.live_check.run import Run, StepFailedError
from tests.live_check.sending import first_messages, look_again
from tests.live_check.versions import whatsapp_web_version
from tests.live_check.watch import logged_out

_STEPS: tuple[tuple[Part, Callable[[Run], Awaitable[None]]], ...] = (
    (Part.CUT, cut_network),
    (Part.RESTART, restart),
    (Part.SAVINGS, measure_savings),
)


async def tell(run: Run) -> None:
    """Do all steps that are not left out; raise `StepFailedError` where it cannot go on."""
    await _ask_for_other(run)
    await run.system.api.create(run.system.proxy.uri)
    await run.system.start_worker()
    await link(run)
    run.findings.versions.whatsapp_web = await whatsapp_web_version(run.system.api)
    if run.own_number is None:
        raise StepFailedError("linking", "the page does not tell the number that is linked")
    await first_messages(run)
    for part, step in _STEPS:
        if part not in run.options.leave_out:
            await step(run)
    await look_again(run)
    if Part.UNLINK not in run.options.leave_out:
        await _unlink(run)


async def _ask_for_other(run: Run) -> None:
    asked = run.options.to
    run.other_number = await run.person.other_number() if asked is None else asked or None
    run.private.add_number(run.other_number)


async def _unlink(run: Run) -> None:
    async with run.progress.step("Unlinked", doing="Waiting until the phone has removed us"):
        await run.person.unlink()
        seen = await run.watch.until(logged_out, run.options.limits.person)
    if seen is None:
        raise StepFailedError("unlinking", "the removal of the device was not noticed in time")
    run.findings.unlinked = seen
    run.findings.left_linked = False
    run.progress.say(f"  {seen.state} ({seen.reason})")
