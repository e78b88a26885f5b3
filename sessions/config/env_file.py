"""Check the file `.env`: whether it can be read, and which names of settings look misspelt."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import AliasChoices

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings

ENV_FILE = Path(".env")
UNREADABLE = (OSError, UnicodeDecodeError)
"""The errors of reading settings from a file that cannot be read."""
_CLOSE = 0.85
_ELSEWHERE = {"MONGO_URL": "MONGODB_URI", "JWT_SECRET_KEY": "JWT_SECRET"}
"""What settings are often called, in names that are not close to ours."""


def why_unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Tell an operator why the file cannot be read, without quoting its content."""
    if isinstance(error, UnicodeDecodeError):
        return f"{ENV_FILE} is not UTF-8 text: line {_line(error)} holds something else"
    where = error.filename or ENV_FILE
    return f"{where} cannot be read by the user that this runs as: {error.strerror}"


def _line(error: UnicodeDecodeError) -> int:
    return error.object.count(b"\n", 0, error.start) + 1


def readable_by_others() -> bool:
    """Tell whether anybody but the file's owner may read or write it."""
    try:
        return bool(ENV_FILE.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
    except FileNotFoundError:
        return False


def quiet_dotenv() -> None:
    """Keep dotenv from telling a line that it cannot read at each reading: see `unread_lines`."""
    logging.getLogger("dotenv").setLevel(logging.ERROR)


def unread_lines() -> Iterator[int]:
    """Yield the numbers of the lines that are neither a setting nor a comment."""
    try:
        with ENV_FILE.open(encoding="utf-8") as file:
            yield from (each.original.line for each in parse_stream(file) if each.error)
    except FileNotFoundError:
        return


def misspelt(settings: Sequence[type[BaseSettings]]) -> Iterator[tuple[str, str, str]]:
    """Yield unknown names that look like a setting: the name, where it stands, what it may mean."""
    known = {name for each in settings for name in _names(each)}
    written = dict.fromkeys(os.environ, "the environment") | dict.fromkeys(
        dotenv_values(ENV_FILE), str(ENV_FILE)
    )
    for name, where in written.items():
        if name.upper() not in known and (meant := _closest(name.upper(), known)):
            yield name, where, meant


def _names(settings: type[BaseSettings]) -> Iterator[str]:
    for name, field in settings.model_fields.items():
        yield name.upper()
        if isinstance(field.validation_alias, AliasChoices):
            yield from (str(each).upper() for each in field.validation_alias.choices)


def _closest(name: str, known: Collection[str]) -> str | None:
    meant = _ELSEWHERE.get(name)
    if meant in known:
        return meant
    return next(iter(get_close_matches(name, known, 1, _CLOSE)), None)
