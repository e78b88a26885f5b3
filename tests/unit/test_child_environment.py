"""The environment that child processes get, for as long as they shall get it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sessions.process.child_environment import child_environment, unless_set, without_settings

_SHOW = "import os; print(os.environ.get('LEAN_ONE'), os.environ.get('LEAN_TWO'))"


def _child() -> str:
    return subprocess.check_output([sys.executable, "-c", _SHOW], text=True).strip()


def test_children_get_it_inside_the_block_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAN_ONE", "before")
    monkeypatch.delenv("LEAN_TWO", raising=False)
    with child_environment({"LEAN_ONE": "1", "LEAN_TWO": "2"}):
        assert _child() == "1 2"
    assert _child() == "before None"
    assert "LEAN_TWO" not in os.environ


def test_what_the_operator_has_set_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAN_ONE", "the operator's")
    monkeypatch.delenv("LEAN_TWO", raising=False)
    with child_environment(unless_set({"LEAN_ONE": "1", "LEAN_TWO": "2"})):
        assert _child() == "the operator's 2"


def test_children_get_no_variable_that_programs_in_general_do_not_need(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEAN_ONE", "a secret")
    monkeypatch.setenv("LC_TIME", "he_IL.UTF-8")
    with without_settings():
        assert _child() == "None None"
        assert os.environ["LC_TIME"] == "he_IL.UTF-8"
    assert _child() == "a secret None"
