"""The settings of a worker: several of them on one host share everything but their number."""

from __future__ import annotations

from pathlib import Path
from socket import gethostname

import pytest
from pydantic import ValidationError

from chatgrow_worker.settings import WorkerSettings


def test_a_number_makes_name_port_and_folder(tmp_path: Path) -> None:
    settings = WorkerSettings(_env_file=None, data_dir=tmp_path, worker_number=2)
    assert settings.worker_id == settings.log_name == f"{gethostname()}-worker-2"
    assert settings.metrics_port == 9402
    assert settings.whatsapp_session_path == tmp_path / "sessions/worker-2"


def test_what_is_set_for_all_workers_of_a_host_is_told_apart_by_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("WORKER_ID=host-b\nMETRICS_PORT=9500\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKER_NUMBER", "1")
    settings = WorkerSettings()
    assert settings.worker_id == settings.worker == settings.log_name == "host-b-1"
    assert settings.metrics_port == 9501


def test_without_a_number_everything_is_as_it_is_set(tmp_path: Path) -> None:
    settings = WorkerSettings(_env_file=None, data_dir=tmp_path, worker_id="a")
    assert (settings.worker_id, settings.log_name, settings.metrics_port) == ("a", "a", None)


def test_a_port_behind_the_last_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="METRICS_PORT and WORKER_NUMBER"):
        WorkerSettings(_env_file=None, data_dir=tmp_path, worker_number=9, metrics_port=65530)
