"""What a failed test is understood by: put into its report, for its folder may be gone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from pymongo import MongoClient
from pymongo.errors import PyMongoError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stack_client import StackClient

_LINES = 120
"""Of each log."""
_PATIENCE_SECONDS = 2
_POLLS = re.compile(r" GET /\S+ 200 in ")


def of_stack(system: StackClient) -> Iterator[tuple[str, str]]:
    """Tell what a stack has in MongoDB and has delivered, and how its logs end: titles, texts."""
    yield "MongoDB", _records(system.about["mongo"])
    for what in ("devices", "ledger"):
        yield f"simulator: {what}", _told(f"{system.about['simulator']}/control/{what}")
    yield from of_logs(Path(system.about["data"]))


def of_logs(folder: Path) -> Iterator[tuple[str, str]]:
    """Tell how each program's log ends, of all stacks that keep their data in this folder."""
    for log in sorted(folder.rglob("logs/*.log")):
        lines = log.read_text(errors="replace").splitlines()
        telling = [line for line in lines if not _POLLS.search(line)]
        yield f"{log.parent.parent.name}: {log.stem}", "\n".join(telling[-_LINES:])


def _records(uri: str) -> str:
    """Say how each worker, connection and message stands."""
    patience = _PATIENCE_SECONDS * 1_000
    try:
        with MongoClient[dict[str, Any]](uri, serverSelectionTimeoutMS=patience) as client:
            database = client.get_default_database()
            return "\n".join(
                f"{name}: {record}"
                for name in ("workers", "connections", "messages")
                for record in database[name].find()
            )
    except PyMongoError as error:
        return f"no answer: {error}"


def _told(url: str) -> str:
    try:
        # The simulator of this very run.
        with urlopen(url, timeout=_PATIENCE_SECONDS) as answer:  # noqa: S310
            return str(answer.read().decode())
    except OSError as error:
        return f"no answer: {error}"
