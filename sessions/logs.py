"""Set up loguru: readable lines on a terminal, JSON lines in production."""

import inspect
import logging
import sys
from typing import TYPE_CHECKING

from loguru import logger

from sessions.settings import SharedSettings

if TYPE_CHECKING:
    from loguru import Record

_LEVELS = {"error": "ERROR", "warn": "WARNING", "info": "INFO", "debug": "DEBUG"}
_FORMAT = (
    "<green>{time:HH:mm:ss.SSS}</green> <level>{level: <7}</level> "
    "<cyan>{extra[process]}</cyan> {message} <dim>{extra[context]}</dim>"
)


class _Forward(logging.Handler):
    """Hand the records of libraries that use `logging` over to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        frame, depth = inspect.currentframe(), 0
        while frame and (depth == 0 or frame.f_code.co_filename == logging.__file__):
            frame, depth = frame.f_back, depth + 1
        level = record.levelname if record.levelname in _LEVELS.values() else record.levelno
        logger.opt(depth=depth, exception=record.exc_info).log(level, record.getMessage())


def configure_logging(settings: SharedSettings, process: str) -> None:
    """Send every log record of this process to standard error, at the level that was set."""
    level = _LEVELS[settings.log_level]
    production = settings.app_env == "production"
    logger.remove()
    logger.configure(extra={"process": process, "context": ""}, patcher=_gather_context)
    # Values of variables stay out of tracebacks (`diagnose`): they can be secrets or texts.
    logger.add(
        sys.stderr,
        level=level,
        format=_FORMAT if not production else "{message}",
        serialize=production,
        backtrace=False,
        diagnose=False,
    )
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)


def _gather_context(record: "Record") -> None:
    extra = record["extra"]
    bound = {key: value for key, value in extra.items() if key not in ("process", "context")}
    extra["context"] = " ".join(f"{key}={value}" for key, value in bound.items())
