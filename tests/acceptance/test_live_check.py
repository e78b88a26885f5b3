"""`make live-check` from beginning to end, with a simulated phone in the person's hand."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import ROOT
from tests.processes import alive

pytestmark = pytest.mark.slow
WITHIN = timedelta(minutes=6)


@pytest.mark.timeout(400)
async def test_the_live_check_sees_all_that_it_looks_for(tmp_path: Path) -> None:
    check = await _live_check(tmp_path, "--all-codes")
    async with asyncio.timeout(WITHIN.total_seconds()):
        said, complaint = await check.communicate()
    text = said.decode()
    assert check.returncode == 0, text + complaint.decode()
    report = _report(tmp_path)
    assert set(report["checks"].values()) == {"passed"}
    assert "simulated" in report["verdict"]
    assert text.rstrip().endswith(report["verdict"])
    seen = {row["row"]: row["seen"] for row in report["rows"]}
    assert {seen[number] for number in (1, 3, 4, 12)} == {"seen"}
    found = report["findings"]
    assert found["cut"]["used"], "the page's traffic went through what was cut"
    assert [start["savings"] for start in found["starts"]] == ["proven", "none", "all"]
    assert all(start["settledMb"] > 0 for start in found["starts"])
    assert found["leftLinked"] is False


@pytest.mark.timeout(400)
async def test_a_live_check_that_is_interrupted_reports_what_it_has_seen(tmp_path: Path) -> None:
    check = await _live_check(tmp_path)
    assert check.stdout is not None
    async with asyncio.timeout(WITHIN.total_seconds()):
        while "network is cut" not in (await check.stdout.readline()).decode():
            pass
        below = psutil.Process(check.pid).children(recursive=True)
        check.send_signal(signal.SIGINT)
        said, _ = await check.communicate()
    assert check.returncode == 130
    report = _report(tmp_path)
    assert report["findings"]["endedEarly"] == "interrupted"
    assert report["checks"]["linking the phone"] == "passed"
    assert report["checks"]["noticing that the phone unlinked us"] == "not done"
    assert report["verdict"].startswith("Do not trust it yet")
    assert said.decode().rstrip().endswith(report["verdict"])
    assert below, "the product ran"
    assert [process for process in below if alive(process.pid)] == []
    assert list(tmp_path.glob("chatgrow-stack-*")) == []


async def _live_check(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.live_check", "--simulated"),
        *("--report", str(folder / "report"), *arguments),
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def _report(folder: Path) -> dict[str, Any]:
    (file,) = (folder / "report").glob("*.json")
    report: dict[str, Any] = json.loads(file.read_text())
    return report
