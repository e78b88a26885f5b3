"""Run the simulated WhatsApp Web: one JSON line when ready, a clean end on SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

from tests.whatsapp_web.server import whatsapp_web


async def serve(port: int, data: Path) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with whatsapp_web(data, port) as running:
        sys.stdout.write(json.dumps({"url": running.url, "pid": os.getpid()}) + "\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="tests.whatsapp_web")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    if arguments.data is not None:
        asyncio.run(serve(arguments.port, arguments.data))
        return
    with tempfile.TemporaryDirectory(prefix="whatsapp-web-") as scratch:
        asyncio.run(serve(arguments.port, Path(scratch)))


if __name__ == "__main__":
    main()
