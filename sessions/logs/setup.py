"""Set up loguru: readable lines in development, JSON lines and files in production."""

from __future__ import annotations

import inspect
import logging
import sys
from typing import TYPE_CHECKING

from loguru import logger

from sessions.common.errors import ConfigurationError
from sessions.logs.files import LogFile, private
from sessions.logs.lines import LEVELS, as_json, bound_to, make_safe

if TYPE_CHECKING:
    from loguru import Message, Record

    from sessions.config.settings import SharedSettings


_IN_THE_MESSAGE = {"method", "path", "status", "durationMs"}
"""Fields that the message of a request's line already contains."""


class _Forward(logging.Handler):
    """Pass the records of libraries that use `logging` on to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        frame, depth = inspect.currentframe(), 0
        while frame and (depth == 0 or frame.f_code.co_filename == logging.__file__):
            frame, depth = frame.f_back, depth + 1
        level = record.levelname if record.levelname in LEVELS.values() else record.levelno
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            text = str(record.msg)  # the arguments do not fit: log the message without them
        logger.opt(depth=depth, exception=record.exc_info).log(level, text)


def configure_logging(settings: SharedSettings, process: str) -> None:
    """Send all log records of this process to their sinks, masked, from the set level on.

    Raises ConfigurationError if LOG_DIR cannot be written.
    """
    level = LEVELS[settings.log_level]
    logger.remove()
    names = {"process": process, **({"worker": settings.worker} if settings.worker else {})}
    logger.configure(extra=names, patcher=make_safe)
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)
    if settings.app_env != "production":
        logger.add(sys.stderr, level=level, format=_readable)
        return
    logger.add(_write_json, level=level, format="{message}")
    _add_file(settings, process, level)


def _add_file(settings: SharedSettings, process: str, level: str) -> None:
    try:
        file = LogFile(
            settings.log_dir,
            settings.log_name or process,
            settings.log_file_max_size,
            settings.log_file_max_files,
        )
        logger.add(
            file.path,
            level=level,
            format=_json_line,
            rotation=file.is_over,
            retention=file.remove_oldest,
            encoding="utf-8",
            opener=private,
        )
    except OSError as error:
        raise ConfigurationError(f"LOG_DIR cannot be written: {error}") from error


def _write_json(message: Message) -> None:
    sys.stderr.write(as_json(message.record) + "\n")


def _json_line(record: Record) -> str:
    # loguru formats a template: passed as a value, the line may contain braces.
    record["extra"]["line"] = as_json(record)
    return "{extra[line]}\n"


def _readable(record: Record) -> str:
    """Return the template of a line for people."""
    template = (
        "<green>{time:HH:mm:ss.SSS}</green> <level>{level: <7}</level> "
        "<cyan>{extra[process]}</cyan> {message}"
    )
    for name in (each for each in bound_to(record) if each not in _IN_THE_MESSAGE):
        template += f" <dim>{name}={{extra[{name}]}}</dim>"
    if "exception" in record["extra"]:
        template += "\n{extra[exception]}"
    return template + "\n"
