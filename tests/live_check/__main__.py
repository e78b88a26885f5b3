"""Check the product with a phone at hand: `python -m tests.live_check`; `make live-check`."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import aiohttp

from tests.demo.progress import Progress
from tests.live_check.api import ApiError
from tests.live_check.findings import INTERRUPTED, Findings
from tests.live_check.judgement import checks, may_trust, verdict
from tests.live_check.options import Options, parse
from tests.live_check.person import Lines, Person, TerminalPerson
from tests.live_check.private import Private
from tests.live_check.report import Report
from tests.live_check.run import Run, StepFailedError
from tests.live_check.simulated_person import SimulatedPerson
from tests.live_check.story import tell
from tests.live_check.system import System, running_system, without_sandbox
from tests.live_check.versions import own_versions
from tests.live_check.watch import Watch, logged_out
from tests.stack.folder import FolderInUseError
from tests.stack.readiness import NotReadyError

_LOGOUT_WITHIN = timedelta(seconds=30)
_EXIT_INTERRUPTED = 130
_LOGS = "With DATA=FOLDER (--data FOLDER) the logs of all programs stay in FOLDER/logs."


def main() -> int:
    """Run the check; return 0 where the product may be trusted."""
    return asyncio.run(_main(parse()))


async def _main(options: Options) -> int:
    findings = Findings(simulated=not options.real, started=_now())
    session = _Session(options, findings)
    _introduce(options)
    await session.run()
    print(f"\n{_summary(findings)}\n\n{session.progress.table()}\n", flush=True)
    print(f"Report: {session.report.markdown}\n        {session.report.json}", flush=True)
    print(f"\n{verdict(findings)}", flush=True)
    if findings.interrupted:
        return _EXIT_INTERRUPTED
    return 0 if may_trust(findings) else 1


class _Session:
    """The check, its signals, and the report that is written however it ends."""

    def __init__(self, options: Options, findings: Findings) -> None:
        self._options = options
        self._findings = findings
        self._private = Private()
        self.progress = Progress()
        self.report = Report.in_folder(options.report, findings.started)

    async def run(self) -> None:
        """Run to the end, or to a signal; a second signal leaves out the logout."""
        self._findings.versions = await own_versions(self._options)
        check = asyncio.create_task(self._check(), name="check")
        signals = _Signals(lambda: self._interrupt(check))
        try:
            with suppress(asyncio.CancelledError):
                await check
        finally:
            signals.forget()
            self._write()

    def _interrupt(self, check: asyncio.Task[None]) -> None:
        if self._findings.ended_early is None:
            self._findings.ended_early = INTERRUPTED
            self._write()
            self.progress.say("Interrupted; the report is written, everything is being stopped")
        check.cancel()

    def _write(self) -> None:
        self._findings.took = self.progress.seconds
        self.report.write(self._findings, self._private)

    async def _check(self) -> None:
        try:
            async with running_system(self._options) as system:
                await self._check_on(system)
        except (NotReadyError, FolderInUseError, OSError) as error:
            self._end_early("start", error)

    async def _check_on(self, system: System) -> None:
        person = await self._person(system)
        watch = Watch(system.api, self._findings, self.progress.say)
        run = Run(
            *(system, watch, person, self._findings, self._private, self.progress, self._options)
        )
        async with watch.following():
            try:
                await tell(run)
            except StepFailedError as error:
                self._end_early(error.step, error)
            except (ApiError, NotReadyError, aiohttp.ClientError, TimeoutError) as error:
                self._end_early("error", error)
            finally:
                await self._log_out(run)

    async def _person(self, system: System) -> Person:
        if not self._options.simulated:
            return TerminalPerson(Lines())
        person = SimulatedPerson(system.http, system.simulator)
        await person.be_quick(self._options.all_codes)
        return person

    def _end_early(self, step: str, error: Exception) -> None:
        self._findings.ended_early = step
        why = str(error) or type(error).__name__
        print(f"\nIt cannot go on: {why}\n{_LOGS}\n", file=sys.stderr, flush=True)

    async def _log_out(self, run: Run) -> None:
        """Take the device off the phone: the login in a folder of our own would be lost with it."""
        if not self._findings.left_linked or run.system.keeps_data:
            return
        doing = "Logging out, so that the phone does not list us any more"
        async with self.progress.step("Logged out", doing=doing):
            with suppress(ApiError, aiohttp.ClientError):
                await run.system.api.command("logout")
                gone = await run.watch.until(logged_out, _LOGOUT_WITHIN)
                self._findings.left_linked = gone is None


class _Signals:
    """Calls a function at the first two signals; more would stop the stopping."""

    _HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    _MOST = 2

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._left = self._MOST
        for number in self._HEARD:
            asyncio.get_running_loop().add_signal_handler(number, self._hear)

    def forget(self) -> None:
        """Leave signals to Python again."""
        for number in self._HEARD:
            asyncio.get_running_loop().remove_signal_handler(number)

    def _hear(self) -> None:
        self._left -= 1
        if self._left >= 0:
            self._call()


def _introduce(options: Options) -> None:
    where = options.url or "a simulated WhatsApp Web"
    print(
        f"This checks the product on {where}: it links a phone, sends a few short messages,\n"
        f"cuts the page's network for {options.limits.cut.total_seconds():g} s, restarts the "
        "worker, measures the browser,\nand at the end asks you to unlink. Ctrl-C ends it at any "
        "time; the report is written all the same.",
        flush=True,
    )
    if without_sandbox(options):
        print("The browser runs without its sandbox, since root must.", flush=True)


def _summary(findings: Findings) -> str:
    judged = checks(findings)
    width = max(len(check.name) for check in judged)
    lines = [f"  {check.name:<{width}}  {check.outcome}" for check in judged]
    if findings.left_linked:
        lines += ["", "The phone still lists this device: remove it under Linked devices."]
    return "\n".join(["What must hold:", "", *lines])


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    sys.exit(main())
