"""Run the whole stack: `python -m tests.stack [--workers N] [--data DIR] [--port P] …`."""

import asyncio
import json
import signal
import sys
from contextlib import suppress
from pathlib import Path

from tests.stack.folder import FolderInUseError, stack_folder
from tests.stack.options import Options, parse
from tests.stack.plan import Plan
from tests.stack.readiness import NotReadyError
from tests.stack.saved import recall
from tests.stack.stack import running

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> int:
    """Run until a signal; return an exit code."""
    options = parse()
    try:
        with stack_folder(options.data) as folder:
            asyncio.run(_run(options, folder))
    except (FolderInUseError, NotReadyError, OSError) as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return 0


async def _run(options: Options, folder: Path) -> None:
    plan = Plan(folder, recall(folder, options.port), options)
    stop, started = _stop_on_signals(), asyncio.Event()
    serving = asyncio.create_task(_serve(plan, started, stop), name="stack")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if stop.is_set() and not started.is_set():
        serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


async def _serve(plan: Plan, started: asyncio.Event, stop: asyncio.Event) -> None:
    announce = _tell_restart if plan.options.supervise else None
    async with running(plan, announce) as stack:
        started.set()
        _tell(stack.describe())
        await stop.wait()


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in _STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _tell(what: object) -> None:
    print(json.dumps(what), flush=True)


def _tell_restart(name: str, pid: int) -> None:
    _tell({"restarted": name, "pid": pid})


if __name__ == "__main__":
    sys.exit(main())
