"""Show the main job from end to end: `python -m tests.demo [--keep]`; `make demo` runs it."""

import argparse
import asyncio
import signal
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import aiohttp

from tests.demo.progress import Progress
from tests.demo.stack_client import DemoError, StackClient, running_stack
from tests.demo.story import CONNECTION, tell


def main() -> int:
    """Run the demo; return an exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the stack running afterwards")
    keep = parser.parse_args().keep
    try:
        asyncio.run(_run(keep=keep))
    except DemoError as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr, flush=True)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("\nStopped.", flush=True)
        return 130
    return 0


async def _run(*, keep: bool) -> None:
    _cancel_on_sigterm()
    progress = Progress()
    doing = "Starting MongoDB, Redis, a simulated WhatsApp Web, two workers and the control API"
    async with AsyncExitStack() as cleanup:
        async with progress.step("Everything started", doing=doing):
            stack = await cleanup.enter_async_context(running_stack())
        await _tell(stack, progress)
        print(f"\nWhat took how long:\n\n{progress.table()}\n", flush=True)
        if keep:
            print(_how_to_go_on(stack), flush=True)
            await _until_stopped()
        progress.say("Stopping everything")


async def _until_stopped() -> None:
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


async def _tell(stack: StackClient, progress: Progress) -> None:
    try:
        await tell(stack, progress)
    except (DemoError, aiohttp.ClientError):
        print(f"\n{stack.log_tails()}", file=sys.stderr, flush=True)
        raise


def _cancel_on_sigterm() -> None:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _how_to_go_on(stack: StackClient) -> str:
    ready = stack.ready
    header = Path(ready["data"]) / "key-header"
    header.touch(mode=0o600)
    # In a file: every local user can read what stands on a command line.
    header.write_text(f"X-Api-Key: {ready['apiKey']}\n")
    return f"""It goes on running; Ctrl-C stops it.

  Control API            {ready["api"]}
  API key                {ready["apiKey"]}
  Simulated WhatsApp Web {ready["simulator"]}
  Logs                   {ready["data"]}/logs

Send a message:

  curl -X POST {ready["api"]}/api/whatsapp/send \\
    -H @{header} -H 'Content-Type: application/json' \\
    -d '{{"connectionId":"{CONNECTION}","to":"+972541234567","message":"Hello from curl"}}'

See what WhatsApp received:

  curl {ready["simulator"]}/control/ledger
"""


if __name__ == "__main__":
    sys.exit(main())
