"""Keys of the saved sessions: the setting, the key file, and the refusals."""

from __future__ import annotations

import base64
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from sessions.__main__ import main
from sessions.common.errors import ConfigurationError
from sessions.encryption.errors import BlobError, BlobReason
from sessions.encryption.keys import Key, KeyRing, open_key_ring
from tests.conftest import ROOT

_OLD, _NEW = Key("old", b"o" * 32), Key("new", b"n" * 32)
_SECRET = base64.b64encode(b"s" * 31).decode()


def test_the_first_key_writes_and_all_read() -> None:
    ring = KeyRing.parse(f"{_NEW.text()}, {_OLD.text()}")
    assert ring.first == _NEW
    assert ring.find("old") == _OLD


def test_a_key_that_is_not_in_the_ring_is_named() -> None:
    with pytest.raises(BlobError, match=r"'old'.*SESSION_ENCRYPTION_KEYS") as caught:
        KeyRing([_NEW]).find("old")
    assert caught.value.reason is BlobReason.WRONG_KEY


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "holds no key"),
        (" , ", "holds no key"),
        (_SECRET, "key 1 is not of the form ID:BASE64"),
        (f"{_NEW.text()},", "key 2 is not of the form ID:BASE64"),
        (f"no good:{_SECRET}", "the id of key 1 does not match"),
        (f"{'i' * 33}:{_SECRET}", "the id of key 1 does not match"),
        (f"short:{_SECRET}", "key 'short' has 31 bytes, not 32"),
        (f"odd:{_SECRET}!", "key 'odd' is not Base64"),
        (f"{_NEW.text()},{_NEW.text()}", "the id 'new' stands for two keys"),
    ],
)
def test_a_setting_that_cannot_work_is_named_and_its_key_is_not_shown(
    text: str, complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        KeyRing.parse(text)
    assert "SESSION_ENCRYPTION_KEYS" in str(caught.value)
    assert _SECRET not in str(caught.value)


def test_neither_a_key_nor_a_ring_shows_its_secret() -> None:
    shown = f"{_NEW!r} {_NEW} {KeyRing([_NEW])!r}"
    assert "nnn" not in shown
    assert base64.b64encode(_NEW.secret).decode() not in shown


def test_the_setting_wins_over_the_key_file(tmp_path: Path) -> None:
    ring = open_key_ring(SecretStr(_NEW.text()), tmp_path, production=True)
    assert ring.first == _NEW
    assert not list(tmp_path.iterdir())


def test_production_without_a_key_is_refused_and_no_key_file_is_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="python -m sessions new-key"):
        open_key_ring(None, tmp_path, production=True)
    assert not list(tmp_path.iterdir())


def test_a_key_file_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    data = tmp_path / "data"
    made = open_key_ring(None, data, production=False)
    file = data / "session.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in data.iterdir()] == ["session.key"]
    assert open_key_ring(None, data, production=False).first == made.first


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "session.key"
    KeyRing.from_file(file)
    file.chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        KeyRing.from_file(file)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"k-1:c2hvcnQ=", b"x" * 100_000])
def test_a_damaged_key_file_is_refused_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "session.key"
    file.touch(mode=0o600)
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match="damaged"):
        KeyRing.from_file(file)
    assert file.read_bytes() == content


def test_a_key_file_that_cannot_be_made_is_a_clear_refusal(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(ConfigurationError, match=r"session\.key cannot be used"):
        KeyRing.from_file(blocked / "session.key")


def test_processes_that_race_for_the_key_file_all_get_the_same_key(tmp_path: Path) -> None:
    file = tmp_path / "session.key"
    program = (
        "import sys; from pathlib import Path; from sessions.encryption.keys import KeyRing\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(KeyRing.from_file(Path(sys.argv[1])).first.text())"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(file)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    answers = {racer.communicate(timeout=30)[0] for racer in racers}
    assert answers == {file.read_text()}
    assert [path.name for path in tmp_path.iterdir()] == ["session.key"]


def test_the_command_prints_a_key_that_the_setting_takes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert [main(["new-key"]) for _ in range(2)] == [0, 0]
    printed = capsys.readouterr().out.splitlines()
    first, second = (KeyRing.parse(text).first for text in printed)
    assert first.id != second.id
    assert first.secret != second.secret
