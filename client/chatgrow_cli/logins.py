"""Where `chatgrow login` keeps the address and the key: a file that only its user may read."""

from __future__ import annotations

import json
import os
import stat
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from chatgrow_cli.exit_codes import CommandError, ExitCode

URL, KEY = "CHATGROW_URL", "CHATGROW_KEY"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_NONE = "You are not logged in: run `chatgrow login`, or set CHATGROW_URL and CHATGROW_KEY."
_OTHER_ADDRESS = (
    "CHATGROW_URL names another server than the one that you logged in to, and its key is not for "
    "that one: set CHATGROW_KEY, too."
)


@dataclass(frozen=True)
class Login:
    """The address of an API and a key for it.

    `key_id` is that of a key which the login created for itself, and which the logout revokes.
    """

    url: str
    key: str
    key_id: str | None = None


class LoginFile:
    """The login that is kept between commands."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "login.json"

    def read(self) -> Login | None:
        """Return the login, or None if there is none; raise CommandError if it is unreadable."""
        try:
            return Login(**json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise CommandError(f"{self.path} cannot be read ({error}): log in again.") from error

    def write(self, login: Login) -> None:
        """Keep a login in place of the one before."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex}")
        write_private(partial, json.dumps(asdict(login)))
        partial.replace(self.path)

    def remove(self) -> None:
        """Forget the login."""
        self.path.unlink(missing_ok=True)

    def is_open_to_others(self) -> bool:
        """Tell whether other users of this machine may read the file."""
        return (
            os.name == "posix" and self.path.exists() and bool(self.path.stat().st_mode & _OTHERS)
        )


def write_private(path: Path, text: str) -> None:
    """Write a new file that only its user may read; raise FileExistsError if there is one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)


def login_for(environ: Mapping[str, str], file: LoginFile) -> Login:
    """Return the login that counts: what the environment says wins over the file.

    The key in the file is only ever sent to the address that it was given for.
    """
    url, key = environ.get(URL), environ.get(KEY)
    if url and key:
        return Login(url, key)
    kept = file.read()
    if kept is None:
        raise CommandError(_NONE, ExitCode.NOT_ALLOWED)
    if url and url.rstrip("/") != kept.url.rstrip("/"):
        raise CommandError(_OTHER_ADDRESS, ExitCode.NOT_ALLOWED)
    return Login(kept.url, key) if key else kept
