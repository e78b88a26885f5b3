"""`docs/tutorial.md`, followed step by step: every command works and shows what the page says."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.ports import free_port

PAGE = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
WITHIN = timedelta(seconds=150)
_BLOCK = re.compile(r"```(sh|json)\n(.*?)```", re.DOTALL)
_RECEIVER_PORT = "8000"


@dataclass
class Step:
    """Some commands, and the JSON that they answer with, if the page shows it."""

    commands: str
    shown: Any = None


def _steps() -> list[Step]:
    steps: list[Step] = []
    for kind, text in _BLOCK.findall(PAGE):
        if kind == "sh":
            steps.append(Step(text))
        else:
            steps[-1].shown = json.loads(text)
    return steps


# Tests the page; of the product, other tests show the same.
@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_the_tutorial_can_be_followed(tmp_path: Path) -> None:
    start, *steps = _steps()
    async with _started(start.commands) as variables:
        answers = await _follow(steps, tmp_path, variables)
    for step, answer in zip(steps, answers, strict=True):
        if step.shown is not None:
            assert _agrees(step.shown, json.loads(answer)), answer
    (ledger,) = [
        answer for step, answer in zip(steps, answers, strict=True) if "/ledger" in step.commands
    ]
    assert ledger == "1\n"
    assert "verified: message.received Thank you!" in "".join(answers)


async def _follow(steps: list[Step], folder: Path, variables: dict[str, str]) -> list[str]:
    """Run the commands in one shell, as somebody does who pastes them; return what each shows."""
    port = str(free_port())
    script = "set -euo pipefail; trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + "".join(
        f"{{\n{step.commands.replace(_RECEIVER_PORT, port)}}} > {folder}/{number}.out\n"
        for number, step in enumerate(steps)
    )
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", script), cwd=ROOT, env={**os.environ, **variables}, start_new_session=True
    )
    try:
        async with asyncio.timeout(WITHIN.total_seconds()):
            await process.wait()
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    answers = [_read(folder / f"{number}.out") for number in range(len(steps))]
    assert process.returncode == 0, answers
    return answers


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else "(not reached)"


@asynccontextmanager
async def _started(command: str) -> AsyncIterator[dict[str, str]]:
    """Start the demo; give the variables that it says to set in another terminal."""
    assert command.endswith("make demo KEEP=1\n")
    # What is missing was installed before the tests.
    command = command.replace("make demo KEEP=1", "exec .venv/bin/python -m tests.demo --keep")
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", command),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        async with asyncio.timeout(WITHIN.total_seconds()):
            yield await _variables(process)
    finally:
        process.send_signal(signal.SIGINT)
        await process.communicate()


async def _variables(process: asyncio.subprocess.Process) -> dict[str, str]:
    assert process.stdout is not None
    found: dict[str, str] = {}
    while len(found) < 3:
        line = (await process.stdout.readline()).decode()
        assert line, "the demo ended"
        if export := re.fullmatch(r" *export (\w+)=(\S+)\n", line):
            found[export[1]] = export[2]
    return found


def _agrees(shown: Any, answer: Any) -> bool:
    """Tell whether an answer has what the page shows of it; `…` stands for anything."""
    if isinstance(shown, dict):
        return all(_agrees(shown[name], answer.get(name)) for name in shown)
    return bool(shown in ("…", answer))
