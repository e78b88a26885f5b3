"""What the check can be asked for, on its command line."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

_ROOT = Path(__file__).parents[2]
_REAL_HOST = "web.whatsapp.com"
_REAL = f"https://{_REAL_HOST}/"
_FROM_ENV_FILE = ("CHROMIUM_PATH", "CHROMIUM_NO_SANDBOX", "DEVICE_NAME", "WHATSAPP_WEB_URL")
"""What of the person's own `.env` counts here too: the browser and the page, never the servers."""


class Part(StrEnum):
    """The parts of the check that can be left out."""

    CUT = "cut"
    RESTART = "restart"
    SAVINGS = "savings"
    UNLINK = "unlink"


@dataclass(frozen=True)
class Limits:
    """How long things are done and waited for."""

    cut: timedelta = timedelta(minutes=1)
    """How long the page's network is away."""
    settle: timedelta = timedelta(minutes=1)
    """How long a browser may settle before its memory is measured."""
    person: timedelta = timedelta(minutes=10)
    """How long the person may take to scan or to unlink."""
    connect: timedelta = timedelta(minutes=3)
    """How long a page may take to be connected."""
    deliver: timedelta = timedelta(minutes=2)
    """How long a message is followed."""


@dataclass(frozen=True)
class Options:
    """What is checked, where, and how."""

    simulated: bool = False
    to: str | None = None
    """The number of somebody else to write to; None asks, an empty one writes to nobody else."""
    pair: str | None = None
    """The phone's own number: link it by a pairing code instead of a QR code."""
    data: Path | None = None
    report: Path = _ROOT / "var/live-check"
    leave_out: frozenset[Part] = frozenset()
    each_saving: bool = False
    all_codes: bool = False
    """Whether no code may be scanned before a whole round of them has run out."""
    limits: Limits = Limits()
    url: str | None = _REAL
    """The address of WhatsApp Web; None starts the simulated one."""
    settings: Mapping[str, str] | None = None

    @property
    def real(self) -> bool:
        """Whether the page is WhatsApp's own."""
        return self.url is not None and urlsplit(self.url).hostname == _REAL_HOST


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; end the program with a message when it cannot be meant."""
    given = _parser().parse_args(arguments)
    settings = _own_settings()
    default = Limits()
    return Options(
        simulated=given.simulated,
        to=given.to,
        pair=given.pair,
        data=given.data,
        report=given.report,
        leave_out=frozenset(map(Part, given.leave_out)),
        each_saving=given.each_saving,
        all_codes=given.all_codes,
        limits=Limits(
            cut=given.cut or (timedelta(seconds=5) if given.simulated else default.cut),
            settle=given.settle or (timedelta(seconds=2) if given.simulated else default.settle),
        ),
        url=None if given.simulated else settings.pop("WHATSAPP_WEB_URL", _REAL),
        settings=settings,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.live_check", description=__doc__)
    parser.add_argument(
        "--simulated", action="store_true", help="a simulated WhatsApp Web and phone"
    )
    parser.add_argument("--to", metavar="NUMBER", help="somebody else to write to; '' for nobody")
    parser.add_argument("--pair", metavar="NUMBER", help="your number: link by a pairing code")
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep everything in this folder")
    parser.add_argument("--report", type=Path, metavar="DIR", default=Options.report)
    parser.add_argument(
        "--leave-out", action="append", default=[], choices=list(map(str, Part)), metavar="PART"
    )
    parser.add_argument("--each-saving", action="store_true", help="measure each saving alone too")
    parser.add_argument(
        "--all-codes", action="store_true", help="let a round of QR codes run out before the scan"
    )
    parser.add_argument("--cut", type=_seconds, metavar="SECONDS", help="how long to cut the line")
    parser.add_argument("--settle", type=_seconds, metavar="SECONDS", help="before memory counts")
    return parser


def _own_settings() -> dict[str, str]:
    """Return what the environment and the person's `.env` say; the environment wins."""
    found = {**dotenv_values(_ROOT / ".env"), **os.environ}
    return {name: value for name in _FROM_ENV_FILE if (value := found.get(name))}


def _seconds(text: str) -> timedelta:
    seconds = float(text)
    if seconds <= 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return timedelta(seconds=seconds)
