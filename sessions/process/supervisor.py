"""Tell which process has started this one, so that what its other children left can be trusted."""

from __future__ import annotations

import os
from pathlib import Path

_START_TIME = 19
"""The place of `starttime` behind the name, https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html."""


def own_supervisor() -> str:
    """Return the parent's id with its start, which no later process has in common with it."""
    parent = os.getppid()
    # The name stands in brackets and may have blanks and brackets in it.
    fields = Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()
    return f"{parent} {fields[_START_TIME]}"
