"""Both compose files lock every service, and give each the settings that it reads only."""

from __future__ import annotations

import json
import re
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from pydantic_settings import BaseSettings

from chatgrow_worker.settings import WorkerSettings
from chatgrow_worker.wiring import key_ring
from control_api.credentials.signing import signing_secret
from control_api.settings import ApiSettings

ROOT = Path(__file__).parents[2]


def _merged(one: Any, other: Any) -> Any:
    """Lay one file over another, as Compose does with mappings and lists."""
    if isinstance(one, dict) and isinstance(other, dict):
        both = {name: _merged(one[name], other[name]) for name in one.keys() & other.keys()}
        return one | other | both
    return other


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())
    return found


SINGLE = _read("docker-compose.yml")
PRODUCTION = _merged(SINGLE, _read("docker-compose.production.yml"))
SERVICES: dict[str, Any] = SINGLE["services"]
ALL_SERVICES = [
    pytest.param(service, id=f"{name}-{each}")
    for name, file in (("single", SINGLE), ("production", PRODUCTION))
    for each, service in file["services"].items()
]
OUR_PROGRAMS: list[tuple[str, type[BaseSettings]]] = [
    ("api", ApiSettings),
    ("worker-1", WorkerSettings),
    ("worker-2", WorkerSettings),
]
_OF_THE_IMAGE = {"DATA_DIR", "WHATSAPP_SESSION_PATH", "CHROMIUM_PATH"}
"""The image and its volumes say where files are."""


@pytest.mark.parametrize("service", ALL_SERVICES)
def test_no_service_may_gain_rights_or_write_beside_its_volumes(service: dict[str, Any]) -> None:
    assert service["cap_drop"] == ["ALL"]
    # Only the proxy, to listen where browsers look.
    assert service.get("cap_add", []) in (
        [],
        ["NET_BIND_SERVICE"] if "443:443" in str(service) else [],
    )
    assert "privileged" not in service
    assert "no-new-privileges:true" in service["security_opt"]
    assert not any("unconfined" in option for option in service["security_opt"])
    assert service["read_only"] is True
    assert "/tmp" in service["tmpfs"]


@pytest.mark.parametrize(("name", "settings"), OUR_PROGRAMS)
def test_a_program_is_given_what_it_reads_and_no_secret_of_another(
    name: str, settings: type[BaseSettings]
) -> None:
    read = {field.upper() for field in settings.model_fields}
    given = set(SERVICES[name]["environment"])
    for file in (SINGLE, PRODUCTION):
        assert "env_file" not in file["services"][name]
        assert set(file["services"][name]["environment"]) - read == set()
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


def test_production_has_a_replica_set_that_every_program_names() -> None:
    services = PRODUCTION["services"]
    members = [name for name in services if "--replSet rs0" in str(services[name].get("command"))]
    assert members == ["mongo", "mongo-2", "mongo-3"]
    for name, _ in OUR_PROGRAMS:
        hosts = re.findall(r"@([\w,-]+)/", services[name]["environment"]["MONGODB_URI"])
        assert hosts == [",".join(members)]
        assert "replicaSet=rs0" in services[name]["environment"]["MONGODB_URI"]
        started = services[name]["depends_on"]["mongo-start"]["condition"]
        assert started == "service_completed_successfully"
    assert all(f"'{name}'" in str(services["mongo-start"]["command"]) for name in members)
    assert len({each for name in members for each in services[name]["volumes"]}) == 6


def test_production_knows_the_clients_behind_its_proxy_and_no_others() -> None:
    services = PRODUCTION["services"]
    address = services["proxy"]["networks"]["default"]["ipv4_address"]
    assert services["api"]["environment"]["TRUSTED_PROXIES"] == address
    (subnet,) = PRODUCTION["networks"]["default"]["ipam"]["config"]
    assert ip_address(address) in ip_network(subnet["subnet"])
    assert "DOMAIN" in services["api"]["environment"]["PUBLIC_URL"]
    # Whoever is not on this host comes by the proxy.
    published = {name: each["ports"] for name, each in services.items() if "ports" in each}
    assert published.pop("proxy") == ["80:80", "443:443"]
    assert published == {"api": ["127.0.0.1:5000:5000"]}


