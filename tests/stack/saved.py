"""What a second start on the same folder must find as it was: the ports and the API key."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tests.ports import free_ports

_KEY_BYTES = 32


@dataclass(frozen=True)
class Saved:
    """The stack's ports and the API key that it gives its control API."""

    api_port: int
    simulator_port: int
    api_key: str


def recall(folder: Path, api_port: int | None) -> Saved:
    """Return what an earlier start chose, or choose; a port that is asked for goes first."""
    file = folder / "stack.json"
    saved = Saved(**json.loads(file.read_text())) if file.exists() else _choose()
    if api_port:
        saved = replace(saved, api_port=api_port)
    _write(file, json.dumps(asdict(saved)))
    return saved


def _choose() -> Saved:
    api, simulator = free_ports(2)
    return Saved(api, simulator, secrets.token_urlsafe(_KEY_BYTES))


def _write(file: Path, text: str) -> None:
    draft = file.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    draft.replace(file)
