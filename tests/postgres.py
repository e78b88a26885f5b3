"""A PostgreSQL of a test's own, in a temporary folder, on a loopback port, as an ordinary user."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncpg

from tests.ports import LOOPBACK, free_port
from tests.waiting import until

USER, PASSWORD = "shop", "the right one"
"""The owner of the cluster; the password has a blank, which an address writes as %20."""
_DEBIAN = Path("/usr/lib/postgresql")
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "fsync": "off",
    "max_connections": "20",
    "shared_buffers": "16MB",
    "max_wal_senders": "0",
    "wal_level": "minimal",
}


class Postgres:
    """A cluster that can be stopped and started; it is removed at the end."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        password = self._folder / "password"
        password.write_text(PASSWORD)
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root.
            for each in (self._folder, password):
                shutil.chown(each, _NOBODY)
        data = str(self._folder / "data")
        made = [_program("initdb"), "-D", data, "-U", USER, "-A", "scram-sha-256", "-E", "UTF8"]
        options = ["--no-locale", "--no-sync", f"--pwfile={password}"]
        subprocess.run([*made, *options], check=True, capture_output=True, **self._as())
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start it; `ready` waits until it answers."""
        settings = [part for item in _SETTINGS.items() for part in ("-c", "=".join(item))]
        data = str(self._folder / "data")
        self._process = subprocess.Popen(
            [_program("postgres"), "-D", data, "-p", str(self._port), *settings],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._as(),
        )

    def kill(self) -> None:
        """End it at once: all its clients lose their connections."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

    def address(self, password: str = PASSWORD, user: str = USER, name: str = "postgres") -> str:
        """Return the address that a user with a password has of a database."""
        written = password.replace(" ", "%20")
        return f"postgresql://{user}:{written}@{LOOPBACK}:{self._port}/{name}"

    async def ready(self) -> None:
        """Wait until it answers."""
        await until(self._answers)

    async def run(self, *statements: str) -> None:
        """Run statements as the owner."""
        connection = await asyncpg.connect(self.address())
        try:
            for each in statements:
                await connection.execute(each)
        finally:
            await connection.close()

    async def _answers(self) -> bool:
        try:
            await self.run("SELECT 1")
        except (OSError, asyncpg.PostgresError):
            return False
        return True

    @staticmethod
    def _as() -> dict[str, Any]:
        if os.geteuid() != 0:
            return {"cwd": "/"}
        entry = pwd.getpwnam(_NOBODY)
        return {"cwd": "/", "user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


_NOBODY = "nobody"


def _program(name: str) -> str:
    """Return a program of PostgreSQL, the newest that Debian has installed."""
    found = sorted(_DEBIAN.glob(f"*/bin/{name}"), key=lambda each: float(each.parts[-3]))
    program = str(found[-1]) if found else shutil.which(name)
    assert program is not None, "There is no PostgreSQL here: scripts/setup.sh slow installs it."
    return program
