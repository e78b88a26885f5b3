"""What the benchmark counts, and how it judges."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.bench.figures import Figure, Goal, percentile, spread
from tests.bench.lab import OURS, THEIRS, THEIRS_SHELL
from tests.bench.picture import picture
from tests.bench.report import Report
from tests.bench.table import COMPARED, compared
from tests.bench.usage import MARK, cpu_seconds, marked, pss_bytes
from tests.waiting import until_true

_PARENT = """
import subprocess, sys
burn = "import time; t = time.process_time\\nwhile t() < 0.3: pass\\nprint(t())"
used = subprocess.run([sys.executable, "-c", burn], capture_output=True, text=True).stdout
child = subprocess.Popen(["env", "--ignore-environment", "sleep", "60"])
print(used, child.pid, flush=True)
sys.stdin.read()
child.kill()
"""


@contextmanager
def _parent(side: str) -> Iterator[tuple[int, float, int]]:
    """Run a marked process that has buried a child and keeps another, which lost the mark."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PARENT],
        env={**os.environ, MARK: side},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    used = process.stdout.readline().strip()
    child = process.stdout.readline().strip()
    yield process.pid, float(used), int(child)
    process.communicate()


def test_a_side_is_all_its_processes_and_the_time_of_its_dead() -> None:
    side = f"test-{os.getpid()}"
    with _parent(side) as (parent, used, child):
        until_true(lambda: marked(side) == {parent, child})
        assert cpu_seconds([parent]) >= used - 0.05  # the kernel counts in hundredths
        assert pss_bytes([parent, child]) > pss_bytes([child]) > 0
    until_true(lambda: marked(side) == set())
    assert cpu_seconds([parent]) == 0


@pytest.mark.parametrize(
    ("goal", "ours", "theirs", "verdict"),
    [
        (Goal(0.5), [1, 2, 9], [4], "met"),
        (Goal(0.5), [3], [4], "MISSED"),
        (Goal(1.0, at_least=True), [5], [5], "met"),
        (Goal(1.0, at_least=True), [4], [5], "MISSED"),
        (Goal(0.5), [1], [0], "MISSED"),
        (Goal(0.5), [1], [], ""),
        (None, [1], [4], ""),
    ],
)
def test_a_figure_is_judged_by_its_medians(
    goal: Goal | None, ours: list[float], theirs: list[float], verdict: str
) -> None:
    figure = Figure("f", "s", "what it means", goal, samples={OURS: ours, THEIRS: theirs})
    assert figure.verdict == verdict


def test_each_of_theirs_has_a_goal_of_its_own() -> None:
    figure = Figure("f", "s", "what it means", Goal(0.5), Goal(0.9))
    for side, value in ((OURS, 2), (THEIRS, 8), (THEIRS_SHELL, 1), (THEIRS_SHELL, 3)):
        figure.add(side, value)
    [row] = compared([figure])
    assert dict(zip(COMPARED, row, strict=True)) == {
        "figure": "f, s",
        "ours": "2.00",
        "theirs": "8.00",
        "ours / theirs": "0.25",
        "goal": "≤ 0.50",
        "": "met",
        "theirs, headless shell": "2.00 (1.00–3.00)",
        "ours / that": "1.00",
        "goal beside that": "≤ 0.90",
        "that is": "MISSED",
    }


def test_what_is_not_measured_of_the_tuned_one_is_left_open() -> None:
    figure = Figure("f", "s", "what it means", samples={OURS: [2], THEIRS: [8]})
    [row] = compared([figure])
    assert row[-4:] == ("–", "–", "–", "")


def test_the_picture_has_a_bar_for_each_goal_that_has_a_ratio() -> None:
    figure = Figure("f", "s", "what it means", Goal(0.5), Goal(0.9))
    for side, value in ((OURS, 2), (THEIRS, 8)):
        figure.add(side, value)
    assert [picture([figure]).count(mark) for mark in ("f (a)", "f (s)")] == [1, 0]
    figure.add(THEIRS_SHELL, 1)
    drawn = picture([figure])
    assert [drawn.count(mark) for mark in ("f (a)", "f (s)")] == [1, 1]
    assert [drawn.count(f'class="{verdict}"') for verdict in ("met", "MISSED")] == [1, 1]


def test_sessions_that_hung_are_counted_by_side() -> None:
    report = Report()
    for side, hung in ((OURS, 0), (THEIRS, 2), (THEIRS, 0), (THEIRS, 1)):
        report.started(side, hung)
    assert report.hung() == "ours 0 in 1 starts, theirs 3 in 3 starts"


def test_figures_are_kept_for_a_later_run(tmp_path: Path) -> None:
    first = Report.kept_in(tmp_path / "figures.json")
    first.add(first.figure("f", "s", "what it means", Goal(0.5)), OURS, 2)
    first.grow("memory", "MB", "connections", 10, 4.5)
    first.started(THEIRS, 1)
    first.keep_in(tmp_path / "figures.json")
    later = Report.kept_in(tmp_path / "figures.json")
    assert (later.compared, later.alone, later.starts) == (
        first.compared,
        first.alone,
        first.starts,
    )


def test_values_are_told_with_their_spread() -> None:
    assert spread([3, 1, 200]) == "3.00 (1.00–200)"
    assert spread([12.34]) == "12.3"
    assert spread([]) == "–"
    assert percentile(list(range(101)), 0.99) == 99
