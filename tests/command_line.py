"""Run the command line `chatgrow` in the test's own process, as somebody at a shell does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner

from chatgrow_cli.app import app
from chatgrow_cli.session import Session
from chatgrow_client import NO_RETRIES

Answers = Callable[[httpx.Request], httpx.Response]


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document that it printed."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The lines of JSON that it printed."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class CommandLine:
    """A shell with its environment and its user's folder."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    transport: httpx.BaseTransport | None = None

    def run(self, *arguments: str, typed: str | bytes | None = None) -> Ran:
        """Run a command; what is typed comes from a pipe, not from a terminal."""
        session = Session(self.environ, self.folder, retries=NO_RETRIES, transport=self.transport)
        result = CliRunner().invoke(app, arguments, input=typed, obj=session)
        # What is no exit is an error that nobody caught.
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return Ran(result.exit_code, result.stdout, result.stderr)


def over(folder: Path, answers: Answers) -> CommandLine:
    """Return a command line with a login whose API is a function."""
    environ = {"CHATGROW_URL": "http://127.0.0.1:5000", "CHATGROW_KEY": "the-key"}
    return CommandLine(folder, environ, httpx.MockTransport(answers))


def problem(status: int, code: str, **members: object) -> httpx.Response:
    """Return a problem as the API answers it."""
    told = {"type": "t", "title": "t", "status": status, "detail": "Why.", "code": code}
    return httpx.Response(status, json=told | members)
