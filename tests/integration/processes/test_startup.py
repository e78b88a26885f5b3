"""Both programs at their start: what is wrong is said in words, with the setting's name."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
import signal
import socket
from pathlib import Path

import pytest
from pymongo import ReadPreference, WriteConcern
from ulid import ULID

from sessions.accounts.api_keys import ApiKeyStore
from sessions.common.errors import ConfigurationError
from sessions.config.settings import SharedSettings
from sessions.embedded import MONGO, ServerUris
from sessions.embedded.layout import Layout
from sessions.encryption.keys import Key
from sessions.storage.mongo import open_database
from tests.conftest import PATIENCE
from tests.integration.processes.programs import PROGRAMS, Ended, program
from tests.ports import LOOPBACK, free_port
from tests.waiting import until

NOBODY = "127.0.0.1:1"


async def _ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    _, errors = await process.communicate()
    return process.returncode, errors.decode()


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize(
    ("setting", "value", "code"),
    [
        ("MONGODB_URI", f"mongodb://{NOBODY}/x", 69),
        ("REDIS_URL", f"redis://:secret@{NOBODY}/0", 69),
        ("MONGODB_URI", "mongodb://user:secret@", 78),
        ("REDIS_URL", "http://user:secret@127.0.0.1", 78),
        ("LOG_LEVEL", "loud", 78),
        ("STARTUP_TIMEOUT", "soon", 78),
    ],
)
def test_a_setting_that_cannot_work_is_named(
    ended: Ended, name: str, setting: str, value: str, code: int
) -> None:
    found, errors = ended(name, **{setting: value})
    assert found == code
    assert setting in errors
    assert "Traceback" not in errors
    assert "secret" not in errors
    assert "***" not in errors, "Nothing of what is said has to be hidden."


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"METRICS_TOKEN": "short"}, "setting METRICS_TOKEN: Give at least 16 characters."),
        ({"MEDIA_MAX_SIZE": "1.5g"}, "setting MEDIA_MAX_SIZE: a size is a whole number of bytes"),
        (
            {"APP_ENV": "production", "REDIS_URL": "redis://..."},
            "control_api: REDIS_URL is an example's placeholder",
        ),
        ({"NODE_ENV": "prod"}, "setting APP_ENV or NODE_ENV: Input should be 'development'"),
        ({"PUBLIC_URL": "example.org"}, "setting PUBLIC_URL: Give a whole address"),
    ],
)
def test_what_is_wrong_with_settings_is_told_in_words(
    ended: Ended, settings: dict[str, str], says: str
) -> None:
    code, errors = ended("control_api", **settings)
    assert code == 78
    assert says in errors


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("CHROMIUM_PATH", "/nowhere/chromium"),
        ("WHATSAPP_MAX_CONNECTIONS", "0"),
        ("WHATSAPP_SESSION_PATH", "/proc/nowhere"),
        ("WORKER_ID", "a b"),
        ("DEVICE_NAME", " "),
        ("WHATSAPP_WEB_URL", "nowhere"),
    ],
)
def test_a_worker_that_cannot_work_says_why(ended: Ended, setting: str, value: str) -> None:
    code, errors = ended("chatgrow_worker", **{setting: value})
    assert code == 78
    assert setting in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("name", "secret"),
    [("control_api", "JWT_SECRET"), ("chatgrow_worker", "SESSION_ENCRYPTION_KEYS")],
)
def test_a_secret_that_is_missing_is_named_before_a_server_that_is_away(
    ended: Ended, name: str, secret: str
) -> None:
    code, errors = ended(name, APP_ENV="production", MONGODB_URI=f"mongodb://{NOBODY}/x")
    assert code == 78
    assert secret in errors
    assert "MONGODB_URI" not in errors


def test_a_worker_that_has_to_convert_and_cannot_says_why(ended: Ended, tmp_path: Path) -> None:
    code, errors = ended("chatgrow_worker", MEDIA_CONVERT="true", PATH=str(tmp_path))
    assert code == 78
    assert "MEDIA_CONVERT" in errors
    assert "ffmpeg" in errors


def test_wa_js_that_is_missing_is_named(ended: Ended) -> None:
    code, errors = ended("chatgrow_worker", WA_JS_PATH="/nowhere")
    assert code == 78
    assert "make setup" in errors


@pytest.fixture
def other_wa_js(tmp_path: Path) -> tuple[Path, str]:
    """Give a test a wa-js of its own, and its digest."""
    file = tmp_path / "wa.js"
    file.write_text("alert('mine')")
    return file, hashlib.sha256(file.read_bytes()).hexdigest()


def test_another_wa_js_is_refused_with_its_digest(
    ended: Ended, other_wa_js: tuple[Path, str]
) -> None:
    other, digest = other_wa_js
    code, errors = ended("chatgrow_worker", WA_JS_PATH=str(other))
    assert code == 78
    assert f"WA_JS_SHA256={digest}" in errors


async def test_another_wa_js_is_run_by_its_digest(
    tmp_path: Path, servers: ServerUris, other_wa_js: tuple[Path, str]
) -> None:
    other, digest = other_wa_js
    own = ServerUris(servers.mongo.replace("/chatgrow", f"/test-{ULID()}"), servers.redis)
    chosen = {"WA_JS_PATH": str(other), "WA_JS_SHA256": digest, "STARTUP_TIMEOUT": "20"}
    async with program("chatgrow_worker", tmp_path, own, **chosen) as process:
        await _says(process, "is ready")


def test_a_port_that_is_taken_is_named(ended: Ended) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = str(taken.getsockname()[1])
        code, errors = ended("control_api", PORT=port)
    assert code == 78
    assert f"PORT {port}" in errors


async def test_the_first_key_is_in_a_file_that_the_log_names_once(
    tmp_path: Path, servers: ServerUris
) -> None:
    own = ServerUris(servers.mongo.replace("/chatgrow", f"/test-{ULID()}"), servers.redis)
    file, told = tmp_path / "first-api.key", []
    for _ in range(2):
        port = str(free_port())
        async with program("control_api", tmp_path, own, PORT=port, STARTUP_TIMEOUT="20") as api:
            said = "".join(await _listens(api))
            api.send_signal(signal.SIGTERM)
            output, more = await api.communicate()
            told.append(said + (output + more).decode())
            assert api.returncode == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().startswith("cgw_")
    assert [each.count(str(file)) for each in told] == [1, 0]
    assert not any("cgw_" in each for each in told)
    async with open_database(own.mongo, PATIENCE) as database:
        assert await ApiKeyStore(database).is_first(file.read_text().strip())


@pytest.mark.parametrize(
    ("command", "setting"),
    [
        (("control_api",), "MONGODB_URI"),
        (("control_api",), "REDIS_URL"),
        (("chatgrow_worker",), "MONGODB_URI"),
        (("chatgrow_worker",), "REDIS_URL"),
        (("sessions", "rotate-keys"), "MONGODB_URI"),
        (("sessions.embedded", "mongo"), "MONGODB_URI"),
        (("sessions.embedded", "redis"), "REDIS_URL"),
    ],
)
def test_no_embedded_server_is_started_in_production_unless_that_is_accepted(
    ended: Ended, tmp_path: Path, command: tuple[str, ...], setting: str
) -> None:
    given = {
        "JWT_SECRET": secrets.token_urlsafe(32),
        "SESSION_ENCRYPTION_KEYS": Key.generate().text(),
    }
    settings = {"APP_ENV": "production", setting: "", **given}
    code, errors = ended(command[0], *command[1:], **settings)
    assert code == 78
    assert f"{setting} is not set" in errors
    assert "EMBEDDED_SERVERS_IN_PRODUCTION=true" in errors
    assert not (tmp_path / "embedded").exists()


async def test_an_embedded_server_that_is_accepted_in_production_is_started(
    tmp_path: Path, servers: ServerUris
) -> None:
    accepted = {"APP_ENV": "production", "EMBEDDED_SERVERS_IN_PRODUCTION": "true", "REDIS_URL": ""}
    arguments = ("redis", "--data", str(tmp_path))
    async with program("sessions.embedded", tmp_path, servers, *arguments, **accepted) as process:
        await until(lambda: (tmp_path / "embedded/redis.sock").exists())
        process.terminate()
        assert await process.wait() == 0
    settings = SharedSettings(
        _env_file=None, app_env="production", embedded_servers_in_production=True
    )
    assert settings.mongo_address is settings.redis_address is None


async def _listens(process: asyncio.subprocess.Process) -> list[str]:
    """Return what is logged up to the line that tells the address."""
    return await _says(process, "listens on")


async def _says(process: asyncio.subprocess.Process, word: str) -> list[str]:
    """Return what is logged up to the line that has the word in it."""
    assert process.stderr is not None
    lines = []
    async with asyncio.timeout(30):
        async for line in process.stderr:
            lines.append(line.decode())
            if word.encode() in line:
                return lines
    raise AssertionError(f"it ended before it said {word!r}: {''.join(lines)}")


@pytest.mark.parametrize("readable", [False, True])
@pytest.mark.parametrize(
    "command",
    [
        ("control_api",),
        ("chatgrow_worker",),
        ("sessions", "rotate-keys"),
        ("sessions.embedded", "redis"),
    ],
)
def test_an_env_file_that_cannot_be_read_is_named(
    ended: Ended, tmp_path: Path, command: tuple[str, ...], readable: bool
) -> None:
    if readable:
        (tmp_path / ".env").write_bytes(b"PORT=0\nDEVICE_NAME=caf\xe9 secret\n")
    else:
        # For root, too: a process's memory has nothing at its beginning.
        (tmp_path / ".env").symlink_to("/proc/self/mem")
    code, errors = ended(command[0], *command[1:])
    assert code == 78
    assert ("line 2" if readable else "cannot be read") in errors
    assert ".env" in errors
    assert "Traceback" not in errors
    assert "secret" not in errors


@pytest.mark.parametrize(
    ("written", "meant"), [("MONGO_URL", "MONGODB_URI"), ("JWT_SECRET_KEY", "JWT_SECRET")]
)
def test_the_name_that_others_have_for_a_setting_is_told(
    ended: Ended, tmp_path: Path, written: str, meant: str
) -> None:
    (tmp_path / ".env").write_text(f"{written}=secret\n")
    _, errors = ended("control_api", MONGODB_URI="mongodb://")
    assert f"There is no setting {written}, as .env has it: did you mean {meant}?" in errors


def test_a_misspelt_setting_is_told_without_its_value(ended: Ended, tmp_path: Path) -> None:
    lines = "WHATSAPP_MAX_CONECTIONS=secret\nMY_OWN=1\nNODE_ENV=test\nsecret line\n"
    (tmp_path / ".env").write_text(lines)
    _, errors = ended("chatgrow_worker", WA_JS_PATH="/nowhere", WORKER_NAMBER="secret")
    told = [
        "no setting WHATSAPP_MAX_CONECTIONS, as .env has it: did you mean WHATSAPP_MAX_CONNECTIONS",
        "no setting WORKER_NAMBER, as the environment has it: did you mean WORKER_NUMBER?",
        "Line 4 of .env is not NAME=value",
    ]
    assert [errors.count(each) for each in told] == [1, 1, 1], errors
    assert errors.count("There is no setting") == 2
    assert errors.count("Line 4") == errors.lower().count("line 4") == 1
    assert "secret" not in errors


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://u:secret@w/ord@127.0.0.1/x",
        "mongodb://u:sec/ret@127.0.0.1/x",
        "mongodb://u:sec?ret@127.0.0.1/x",
        "mongodb://u:sec#/ret@127.0.0.1/x",
        "mongodb://u:secr%et@127.0.0.1/x",
    ],
)
async def test_a_password_that_is_not_percent_encoded_is_told_without_any_of_it(uri: str) -> None:
    with pytest.raises(ConfigurationError, match="percent-encode the password") as refused:
        async with open_database(uri, PATIENCE):
            pytest.fail("that is no address")
    assert not re.search("sec|ret@|ord@", str(refused.value))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("tls=true&tlsCAFile=/nowhere/secret.pem", "No such file or directory"),
        ("tls=maybe", "The value of tls must be"),
        ("tsl=true", "Unknown option: tsl"),
        ("loadBalanced=true&replicaSet=rs0", "replicaSet"),
    ],
)
async def test_options_of_an_address_that_cannot_work_are_told(options: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match="MONGODB_URI cannot be used") as refused:
        async with open_database(f"mongodb://{NOBODY}/x?{options}", PATIENCE):
            pytest.fail("that is no address")
    assert says in str(refused.value)
    assert "secret" not in str(refused.value)


async def test_an_address_does_not_make_reads_old_or_writes_unsafe(servers: ServerUris) -> None:
    unsafe = "w=0&journal=false&readPreference=secondary"
    joint = "&" if "?" in servers.mongo else "?"
    async with open_database(f"{servers.mongo}{joint}{unsafe}", PATIENCE) as database:
        assert database.read_preference == ReadPreference.PRIMARY
        assert database.write_concern == WriteConcern(w="majority", j=True)


@pytest.mark.parametrize("command", [("control_api",), ("sessions", "saved-page", "show")])
async def test_a_program_that_waits_for_its_servers_ends_at_once_when_it_is_asked_to(
    tmp_path: Path, servers: ServerUris, command: tuple[str, ...]
) -> None:
    waits = {"MONGODB_URI": "", "EMBEDDED_SERVERS": "attach", "STARTUP_TIMEOUT": "60"}
    async with program(command[0], tmp_path, servers, *command[1:], **waits) as process:
        await _says(process, "waiting for the embedded mongo")
        process.terminate()
        ended, errors = await _ended(process)
    assert ended == 0, errors
    assert "mongo.log" not in errors


async def test_a_program_that_waits_for_an_address_ends_at_once_when_it_is_asked_to(
    tmp_path: Path, servers: ServerUris
) -> None:
    waits = {"MONGODB_URI": f"mongodb://{NOBODY}/x", "STARTUP_TIMEOUT": "600"}
    async with program("control_api", tmp_path, servers, **waits) as process:
        await _says(process, "does not answer yet")
        process.terminate()
        ended, errors = await _ended(process)
    assert ended == 0, errors


async def test_a_program_whose_server_can_never_start_ends_as_that_has(
    tmp_path: Path, servers: ServerUris
) -> None:
    waits = {"MONGODB_URI": "", "EMBEDDED_SERVERS": "attach"}
    async with program("control_api", tmp_path, servers, **waits) as process:
        await _says(process, "waiting for the embedded mongo")
        # What its launcher leaves, which has the same parent: this process.
        layout = Layout.of(tmp_path, MONGO)
        layout.note_refusal("of another supervisor", "not this")
        mine = Path(f"/proc/{os.getpid()}/stat").read_text().rpartition(")")[2].split()[19]
        layout.note_refusal(f"{os.getpid()} {mine}", "The embedded mongo needs libcurl.so.4")
        ended, errors = await _ended(process)
    assert ended == 78
    assert "needs libcurl.so.4" in errors
    assert "not this" not in errors


@pytest.mark.parametrize("purpose", ["development", "production"])
@pytest.mark.parametrize(("mode", "told"), [(0o600, 0), (0o640, 1), (0o604, 1), (0o666, 1)])
def test_an_env_file_that_others_may_read_is_told(
    ended: Ended, tmp_path: Path, purpose: str, mode: int, told: int
) -> None:
    env = tmp_path / ".env"
    env.write_text(f"APP_ENV={purpose}\nJWT_SECRET=secret\n")
    env.chmod(mode)
    _, errors = ended("chatgrow_worker", WA_JS_PATH="/nowhere")
    assert errors.count("chmod 600 .env") == told
    level = "error" if purpose == "production" else "warning"
    assert all(level in line.lower() for line in errors.splitlines() if "chmod 600" in line)


def test_a_data_directory_that_cannot_be_used_is_named(ended: Ended, tmp_path: Path) -> None:
    (tmp_path / "embedded").write_text("no folder")
    code, errors = ended("control_api", MONGODB_URI="", EMBEDDED_SERVERS="attach")
    assert code == 78
    assert "DATA_DIR" in errors
    assert "Traceback" not in errors
