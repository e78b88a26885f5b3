"""Run the soak: `python -m tests.soak [PART …] [--cycles N] [--seed N]`."""

from __future__ import annotations

import argparse
import asyncio
import sys
import traceback
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import fields
from typing import Any

from tests.soak import (
    soak_copies,
    soak_cycles,
    soak_early_kills,
    soak_fleet,
    soak_rivals,
    soak_secrecy,
)
from tests.soak.report import Report, table
from tests.soak.sizes import Sizes

PARTS: Mapping[str, Callable[[Report, Sizes], Coroutine[Any, Any, None]]] = {
    "fleet": soak_fleet.run,
    "copies": soak_copies.run,
    "early-kills": soak_early_kills.run,
    "rivals": soak_rivals.run,
    "cycles": soak_cycles.run,
    "secrecy": soak_secrecy.run,
}


def main() -> int:
    """Run the parts asked for, or all; return 1 when one of them failed."""
    given = _parse()
    names = given.parts or list(PARTS)
    sizes = Sizes(**{each.name: getattr(given, each.name) for each in fields(Sizes)})
    results = [_run(name, sizes) for name in names]
    print(table([row for rows, _ in results for row in rows]), flush=True)
    return 0 if all(passed for _, passed in results) else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    for each in fields(Sizes):
        parser.add_argument(f"--{each.name}", type=int, default=each.default, metavar="N")
    given = parser.parse_args()
    if unknown := sorted(set(given.parts) - set(PARTS)):
        parser.error(f"unknown: {', '.join(unknown)}")
    return given


def _run(name: str, sizes: Sizes) -> tuple[list[tuple[str, str, str]], bool]:
    """Run one part; return its rows of the table and whether it passed."""
    report = Report(name)
    report.step("begins")
    try:
        asyncio.run(PARTS[name](report, sizes))
    except Exception:  # noqa: BLE001 - the other parts are still worth running
        traceback.print_exc()
        passed = False
    else:
        passed = True
    verdict = "passed" if passed else "FAILED"
    report.figure("result", f"{verdict} in {report.seconds:.0f} s")
    return [(name, *figure) for figure in report.figures], passed


if __name__ == "__main__":
    sys.exit(main())
