"""Start a worker: `python -m chatgrow_worker`."""

import sys

from chatgrow_worker.daemon import run_worker
from chatgrow_worker.settings import WorkerSettings
from sessions.program import run_program

if __name__ == "__main__":
    sys.exit(run_program("worker", WorkerSettings, run_worker))
