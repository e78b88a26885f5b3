"""Set up an installation: only a holder of a secret of it can become the first administrator."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from loguru import logger

from control_api.http.problems import SetupTokenError
from sessions.accounts.api_keys import ApiKeyStore
from sessions.accounts.setup_tokens import SetupTokenStore
from sessions.accounts.users import UserStore
from sessions.common.errors import ConfigurationError
from sessions.encryption.key_file import read_or_make

TOKEN_FILE = "setup.token"  # noqa: S105  a file's name
"""In the data directory, readable by its owner only, until there is an administrator."""
_REMIND_EVERY = timedelta(hours=1)


class Setup:
    """Protect the first registration, which creates the administrator.

    The administrator also owns everything that the first API key has created. Setup is open until
    there is an administrator, and never again.
    """

    def __init__(
        self,
        users: UserStore,
        keys: ApiKeyStore,
        tokens: SetupTokenStore,
        data_dir: Path,
        now: Callable[[], datetime],
    ) -> None:
        self._users = users
        self._keys = keys
        self._tokens = tokens
        self._file = data_dir / TOKEN_FILE
        self._now = now
        self._told = time.monotonic()

    async def is_open(self) -> bool:
        """Tell whether there is no administrator yet."""
        return not await self._users.has_administrator()

    async def prepare(self) -> None:
        """Write the token file and log where it is, or remove it if setup is closed."""
        if not await self.is_open():
            await self.shut()
            return
        with suppress(ConfigurationError):
            token = read_or_make(self._file, secrets.token_urlsafe(32))
            await self._tokens.keep(f"{socket.gethostname()} {self._file}", token, self._now())
        self._warn()

    async def remind(self) -> None:
        """Repeat the warning every hour while setup is open."""
        due = time.monotonic() - self._told >= _REMIND_EVERY.total_seconds()
        if due and await self.is_open():
            self._warn()

    async def check(self, token: str) -> None:
        """Raise SetupTokenError unless this is the first API key or a setup token."""
        given = token.strip()
        if not (await self._keys.is_first(given) or await self._tokens.knows(given)):
            raise SetupTokenError

    async def shut(self) -> None:
        """Invalidate the tokens, now that there is an administrator."""
        await self._tokens.forget_all()
        with suppress(OSError):
            self._file.unlink(missing_ok=True)

    def _warn(self) -> None:
        self._told = time.monotonic()
        also = f", or the token in the file {self._file}," if self._file.exists() else ""
        logger.warning(
            "This installation has no administrator yet. Who holds its first API key{} can "
            "register as the administrator, in the dashboard or with POST /api/auth/register: "
            "do it before anybody else does",
            also,
        )
