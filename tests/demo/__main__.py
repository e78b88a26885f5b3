"""Show it from end to end: `python -m tests.demo [--business] [--keep]`; `make demo` runs it."""

import argparse
import asyncio
import signal
import sys
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import aiohttp

from tests.demo.progress import Progress
from tests.demo.shop import work
from tests.demo.shop_data import fill, start_campaign
from tests.demo.stack_client import DemoError, StackClient, running_stack
from tests.demo.story import CONNECTION, link_phone, tell

_EMAIL, _PASSWORD = "owner@example.com", "a demo needs no secret"


def main() -> int:
    """Run the demo; return an exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the stack running afterwards")
    parser.add_argument("--business", action="store_true", help="show a shop and its appointments")
    given = parser.parse_args()
    try:
        asyncio.run(_run(business=given.business, keep=given.keep))
    except DemoError as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr, flush=True)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("\nStopped.", flush=True)
        return 130
    return 0


async def _run(*, business: bool, keep: bool) -> None:
    _cancel_on_sigterm()
    progress = Progress()
    workers = "a worker" if business else "two workers"
    doing = f"Starting MongoDB, Redis, a simulated WhatsApp Web, {workers} and the control API"
    async with AsyncExitStack() as cleanup:
        async with progress.step("Everything started", doing=doing):
            stack = await cleanup.enter_async_context(running_stack(1 if business else 2))
        await _tell(stack, progress, business=business, keep=keep)
        print(f"\nWhat took how long:\n\n{progress.table()}\n", flush=True)
        if business:
            await stack.register(_EMAIL, _PASSWORD)
        if keep:
            print((_in_the_shop if business else _how_to_go_on)(stack), flush=True)
            await _until_stopped()
        progress.say("Stopping everything")


async def _until_stopped() -> None:
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


async def _tell(stack: StackClient, progress: Progress, *, business: bool, keep: bool) -> None:
    try:
        if not business:
            await tell(stack, progress)
            return
        await link_phone(stack, progress)
        if keep:
            await fill(stack, progress)
        await work(stack, progress)
        if keep:
            await start_campaign(stack, progress)
    except (DemoError, aiohttp.ClientError):
        print(f"\n{stack.log_tails()}", file=sys.stderr, flush=True)
        raise


def _cancel_on_sigterm() -> None:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _in_the_shop(stack: StackClient) -> str:
    """Return where the shop is to be seen."""
    api = stack.ready["api"]
    return f"""It goes on running; Ctrl-C stops it.

  The shop               {api}/provider/dashboard
  Its numbers            {api}/provider/stats
  Everything else        {api}/dashboard
  Sign in with           {_EMAIL}
  and the password       {_PASSWORD}

Let Dana write something:

  curl -X POST {stack.ready["simulator"]}/control/phones/972541234567/say \\
    -H 'Content-Type: application/json' -d '{{"to":"+972501234567","text":"Thank you!"}}'
"""


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

For another terminal (docs/tutorial.md goes on from here):

  export API={ready["api"]}
  export WHATSAPP={ready["simulator"]}
  export KEY_HEADER={header}

Send a message:

  curl -X POST {ready["api"]}/api/whatsapp/send \\
    -H @{header} -H 'Content-Type: application/json' \\
    -d '{{"connectionId":"{CONNECTION}","to":"+972541234567","message":"Hello from curl"}}'

See what WhatsApp received:

  curl {ready["simulator"]}/control/ledger
"""


if __name__ == "__main__":
    sys.exit(main())
