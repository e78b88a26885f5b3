"""Start a worker: `chatgrow-worker` or `python -m chatgrow_worker`."""

import sys
from collections.abc import Sequence

from chatgrow_worker.daemon import run_worker
from chatgrow_worker.settings import WorkerSettings
from sessions.program import command_line, run_program


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a worker until a signal; return an exit code."""
    command_line("chatgrow-worker", "Run linked WhatsApp accounts.").parse_args(arguments)
    return run_program("worker", WorkerSettings, run_worker)


if __name__ == "__main__":
    sys.exit(main())
