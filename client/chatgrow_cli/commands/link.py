"""Link a phone."""

from datetime import timedelta
from typing import Annotated, Optional

import typer

from chatgrow_cli import link_screen
from chatgrow_cli.commands.options import AsJson, Timeout
from chatgrow_cli.linking import Linking
from chatgrow_cli.output import Output
from chatgrow_cli.session import session_of


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(link)


def link(
    context: typer.Context,
    connection: Annotated[str, typer.Argument(help="The connection's id; it is created.")],
    phone: Annotated[
        Optional[str], typer.Option(help="Link by a pairing code for this number.")
    ] = None,
    name: Annotated[Optional[str], typer.Option(help="The name of a new connection.")] = None,
    timeout: Timeout = timedelta(minutes=5),
    as_json: AsJson = False,
) -> None:
    """Link a phone by a QR code here, or by a pairing code; ends when it is connected.

    A connection that is not there is created.
    """
    output = Output(as_json)
    with session_of(context).client() as client:
        linking = Linking(client, connection, phone, timeout)
        if linking.create(name):
            output.say(f"Created the connection {connection}.")
        link_screen.show(output, linking.sights())
        number = client.connections.status(connection).phone_number
    output.say(f"Connected: {connection} sends as {number or 'the linked phone'}.", "good")
