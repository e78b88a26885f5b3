"""The key is kept where only its user may read it, and is sent nowhere else."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from chatgrow_cli.exit_codes import CommandError
from chatgrow_cli.logins import Login, LoginFile, login_for

KEPT = Login("https://chatgrow.example.com", "kept", "id")


@pytest.fixture
def file(tmp_path: Path) -> LoginFile:
    file = LoginFile(tmp_path / "config" / "chatgrow")
    file.write(KEPT)
    return file


def test_only_its_user_may_read_it(file: LoginFile) -> None:
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    assert [each.name for each in file.path.parent.iterdir()] == [file.path.name]
    file.path.chmod(0o644)
    assert file.is_open_to_others()
    file.write(KEPT)
    assert not file.is_open_to_others()


@pytest.mark.parametrize(
    ("environ", "login"),
    [
        ({}, KEPT),
        ({"CHATGROW_KEY": "mine"}, Login(KEPT.url, "mine")),
        ({"CHATGROW_URL": KEPT.url + "/", "CHATGROW_KEY": ""}, KEPT),
        (
            {"CHATGROW_URL": "https://other", "CHATGROW_KEY": "mine"},
            Login("https://other", "mine"),
        ),
    ],
)
def test_the_environment_wins(file: LoginFile, environ: dict[str, str], login: Login) -> None:
    assert login_for(environ, file) == login


def test_the_kept_key_is_sent_to_no_other_address(file: LoginFile) -> None:
    with pytest.raises(CommandError, match="another server"):
        login_for({"CHATGROW_URL": "https://evil.example.com"}, file)


def test_a_file_that_is_none_is_told(file: LoginFile) -> None:
    file.path.write_text("{")
    with pytest.raises(CommandError, match="log in again"):
        file.read()
