"""`docker-compose.yml` locks every service, and gives each the settings that it reads only."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from pydantic_settings import BaseSettings

from chatgrow_worker.settings import WorkerSettings
from control_api.settings import ApiSettings

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
OUR_PROGRAMS: list[tuple[str, type[BaseSettings]]] = [
    ("api", ApiSettings),
    ("worker-1", WorkerSettings),
    ("worker-2", WorkerSettings),
]
_OF_THE_IMAGE = {"DATA_DIR", "WHATSAPP_SESSION_PATH", "CHROMIUM_PATH"}
"""The image and its volumes say where files are."""


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_may_gain_rights_or_write_beside_its_volumes(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert "no-new-privileges:true" in service["security_opt"]
    assert not any("unconfined" in option for option in service["security_opt"])
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["volumes"]


@pytest.mark.parametrize(("name", "settings"), OUR_PROGRAMS)
def test_a_program_is_given_what_it_reads_and_no_secret_of_another(
    name: str, settings: type[BaseSettings]
) -> None:
    read = {field.upper() for field in settings.model_fields}
    given = set(SERVICES[name]["environment"])
    assert "env_file" not in SERVICES[name]
    assert given - read == set()
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    listed = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    assert (listed & read) - given - _OF_THE_IMAGE == set()


@pytest.mark.parametrize(("name", "secret"), [("mongo", "MONGO"), ("redis", "REDIS")])
def test_a_database_wants_a_password_and_knows_no_other_secret(name: str, secret: str) -> None:
    service = SERVICES[name]
    values = " ".join(service["environment"].values())
    assert re.findall(r"\$\{(\w+)", values) == [f"{secret}_PASSWORD"]
    assert "ports" not in service
    # Everybody on the host can read a command line: it names the variable, not what is in it.
    assert "${" not in str(service.get("command")).replace("$${", "")


def test_the_browser_has_namespaces_and_nothing_that_governs_the_machine() -> None:
    assert "seccomp=./seccomp.json" in SERVICES["worker-1"]["security_opt"]
    profile = json.loads((ROOT / "seccomp.json").read_text())
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    [allowed] = [each for each in profile["syscalls"] if each["action"] == "SCMP_ACT_ALLOW"]
    assert {"clone", "clone3", "unshare", "chroot"} <= set(allowed["names"])
    dangerous = {"mount", "bpf", "ptrace", "init_module", "keyctl", "io_uring_setup", "pidfd_getfd"}
    assert not dangerous & set(allowed["names"])
