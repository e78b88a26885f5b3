"""Run chaos by hand: `make chaos SEED=7`; see `--help`."""

import argparse
import asyncio
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from tests.chaos.kills import kills
from tests.chaos.run import Size, Verdict, run_chaos


def main() -> int:
    """Run, print what happened, and fail when a message was lost, repeated or overtaken."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="chatgrow-chaos-") as folder:
        if options.kills:
            sent, delivered = asyncio.run(kills(options.kills, Path(folder)))
            print(f"{len(sent)} kills, {len(sent)} sent, {len(delivered)} delivered")
            return 0 if sent == delivered else 1
        size = Size(
            connections=options.connections,
            workers=options.workers,
            messages=options.messages,
            blows=options.blows,
            patience=timedelta(minutes=30),
            received=0 if options.takeovers else options.received,
            takeovers=options.takeovers,
            resend_ghosts=not options.without_ghosts,
        )
        return _judge(options.seed, asyncio.run(run_chaos(options.seed, size, Path(folder))))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("seed", nargs="?", type=int, default=1)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--received", type=int, default=500, help="messages that phones write")
    parser.add_argument("--blows", type=int, default=60)
    parser.add_argument("--without-ghosts", action="store_true", help="RESEND_GHOSTS=false")
    parser.add_argument(
        "--takeovers",
        action="store_true",
        help="let another worker take over from each killed one; without received messages",
    )
    parser.add_argument("--kills", type=int, help="only kill the worker so often, mid-send")
    return parser.parse_args()


def _judge(seed: int, verdict: Verdict) -> int:
    print(f"seed {seed}; blows: {', '.join(verdict.blows)}")
    print(f"statuses: {verdict.statuses}")
    print(f"accepted {sum(map(len, verdict.accepted.values()))}, unknown {verdict.unknown}")
    good = verdict.missing_is_unknown
    print("each delivered once, in order, but for the unknown" if good else "NOT the same")
    print(f"received {verdict.received}, told of {verdict.told}; wrong: {verdict.wrong}")
    return 0 if good and not verdict.wrong else 1


if __name__ == "__main__":
    sys.exit(main())
