"""What every command uses: the login, a client, and the connection that is meant."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
import typer

from chatgrow_cli.exit_codes import CommandError, WrongUseError
from chatgrow_cli.logins import Login, LoginFile, login_for
from chatgrow_client import Client, RetryPolicy

CONNECTION = "CHATGROW_CONNECTION"
_RETRIES = RetryPolicy(within=timedelta(seconds=20))
"""Somebody waits at the terminal; what is worth more patience can be repeated with its key."""


def _folder() -> Path:
    return Path(typer.get_app_dir("chatgrow"))


@dataclass(frozen=True)
class Session:
    """The surroundings of a command."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    folder: Path = field(default_factory=_folder)
    owner: str | None = None
    verbose: bool = False
    retries: RetryPolicy = _RETRIES
    transport: httpx.BaseTransport | None = None

    @property
    def logins(self) -> LoginFile:
        """Where the login is kept."""
        return LoginFile(self.folder)

    def login(self) -> Login:
        """Return the login; raise CommandError if there is none."""
        return login_for(self.environ, self.logins)

    def client(self) -> Client:
        """Return a client for the login."""
        login = self.login()
        return self.client_for(login.url, login.key)

    def client_for(
        self, url: str, key: str | None = None, *, access_token: str | None = None
    ) -> Client:
        """Return a client for an address; raise WrongUseError if it is none."""
        if key is not None and not (key.isascii() and key.isprintable()):
            raise WrongUseError("A key has only ASCII letters, digits and signs: look at yours.")
        return Client(
            url,
            key,
            access_token=access_token,
            owner=self.owner,
            retries=self.retries,
            transport=self.transport,
        )

    def with_options(self, *, owner: str | None, verbose: bool) -> Session:
        """Return the same with the options of the whole command line."""
        return dataclasses.replace(self, owner=owner, verbose=verbose)

    def connection(self, client: Client, named: str | None) -> str:
        """Return the connection that is meant: the one that is named, or the only one."""
        chosen = named or self.environ.get(CONNECTION)
        if chosen:
            return chosen
        found = [each.connection_id for each in itertools.islice(client.connections.list(), 11)]
        if len(found) == 1:
            return found[0]
        if not found:
            raise CommandError("There is no connection yet: `chatgrow link NAME` creates one.")
        shown = ", ".join(found[:10]) + (" …" if len(found) > 10 else "")
        raise WrongUseError(f"Say which connection, with --connection or {CONNECTION}: {shown}.")


def session_of(context: typer.Context) -> Session:
    """Return the session of a running command."""
    return context.ensure_object(Session)
