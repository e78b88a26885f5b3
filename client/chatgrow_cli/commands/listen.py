"""Receive webhooks on this machine, to see what comes."""

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from chatgrow_cli import event_lines
from chatgrow_cli.commands.options import AsJson
from chatgrow_cli.exit_codes import WrongUseError
from chatgrow_cli.output import Output, local
from chatgrow_cli.receiver import Arrival, Receiver
from chatgrow_cli.session import Session, session_of
from chatgrow_client.webhook_signatures import signing_key

SECRET = "CHATGROW_WEBHOOK_SECRET"  # noqa: S105  the name of a variable


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(listen)


def listen(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    secret_file: Annotated[
        Optional[Path], typer.Option(help="The file with the webhook's secret, or several.")
    ] = None,
    count: Annotated[Optional[int], typer.Option(min=1, help="End after so many events.")] = None,
    as_json: AsJson = False,
) -> None:
    """Receive webhooks, verify their signatures, and print what they tell.

    The secret is that of the webhook, in CHATGROW_WEBHOOK_SECRET, a file, or typed.
    """
    output, shown = Output(as_json), 0
    with Receiver((host, port), _secrets(session_of(context), secret_file)) as server:
        output.note(f"Listening at {server.address}; Ctrl-C ends it.")
        for arrival in server.arrivals():
            _tell(output, arrival)
            shown += arrival.event is not None
            if shown == count:
                return


def _tell(output: Output, arrival: Arrival) -> None:
    if arrival.event is None:
        output.note(f"Refused: {arrival.refused}")
        return
    if output.as_json:
        output.line({**event_lines.json_of(arrival.event), "repeated": arrival.again})
    again = "  (again)" if arrival.again else ""
    output.say(f"{local(arrival.event.timestamp)}  {event_lines.line_of(arrival.event)}{again}")


def _secrets(session: Session, file: Optional[Path]) -> list[str]:
    if file is not None:
        found = file.read_text(encoding="utf-8-sig").split()
    elif session.environ.get(SECRET):
        found = session.environ[SECRET].split()
    elif sys.stdin.isatty():
        found = typer.prompt("Secret of the webhook", hide_input=True, err=True).split()
    else:
        found = sys.stdin.readline().split()
    if not found:
        raise WrongUseError(f"There is no secret: set {SECRET}, or give --secret-file.")
    for each in found:
        _require_secret(each)
    return found


def _require_secret(given: str) -> None:
    try:
        signing_key(given)
    except ValueError as error:
        raise WrongUseError(str(error)) from error
