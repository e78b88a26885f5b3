"""The tests run for a user who may read the checkout and write nothing in it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence

import pytest

from tests.conftest import ROOT

NOBODY = 65534
TESTS = ("tests/unit/test_together.py", "tests/unit/test_pacer.py")
_PACKAGES = {"PYTHONPATH": sysconfig.get_path("purelib")}
_SYSTEMS = f"/usr/bin/python3.{sys.version_info.minor}"


def _as_nobody(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8", **_PACKAGES},
        capture_output=True,
        text=True,
        check=False,
    )


def _python() -> str | None:
    """Return an interpreter that others may run: root's own may be in root's home."""
    for each in (sys.executable, _SYSTEMS):
        try:
            tried = _as_nobody(
                [each, "-c", f"open({str(ROOT / 'pyproject.toml')!r}); import pytest"]
            )
        except (PermissionError, FileNotFoundError):
            continue
        if tried.returncode == 0:
            return each
    return None


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_what_somebody_else_has_set_up_can_be_tested() -> None:
    python = _python()
    if python is None:
        pytest.skip("others may not read this checkout, or run a Python of this version")
    ran = _as_nobody([python, "-m", "pytest", "-q", *TESTS])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr
