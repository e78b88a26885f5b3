"""Run chaos by hand: `make chaos SEED=7`."""

import asyncio
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from tests.chaos.run import Size, run_chaos

_FULL = Size(connections=10, workers=2, messages=2000, blows=60, patience=timedelta(minutes=30))


def main(arguments: list[str]) -> int:
    """Run, print what happened, and fail when a message was lost, repeated or overtaken."""
    seed = int(arguments[0]) if arguments else 1
    with tempfile.TemporaryDirectory(prefix="chatgrow-chaos-") as folder:
        verdict = asyncio.run(run_chaos(seed, _FULL, Path(folder)))
    print(f"seed {seed}; blows: {', '.join(verdict.blows)}")
    print(f"statuses: {verdict.statuses}")
    for line in sorted(verdict.accepted):
        accepted, delivered = verdict.accepted[line], verdict.delivered.get(line, [])
        print(f"{line}: {len(accepted)} accepted, {len(delivered)} delivered")
    good = verdict.accepted == verdict.delivered
    print("each delivered once, in order" if good else "NOT the same")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
