"""Log in and out."""

import platform
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Optional

import httpx
import typer

from chatgrow_cli.commands.options import AsJson
from chatgrow_cli.exit_codes import CommandError, WrongUseError
from chatgrow_cli.logins import KEY, URL, Login
from chatgrow_cli.output import Output, note
from chatgrow_cli.session import Session, session_of
from chatgrow_client import ChatGrowError, Client
from chatgrow_client.models import Me, NewApiKey, Role, Scope

_SCOPES = (Scope.SEND, Scope.READ, Scope.MANAGE, Scope.BUSINESS)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(login)
    app.command()(logout)


def login(
    context: typer.Context,
    url: Annotated[Optional[str], typer.Argument(help="The API's address.")] = None,
    email: Annotated[
        Optional[str], typer.Option(help="Sign in with a password, which makes a key.")
    ] = None,
    key_file: Annotated[
        Optional[str], typer.Option(help="The file with the key; - for standard input.")
    ] = None,
    password_file: Annotated[
        Optional[str], typer.Option(help="The file with the password; - for standard input.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Log in with an API key, or with an e-mail address and a password.

    The key is kept in a file that only you may read. With a password, a key is made for this
    machine; the password is not kept.
    """
    session = session_of(context)
    before = _kept(session)
    address = _address(url or session.environ.get(URL), before)
    if email is None:
        made = Login(address, _secret("API key", key_file))
    else:
        made = _made_key(session, address, email, _secret("Password", password_file))
    with session.client_for(made.url, made.key) as client:
        me = client.account.me()
    session.logins.write(made)
    if before and before.key_id and before.key != made.key:
        _revoke(session, before)
    _tell(Output(as_json), session, made, me)


def logout(context: typer.Context, as_json: AsJson = False) -> None:
    """Forget the login; a key that the login made is revoked."""
    session, output = session_of(context), Output(as_json)
    kept = _kept(session)
    revoked = _revoke(session, kept) if kept and kept.key_id else None
    if kept is None:
        note("You were not logged in.")
    elif revoked is False:
        note(f"The key {kept.key_id} could not be revoked; it is still in the list of keys.")
    session.logins.remove()
    if as_json:
        told = {"loggedOut": kept is not None, "url": kept and kept.url, "keyRevoked": revoked}
        output.document(told)
    elif kept:
        output.say("Logged out.")


def _kept(session: Session) -> Optional[Login]:
    """Return the login that was kept; one that cannot be read is none, and is replaced."""
    try:
        return session.logins.read()
    except CommandError:
        return None


def _address(given: Optional[str], before: Optional[Login]) -> str:
    if given is None:
        if not sys.stdin.isatty():
            raise WrongUseError("Say the address: chatgrow login https://chatgrow.example.com")
        given = str(typer.prompt("Address of the API", default=before.url if before else None))
    if "://" not in given:
        given = f"{'http' if _is_here(f'http://{given}') else 'https'}://{given}"
    return given.rstrip("/")


def _secret(name: str, file: Optional[str]) -> str:
    """Ask for a secret, or read it; it is never an argument, which other users could see."""
    if file == "-" or (file is None and not sys.stdin.isatty()):
        read = sys.stdin.readline()
    elif file is not None:
        read = Path(file).read_text(encoding="utf-8-sig")
    else:
        read = str(typer.prompt(name, hide_input=True, err=True))
    if not read.strip():
        raise WrongUseError(f"The {name} is empty.")
    return read.strip("\r\n") if name == "Password" else read.strip()


def _made_key(session: Session, address: str, email: str, password: str) -> Login:
    """Sign in, and make a key for this machine; the sign-in ends again."""
    with session.client_for(address) as client:
        signed_in = client.account.login(email, password)
    with session.client_for(address, access_token=signed_in.access_token) as client:
        try:
            return _create_key(client, address, signed_in.user.role)
        finally:
            with suppress(ChatGrowError):
                client.account.logout()


def _create_key(client: Client, address: str, role: Role) -> Login:
    name = f"chatgrow on {platform.node() or 'a machine'}"[:64]
    all_owners = role == Role.ADMIN
    wanted = NewApiKey(name=name, scopes=list(_SCOPES), all_owners=all_owners)
    created = client.api_keys.create(wanted)
    return Login(address, created.key, created.id)


def _revoke(session: Session, login: Login) -> bool:
    """Revoke the key that a login made; tell whether that worked."""
    try:
        with session.client_for(login.url, login.key) as client:
            client.api_keys.revoke(login.key_id or "")
    except ChatGrowError:
        return False
    return True


def _tell(output: Output, session: Session, login: Login, me: Me) -> None:
    if output.as_json:
        told = {"url": login.url, "owner": me.owner, "role": me.role, "scopes": me.scopes}
        output.document({**told, "file": str(session.logins.path)})
    scopes = ", ".join(map(str, me.scopes))
    output.say(f"Logged in to {login.url} as {me.role} ({scopes}).", "good")
    output.say(f"The key is in {session.logins.path}; only you may read that file.")
    if login.url.startswith("http://") and not _is_here(login.url):
        note("The address is http://, so everybody on the way can read the key.")
    if session.environ.get(KEY):
        note(f"{KEY} is set, and wins over this login.")


def _is_here(url: str) -> bool:
    """Tell whether an address is on this machine, so that nobody is on the way."""
    try:
        host = httpx.URL(url).host
    except httpx.InvalidURL:
        return False
    return host in ("localhost", "::1") or host.startswith("127.")