def test_every_variable_of_production_is_told_at_its_head() -> None:
    text = (ROOT / "docker-compose.production.yml").read_text(encoding="utf-8")
    head = text.partition("\nname:")[0]
    single = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    wanted = set(re.findall(r"\$\{(\w+):\?", text))
    assert {each for each in wanted if each not in head} == set(
        re.findall(r"\$\{(\w+):\?", single)
    ) & wanted
    assert {"COMPOSE_FILE", "DOMAIN", "MONGO_KEY"} <= set(re.findall(r"^#   (\w+)", head, re.M))


FILES = [
    pytest.param(SINGLE, (), id="single"),
    pytest.param(PRODUCTION, ("a.org",), id="production"),
]


@pytest.mark.parametrize(("file", "domain"), FILES)
def test_the_script_writes_every_variable_that_has_to_be_set(
    file: dict[str, Any], domain: tuple[str, ...]
) -> None:
    written = _fresh_env(*domain)
    wanted = set(re.findall(r"\$\{(\w+):\?", json.dumps(file)))
    assert wanted <= set(written)
    assert _fresh_env(*domain)["JWT_SECRET"] != written["JWT_SECRET"]


@pytest.mark.parametrize(("file", "domain"), FILES)
@pytest.mark.parametrize(("name", "settings"), OUR_PROGRAMS)
def test_a_program_takes_the_settings_that_compose_gives_it(
    file: dict[str, Any],
    domain: tuple[str, ...],
    name: str,
    settings: type[BaseSettings],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    written = _fresh_env(*domain)
    for variable, value in file["services"][name]["environment"].items():
        monkeypatch.setenv(variable, _filled(str(value), written))
    taken = settings()
    assert isinstance(taken, (ApiSettings, WorkerSettings))
    assert taken.mongo_address is not None
    assert taken.redis_address is not None
    if isinstance(taken, ApiSettings):
        assert signing_secret(taken) == written["JWT_SECRET"]
    else:
        assert key_ring(taken).first.id == "first"


@pytest.mark.parametrize(("file", "domain"), FILES)
def test_what_a_file_names_is_in_it(file: dict[str, Any], domain: tuple[str, ...]) -> None:
    services = file["services"]
    used = {
        each.partition(":")[0]
        for service in services.values()
        for each in service.get("volumes", ())
    }
    assert used == set(file["volumes"])
    for service in services.values():
        assert set(service.get("depends_on", ())) <= set(services)
        assert set(service.get("networks", ())) <= set(file.get("networks", ()))
        assert "image" in service
    assert used == set(file["volumes"])


def _fresh_env(*domain: str) -> dict[str, str]:
    """Return what the script writes."""
    command = [str(ROOT / "scripts/compose_env.sh"), *domain]
    lines = subprocess.check_output(command, text=True).splitlines()
    return dict(line.split("=", 1) for line in lines)


def _filled(value: str, variables: dict[str, str]) -> str:
    """Fill in the variables as Compose does."""
    return re.sub(
        r"\$\{(\w+)(?::[-?]([^}]*))?\}",
        lambda found: variables.get(found[1]) or ("" if "?" in found[0] else found[2] or ""),
        value,
    )


@pytest.mark.parametrize(("code", "ends"), [(0, True), (69, True), (78, False)])
def test_a_container_whose_settings_cannot_work_waits(code: int, ends: bool) -> None:
    command = [str(ROOT / "scripts/container.sh"), "sh", "-c", f"echo ended >&2; exit {code}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "ended\n"
        if not ends:
            assert "correct it" in process.stderr.readline()
            process.terminate()
        assert process.wait() == code


def test_a_container_that_is_stopped_lets_its_program_end_in_order() -> None:
    program = "trap 'echo in order >&2; exit 3' TERM; echo runs >&2; while :; do sleep 0.05; done"
    command = [str(ROOT / "scripts/container.sh"), "sh", "-c", program]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "runs\n"
        process.terminate()
        assert process.stderr.readline() == "in order\n"
        assert process.wait() == 3


def test_the_image_runs_as_its_header_says() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    runs = re.findall(r"^#   (docker run .*)$", dockerfile, re.MULTILINE)
    assert runs == ["docker run --rm --security-opt seccomp=seccomp.json chatgrow-worker:demo"]
    assert re.search(r"^COPY scripts scripts$", dockerfile, re.MULTILINE)
    assert "scripts/container.sh" in next(
        line for line in dockerfile.splitlines() if line.startswith("ENTRYPOINT")
    )
