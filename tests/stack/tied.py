"""Run a module as a process that ends with its parent: `python -m tests.stack.tied PID MODULE`."""

import os
import sys

from sessions.process.parent_death import die_with_parent


def main() -> None:
    """Exec the module, so that this process' id is the module's."""
    parent, *module = sys.argv[1:]
    if die_with_parent(int(parent)):
        os.execv(sys.executable, [sys.executable, "-m", *module])


if __name__ == "__main__":
    main()
