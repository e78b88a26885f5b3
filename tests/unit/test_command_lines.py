"""What the programs understand on their command lines: help and the version; no settings."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import business.__main__
import chatgrow_worker.__main__
import control_api.__main__
import sessions.__main__
from sessions import __version__

MAINS = {
    "chatgrow-api": control_api.__main__.main,
    "chatgrow-worker": chatgrow_worker.__main__.main,
    "chatgrow-business": business.__main__.main,
    "chatgrow-sessions": sessions.__main__.main,
}
each_program = pytest.mark.parametrize(("name", "main"), MAINS.items(), ids=MAINS)
Main = Callable[[list[str]], int]


@each_program
@pytest.mark.parametrize(
    ("argument", "said"), [("--version", __version__), ("--help", "Settings are")]
)
def test_a_program_tells_about_itself(
    name: str, main: Main, argument: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([argument])
    assert ended.value.code == 0
    output = capsys.readouterr().out
    assert name in output
    assert said in output


@each_program
def test_a_program_refuses_what_it_does_not_know(
    name: str, main: Main, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--port=5000"])
    assert ended.value.code == 2
    assert name in capsys.readouterr().err
