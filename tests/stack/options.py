"""What the stack can be asked for on its command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """How many workers, where the data goes, and what differs from the stack's own settings.

    With `mongo`, an address with its database, the stack starts no MongoDB of its own; with
    `whatsapp_web`, an address of the page, no simulated WhatsApp Web.
    """

    workers: int
    data: Path | None
    port: int | None
    supervise: bool
    environment: dict[str, str]
    mongo: str | None = None
    whatsapp_web: str | None = None


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; end the program with a message when it cannot be meant."""
    parser = argparse.ArgumentParser(prog="python -m tests.stack", description=__doc__)
    parser.add_argument("--workers", type=_count, default=1, metavar="N")
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep everything in this folder")
    parser.add_argument("--port", type=int, metavar="P", help="the control API's port")
    parser.add_argument("--supervise", action="store_true", help="start what dies again")
    parser.add_argument("--mongo", metavar="URI", help="use the database there, and start none")
    parser.add_argument("--env", type=_pair, action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args(arguments)
    return Options(
        workers=given.workers,
        data=given.data,
        port=given.port,
        supervise=given.supervise,
        environment=dict(given.env),
        mongo=given.mongo,
    )


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not key or not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value
