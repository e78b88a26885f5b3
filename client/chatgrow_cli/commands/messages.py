"""Show messages, and queue failed ones again."""

import itertools
from datetime import datetime
from typing import Annotated, Optional, Union

import typer

from chatgrow_cli import story, words
from chatgrow_cli.commands.options import AsJson, Connection, Since, Until
from chatgrow_cli.exit_codes import WrongUseError
from chatgrow_cli.output import Output, local, short
from chatgrow_cli.session import session_of
from chatgrow_client import Client, WrongDirectionError
from chatgrow_client.models import MessageStatus, MessageView, ReceivedView

_SENT = ("ID", "AT", "FROM", "TO", "STATUS", "TEXT")
_RECEIVED = ("ID", "AT", "TO", "FROM", "TEXT")
_PAGE = 200


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(messages)
    app.command()(retry)


def messages(
    context: typer.Context,
    message: Annotated[Optional[str], typer.Argument(help="Only this one, with its story.")] = None,
    connection: Connection = None,
    status: Annotated[
        Optional[list[str]], typer.Option(help="Only these statuses, such as failed; repeatable.")
    ] = None,
    to: Annotated[Optional[str], typer.Option(help="Only to this recipient.")] = None,
    reference: Annotated[Optional[str], typer.Option(help="Only with this reference.")] = None,
    key: Annotated[Optional[str], typer.Option(help="Only of the request with this key.")] = None,
    received: Annotated[
        bool, typer.Option("--received", help="The messages that came, not those that went.")
    ] = False,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List messages, the newest first; or tell what became of one."""
    output = Output(as_json)
    with session_of(context).client() as client:
        if message is not None:
            _show(output, _found(client, message))
            return
        page = min(limit, _PAGE)
        if received:
            if status or to or reference or key:
                raise WrongUseError("With --received: no --status, --to, --reference and --key.")
            came = client.messages.list_received(
                connection_id=connection, since=since, until=until, page_size=page
            )
            _list_received(output, list(itertools.islice(came, limit)))
            return
        went = client.messages.list(
            connection_id=connection,
            status=[MessageStatus(each) for each in status or ()] or None,
            to=to,
            reference=reference,
            idempotency_key=key,
            since=since,
            until=until,
            page_size=page,
        )
        _list_sent(output, list(itertools.islice(went, limit)))


def retry(
    context: typer.Context,
    message: Annotated[Optional[str], typer.Argument(help="The message.")] = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Also one that is unknown, and may have arrived.")
    ] = False,
    all_failed: Annotated[
        bool, typer.Option("--all", help="All failed messages of a connection.")
    ] = False,
    connection: Connection = None,
    reason: Annotated[Optional[str], typer.Option(help="With --all: that failed for this.")] = None,
    as_json: AsJson = False,
) -> None:
    """Queue a failed message again, or all those of a connection."""
    output, session = Output(as_json), session_of(context)
    if (message is None) != all_failed or (reason and not all_failed):
        raise WrongUseError("Name one message; or give --all, with --reason if you like.")
    with session.client() as client:
        if message is not None:
            queued = client.messages.retry(message, confirm=confirm)
            if as_json:
                output.document(queued)
            output.say(f"{queued.message_id} is {words.status(queued)}.", "good")
            return
        meant = session.connection(client, connection)
        accepted = client.messages.retry_failed(meant, reason=reason)
    if as_json:
        output.document(accepted)
    queued_again = words.number_of(len(accepted.items), "message")
    output.say(f"Queued again: {queued_again} of {meant}.", "good")


def _found(client: Client, message_id: str) -> Union[MessageView, ReceivedView]:
    try:
        return client.messages.get(message_id)
    except WrongDirectionError:
        return client.messages.get_received(message_id)


def _show(output: Output, message: Union[MessageView, ReceivedView]) -> None:
    if output.as_json:
        output.document(message)
        return
    for name, value in story.of(message):
        output.say(f"{name + ':':12}{value}")


def _list_sent(output: Output, found: list[MessageView]) -> None:
    if output.as_json:
        output.document(found)
        return
    rows = (
        (
            each.message_id,
            _time(output, each.queued_at),
            each.connection_id,
            words.person(each.to),
            words.status(each),
            each.text or f"({each.kind})",
        )
        for each in found
    )
    output.table(_SENT, rows)


def _list_received(output: Output, found: list[ReceivedView]) -> None:
    if output.as_json:
        output.document(found)
        return
    rows = (
        (
            each.message_id,
            _time(output, each.timestamp),
            each.connection_id,
            each.sender_name or words.person(each.from_number or each.from_),
            each.text or f"({each.type})",
        )
        for each in found
    )
    output.table(_RECEIVED, rows)


def _time(output: Output, at: datetime) -> str:
    return short(at) if output.is_terminal else local(at)
