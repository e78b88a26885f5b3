"""A command ends with the exit code that is documented, and an error is one clear line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from chatgrow_cli.exit_codes import ExitCode
from tests.command_line import CommandLine, over, problem

ROOT = Path(__file__).parents[3]


def _refused(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("Connection refused")


def _silent(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("timed out")


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        (_refused, 3, "no answer"),
        (_silent, 3, "chatgrow doctor"),
        (lambda _: httpx.Response(502, text="<h1>Bad gateway</h1>"), 3, "502"),
        (lambda _: httpx.Response(200, text="<h1>Welcome</h1>"), 3, "something else"),
        (lambda _: problem(503, "store_unavailable"), 3, "store_unavailable"),
        (lambda _: problem(401, "unauthorized"), 4, "chatgrow login"),
        (lambda _: problem(403, "forbidden"), 4, "forbidden"),
        (lambda _: problem(404, "connection_not_found"), 1, "Why. (connection_not_found)"),
        (lambda _: problem(429, "rate_limited", retryAfterSeconds=7), 1, "Try again in 7 s."),
    ],
)
def test_an_error_is_one_line(tmp_path: Path, answer: object, code: int, told: str) -> None:
    ran = over(tmp_path, answer).run("connections", "main")  # type: ignore[arg-type]
    assert (ran.code, ran.out) == (code, "")
    (line,) = ran.err.splitlines()
    assert line.startswith("chatgrow: ")
    assert told in line


def test_wrong_fields_are_named(tmp_path: Path) -> None:
    errors = [{"field": "to", "message": "No number."}]
    ran = over(tmp_path, lambda _: problem(422, "invalid_fields", errors=errors)).run(
        "send", "-c", "main", "nobody", "Hello"
    )
    assert ran.code == ExitCode.REFUSED
    assert ran.err == "chatgrow: Why. to: No number. (invalid_fields)\n"


def test_the_key_is_told_under_which_a_message_may_have_been_sent(tmp_path: Path) -> None:
    keys: list[str] = []

    def lost(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        raise httpx.ReadError("reset")

    ran = over(tmp_path, lost).run("send", "-c", "main", "+972501234567", "Hello")
    assert ran.code == ExitCode.NOT_REACHED
    assert f"--key {keys[0]}," in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("sned",),
        ("send",),
        ("send", "--csv", "no such file"),
        ("send", "+972501234567", "Hello", "--timeout", "soon"),
        ("send", "+972501234567", "Hello", "--send-at", "tomorrow"),
        ("send", "--csv", "x.csv", "+972501234567"),
        ("messages", "--received", "--to", "+972501234567"),
        ("retry",),
        ("login",),
        ("login", "http://[", "--key-file", "-"),
        ("send", "+972501234567", "Hello", "--timeout", "9" * 20 + "d"),
        ("send", "+972501234567", "Hello", "--send-at", "9999999d"),
        ("messages", "--since", "9999999d"),
    ],
)
def test_wrong_use_asks_nothing_of_the_api(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ran = over(tmp_path, _refused).run(*arguments)
    assert ran.code == ExitCode.WRONG_USE
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [(), ("webhooks",)])
def test_without_arguments_there_is_help_and_no_complaint(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    ran = over(tmp_path, _refused).run(*arguments)
    assert ran.code == ExitCode.WRONG_USE
    assert "Commands" in ran.out + ran.err
    assert "chatgrow: " not in ran.err


def test_what_is_no_text_on_standard_input_is_told(tmp_path: Path) -> None:
    ran = over(tmp_path, _refused).run("send", "-c", "main", "+972501234567", typed=b"\xff\xfe")
    assert ran.code == ExitCode.WRONG_USE
    assert "not UTF-8" in ran.err


def test_a_word_that_is_not_among_the_choices_is_told_in_words(tmp_path: Path) -> None:
    ran = over(tmp_path, _refused).run("send", "+972501234567", "Hello", "--priority", "urgent")
    assert ran.code == ExitCode.WRONG_USE
    assert "Value error" not in ran.err


def test_without_a_login_nothing_is_allowed(tmp_path: Path) -> None:
    ran = CommandLine(tmp_path).run("connections")
    assert ran.code == ExitCode.NOT_ALLOWED
    assert "chatgrow login" in ran.err


def test_ctrl_c_ends_without_a_word(tmp_path: Path) -> None:
    def interrupted(request: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    ran = over(tmp_path, interrupted).run("connections")
    assert (ran.code, ran.out, ran.err) == (ExitCode.INTERRUPTED, "", "")


def test_a_closed_pipe_ends_without_a_word() -> None:
    """In a process of its own: it is about the output of one."""
    program = (
        "import httpx; from pathlib import Path\n"
        "from chatgrow_cli.app import app; from chatgrow_cli.session import Session\n"
        "answer = lambda _: httpx.Response(200, json={'items': []})\n"
        "environ = {'CHATGROW_URL': 'http://127.0.0.1:5000', 'CHATGROW_KEY': 'k'}\n"
        "session = Session(environ, Path('.'), transport=httpx.MockTransport(answer))\n"
        "app(['connections', '--json'], obj=session)\n"
    )
    nobody_reads, output = os.pipe()
    os.close(nobody_reads)
    try:
        ran = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONPATH": str(ROOT / "client")},
            stdout=output,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(output)
    assert (ran.returncode, ran.stderr) == (ExitCode.PIPE_CLOSED, b"")


def test_the_exit_codes_are_documented() -> None:
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    assert {int(each) for each in re.findall(r"^\| `(\d+)` \|", text, re.MULTILINE)} == {*ExitCode}


def test_a_word_that_is_no_secret_is_refused_before_a_webhook_comes(tmp_path: Path) -> None:
    ran = over(tmp_path, _refused).run("listen", "--port", "0", typed="my secret!\n")
    assert ran.code == ExitCode.WRONG_USE
    assert "whsec_" in ran.err
