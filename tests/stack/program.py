"""One program of the stack, as it is started the first time and every time after."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True)
class Program:
    """What to run, with which settings, where its output goes and how long its stop may take."""

    name: str
    module: tuple[str, ...]
    environment: dict[str, str]
    folder: Path
    log: Path
    stop_within: timedelta
