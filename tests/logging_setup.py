"""Set up logging in a test as a program does, and undo it."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loguru import logger

from sessions.config.settings import SharedSettings
from sessions.logs.setup import configure_logging


def log_settings(data: Path, **fields: Any) -> SharedSettings:
    """Return settings of production with these fields."""
    values: dict[str, Any] = {"app_env": "production", "data_dir": data} | fields
    return SharedSettings(_env_file=None, **values)


@contextmanager
def logging_as(settings: SharedSettings, process: str = "control_api") -> Iterator[Path]:
    """Log as a process inside the block; yield its file."""
    with logging_undone():
        configure_logging(settings, process)
        yield settings.log_dir / f"{process}.log"


@contextmanager
def logging_undone() -> Iterator[None]:
    """Take back how logging is set up in the block."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        logger.remove()
        logger.configure(extra={}, patcher=lambda _record: None)
        logger.add(_write)
        logging.captureWarnings(capture=False)
        root.handlers[:] = handlers
        root.setLevel(level)


def _write(line: str) -> None:
    # Whatever standard error is by then: pytest puts its own in place for each test.
    sys.stderr.write(line)


def lines_of(file: Path) -> list[dict[str, Any]]:
    """Return the lines of a log file, each of which must be JSON."""
    return [json.loads(line) for line in file.read_text().splitlines()]
