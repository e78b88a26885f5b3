"""Read in a test what would be logged, by loguru and by libraries that use `logging`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from loguru import logger


@contextmanager
def logged(level: str) -> Iterator[list[str]]:
    """Gather the texts of what is logged at this level or above, tracebacks included."""
    lines: list[str] = []
    handler = _Gather(lines)
    handler.setLevel(level)
    handler.setFormatter(logging.Formatter())
    sink = logger.add(lines.append, level=level, format="{message}")
    logging.getLogger().addHandler(handler)
    try:
        yield lines
    finally:
        logging.getLogger().removeHandler(handler)
        logger.remove(sink)


class _Gather(logging.Handler):
    """Put formatted records into a list."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))
