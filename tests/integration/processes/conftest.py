"""What tests of programs share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from tests.integration.processes.programs import MAINS, Ended, environment_of
from tests.logging_setup import logging_undone

if TYPE_CHECKING:
    from sessions.embedded import ServerUris


@pytest.fixture
def ended(
    tmp_path: Path,
    servers: ServerUris,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Ended:
    """Give what runs a program to its end, and returns its exit code and its errors."""

    def run(name: str, *arguments: str, **settings: str) -> tuple[int, str]:
        monkeypatch.chdir(tmp_path)
        environment = environment_of(tmp_path, servers) | settings
        with mock.patch.dict(os.environ, environment, clear=True), logging_undone():
            code = MAINS[name](arguments)
        return code, capfd.readouterr().err

    return run
