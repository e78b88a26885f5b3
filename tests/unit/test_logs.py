"""What a program logs, where it goes, and how much of it is kept."""

from __future__ import annotations

import json
import logging
import os
import re
import stat
import sys
import time
import warnings
from datetime import timedelta
from pathlib import Path

import pytest
from loguru import logger

from chatgrow_worker.settings import WorkerSettings
from sessions.common.errors import ConfigurationError
from sessions.config.settings import SharedSettings
from tests.logging_setup import lines_of, log_settings, logging_as

NUMBER = "+972501234567"


def test_production_writes_json_to_the_file_and_to_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with logging_as(log_settings(tmp_path)) as file:
        bound = logger.bind(owner="admin", connection="main", messageId="01abc", attempts=2)
        bound.warning("Sent to {} {{}}", NUMBER)
    (line,) = lines_of(file)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line.pop("time"))
    assert line == {
        "level": "warn",
        "process": "control_api",
        "owner": "admin",
        "connection": "main",
        "messageId": "01abc",
        "attempts": 2,
        "message": "Sent to ***567 {}",
    }
    assert [json.loads(each) for each in capsys.readouterr().err.splitlines()] == lines_of(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_development_writes_readable_lines_and_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with logging_as(log_settings(tmp_path, app_env="development")):
        logger.bind(connection="main").info("Message {}", "sent")
    line = capsys.readouterr().err
    assert line.rstrip("\n").endswith("INFO    control_api Message sent connection=main")
    assert list(tmp_path.iterdir()) == []


def test_exceptions_bound_values_and_other_libraries_are_masked(tmp_path: Path) -> None:
    with logging_as(log_settings(tmp_path)) as file:
        try:
            _fail(f"no answer from {NUMBER}")
        except ValueError:
            logger.bind(connection=NUMBER, reason={"to": NUMBER}).exception("It failed")
        logging.getLogger("library").error("about %s", NUMBER, exc_info=OSError(NUMBER))
        logging.getLogger("library").error("%d numbers", NUMBER)
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn(f"careful with {NUMBER}", stacklevel=1)
    text = file.read_text()
    lines = lines_of(file)
    assert NUMBER[-8:] not in text
    assert text.count("***567") == 6
    assert "ValueError: no answer from ***567" in lines[0]["exception"]
    assert (lines[0]["connection"], lines[0]["reason"]) == ("***567", "{'to': '***567'}")
    assert "OSError: ***567" in lines[1]["exception"]
    assert len(lines) == 4


def test_one_line_stays_one_line(tmp_path: Path) -> None:
    with logging_as(log_settings(tmp_path)) as file:
        logger.bind(connection="a\nb\u2028c").info("first\nsecond \ud800")
    (line,) = lines_of(file)
    assert line["connection"] == "a b c"
    assert line["message"] == "first\nsecond ?"


@pytest.mark.parametrize(("level", "kept"), [("error", 1), ("warn", 2), ("info", 3), ("debug", 4)])
def test_less_than_the_level_is_not_written(tmp_path: Path, level: str, kept: int) -> None:
    with logging_as(log_settings(tmp_path, log_level=level)) as file:
        for name in ("ERROR", "WARNING", "INFO", "DEBUG"):
            logger.log(name, "It happened")
    told = [line["level"] for line in lines_of(file)]
    assert told == ["error", "warn", "info", "debug"][:kept]


def test_a_full_file_is_rotated_and_only_so_many_are_kept(tmp_path: Path) -> None:
    settings = log_settings(tmp_path, log_file_max_size=2000, log_file_max_files=3)
    with logging_as(settings) as file:
        for number in range(200):
            logger.info("Line {}", number)
        logger.info("x" * 3000)
        logger.info("the last")
    files = sorted(file.parent.glob("*.log"), key=lambda each: each.stat().st_mtime_ns)
    assert len(files) == 3
    kept = [line["message"] for each in files for line in lines_of(each)]
    assert kept[-2:] == ["x" * 3000, "the last"]
    # What fits into a file is never written beyond its size.
    assert all(each.stat().st_size <= 2000 or len(lines_of(each)) == 1 for each in files)


def test_a_new_day_begins_a_new_file(tmp_path: Path) -> None:
    with logging_as(log_settings(tmp_path)) as file:
        logger.info("yesterday")
    then = time.time() - timedelta(days=1).total_seconds()
    os.utime(file, (then, then))
    with logging_as(log_settings(tmp_path)):
        logger.info("today")
        logger.info("and more")
    assert [line["message"] for line in lines_of(file)] == ["today", "and more"]
    (before,) = set(file.parent.glob("*.log")) - {file}
    assert [line["message"] for line in lines_of(before)] == ["yesterday"]


def test_a_process_of_the_same_name_has_a_file_of_its_own(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from loguru import logger;"
        "from tests.logging_setup import log_settings;"
        "from sessions.logs.setup import configure_logging;"
        "configure_logging(log_settings(Path(sys.argv[1])), 'control_api');"
        "logger.info('from the second')"
    )
    python = sys.executable
    with logging_as(log_settings(tmp_path)) as file:
        logger.info("from the first")
        assert os.spawnl(os.P_WAIT, python, python, "-c", code, str(tmp_path)) == 0
    assert [line["message"] for line in lines_of(file)] == ["from the first"]
    second = file.with_name("control_api-2.log")
    assert [line["message"] for line in lines_of(second)] == ["from the second"]


def test_the_files_of_others_are_never_removed(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    others = [
        folder / name for name in ("w.1.log", "w-2.log", "w.1.2026-01-01_00-00-00_000000.log")
    ]
    for other in others:
        other.write_text("of another worker")
    settings = log_settings(tmp_path, log_file_max_size=100, log_file_max_files=1)
    with logging_as(settings, "w") as file:
        for number in range(20):
            logger.info("Line {}", number)
    assert [line["message"] for line in lines_of(file)] == ["Line 19"]
    assert sorted(folder.glob("*.log")) == sorted([file, *others])


def test_a_folder_that_cannot_be_written_is_a_wrong_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigurationError, match="LOG_DIR"),
        logging_as(log_settings(tmp_path, log_dir=tmp_path / "file")),
    ):
        pass


def test_a_worker_says_which_one_it_is(tmp_path: Path) -> None:
    settings = WorkerSettings(
        _env_file=None, app_env="production", data_dir=tmp_path, worker_id="host-worker-1"
    )
    with logging_as(settings, "worker"):
        logger.info("ready")
    (line,) = lines_of(tmp_path / "logs" / "host-worker-1.log")
    assert (line["process"], line["worker"]) == ("worker", "host-worker-1")


@pytest.mark.parametrize(
    ("text", "size"), [("10m", 10 << 20), ("500K", 500 << 10), ("1gb", 1 << 30), ("2048", 2048)]
)
def test_sizes_are_read_as_people_write_them(
    text: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_FILE_MAX_SIZE", text)
    assert SharedSettings(_env_file=None).log_file_max_size == size


def test_what_the_program_reads_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    settings = SharedSettings(_env_file=None)
    assert settings.log_dir == tmp_path / "logs"
    assert (settings.log_file_max_size, settings.log_file_max_files) == (10 << 20, 5)


def _fail(text: str) -> None:
    raise ValueError(text)
