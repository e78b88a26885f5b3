"""Run the benchmark: `python -m tests.bench [PART …] [--quick] [--write]`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.bench import (
    document,
    part_business,
    part_fleet,
    part_growth,
    part_latency,
    part_media,
    part_paced,
    part_saving,
    part_stored,
)
from tests.bench.lab import Lab, lab
from tests.bench.machine import machine
from tests.bench.report import Report
from tests.bench.sizes import QUICK, Sizes
from tests.bench.table import COMPARED, alone, as_text, compared

Part = Callable[[Lab, Report, Sizes], Coroutine[Any, Any, None]]
PARTS: Mapping[str, Part] = {
    "fleet": part_fleet.run,
    "saving": part_saving.run,
    "latency": part_latency.run,
    "growth": part_growth.run,
    "paced": part_paced.run,
    "stored": part_stored.run,
    "media": part_media.run,
    "business": part_business.run,
}


def main() -> int:
    """Run the parts asked for, or all; print the tables, and write the document if asked to."""
    given = _parse()
    report = Report.kept_in(given.keep)
    for line in machine():
        report.step(line)
    try:
        asyncio.run(_run(report, given.parts or list(PARTS), _sizes(given)))
    finally:
        if given.keep:
            report.keep_in(given.keep)
    if report.starts:
        print(f"\nsessions that hung at a start, and were started again: {report.hung()}")
    for table in _tables(report):
        print(f"\n{as_text(table)}", flush=True)
    if given.write:
        command = " ".join(["python -m tests.bench", *sys.argv[1:]])
        print(f"\nwritten: {document.write(report, command).name}")
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="small amounts, to see that it runs")
    parser.add_argument("--rounds", type=int, default=Sizes.rounds, help="of the part fleet")
    parser.add_argument("--sessions", type=int, action="append", help="of the part fleet")
    parser.add_argument("--connections", type=int, action="append", help="of the part growth")
    parser.add_argument("--paced", type=int, action="append", help="connections of the part paced")
    parser.add_argument("--side", action="append", choices=Sizes.sides, help="of the part fleet")
    parser.add_argument("--keep", type=Path, help="go on with the figures of this file")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and .svg")
    given = parser.parse_args()
    if unknown := sorted(set(given.parts) - set(PARTS)):
        parser.error(f"unknown: {', '.join(unknown)}")
    return given


def _sizes(given: argparse.Namespace) -> Sizes:
    """Return how much is done: all of it, or as much as was asked for."""
    given_numbers = {
        "fleets": given.sessions,
        "sides": given.side,
        "connections": given.connections,
        "paced_connections": given.paced,
    }
    chosen: dict[str, Any] = {name: tuple(each) for name, each in given_numbers.items() if each}
    return replace(QUICK if given.quick else Sizes(rounds=given.rounds), **chosen)


async def _run(report: Report, parts: list[str], sizes: Sizes) -> None:
    async with lab() as running:
        for name in parts:
            report.step(f"{name} begins")
            await PARTS[name](running, report, sizes)


def _tables(report: Report) -> list[list[tuple[str, ...]]]:
    figures = list(report.compared.values())
    first = [[COMPARED, *compared(figures)]] if figures else []
    return [*first, *alone(list(report.alone.values()))]


if __name__ == "__main__":
    sys.exit(main())
