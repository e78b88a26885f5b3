"""Show the connections."""

from typing import Annotated, Optional

import typer

from chatgrow_cli import words
from chatgrow_cli.commands.options import AsJson
from chatgrow_cli.output import Output, local
from chatgrow_cli.session import session_of
from chatgrow_client.models import ConnectionState, ConnectionView

_COLUMNS = ("ID", "STATE", "NUMBER", "WAITING", "WHO ACTS NOW", "NAME", "WHY")
_FOLDED = ("WHO ACTS NOW", "NAME", "WHY")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(connections)


def connections(
    context: typer.Context,
    connection: Annotated[Optional[str], typer.Argument(help="Only this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the connections: how they are, and who acts next."""
    output = Output(as_json)
    with session_of(context).client() as client:
        if connection is not None:
            _show(output, client.connections.get(connection))
            return
        found = list(client.connections.list())
    if as_json:
        output.document(found)
    elif not found:
        output.note("There is no connection yet: `chatgrow link NAME` creates one.")
    else:
        output.table(_COLUMNS, map(_row, found), _FOLDED)


def _row(connection: ConnectionView) -> tuple[str, ...]:
    return (
        connection.connection_id,
        words.state(connection.state),
        connection.phone_number or "",
        str(connection.queue.queued),
        _who(connection),
        connection.name,
        words.why(connection),
    )


def _who(connection: ConnectionView) -> str:
    # A connected one needs nobody: a dash says it at a glance.
    connected = connection.state == ConnectionState.CONNECTED
    return "-" if connected else words.actor(connection.acts_next)


def _show(output: Output, connection: ConnectionView) -> None:
    if output.as_json:
        output.document(connection)
        return
    page = connection.page.version if connection.page else None
    told = {
        "id": connection.connection_id,
        "name": connection.name,
        "state": f"{words.state(connection.state)}, since {local(connection.since)}",
        "why": words.why(connection),
        "who acts now": words.actor(connection.acts_next),
        "number": connection.phone_number or "none",
        "waiting": words.number_of(connection.queue.queued, "message"),
        "longest wait since": local(connection.queue.oldest_queued_at),
        "worker": connection.worker or "none",
        "page": page or "unknown",
        "may be asked": ", ".join(map(str, connection.allowed_commands)),
    }
    for name, value in told.items():
        if value:
            output.say(f"{name + ':':20}{value}")
