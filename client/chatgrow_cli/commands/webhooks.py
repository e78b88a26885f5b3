"""Manage webhooks."""

import itertools
from pathlib import Path
from typing import Annotated, Optional

import typer

from chatgrow_cli import words
from chatgrow_cli.commands.options import AsJson, Since
from chatgrow_cli.exit_codes import CommandError, WrongUseError
from chatgrow_cli.logins import write_private
from chatgrow_cli.output import Output, local
from chatgrow_cli.session import session_of
from chatgrow_client.models import DeliveryStatus, DeliveryView, TestResult, WebhookView

Webhook = Annotated[str, typer.Argument(help="The webhook's id.")]
Events = Annotated[
    Optional[list[str]],
    typer.Option("--event", help="Only this type of events; repeatable."),
]
_commands = typer.Typer(help="List, create and test webhooks, and see what they were told.")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(_commands, name="webhooks", no_args_is_help=True)


@_commands.command("list")
def list_all(context: typer.Context, as_json: AsJson = False) -> None:
    """List the webhooks."""
    output = Output(as_json)
    with session_of(context).client() as client:
        found = list(client.webhooks.list())
    if as_json:
        output.document(found)
        return
    rows = ((each.id, _state(each), ",".join(each.events), each.url) for each in found)
    output.table(("ID", "STATE", "EVENTS", "URL"), rows)


@_commands.command()
def create(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="Where events are sent to.")],
    event: Events = None,
    connection: Annotated[
        Optional[list[str]],
        typer.Option("--connection", "-c", help="Only of this connection; repeatable."),
    ] = None,
    description: Annotated[Optional[str], typer.Option()] = None,
    secret_file: Annotated[
        Optional[Path],
        typer.Option(help="Write the secret into this new file, which only you may read."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a webhook; its secret is shown only now."""
    output = Output(as_json)
    if secret_file is not None and secret_file.exists():
        raise WrongUseError(f"{secret_file} exists.")
    with session_of(context).client() as client:
        made = client.webhooks.create(
            url, event or ("*",), connection_ids=connection, description=description
        )
    if secret_file is not None:
        write_private(secret_file, made.secret + "\n")
    if as_json:
        output.document(made)
    output.say(f"Created the webhook {made.id}.", "good")
    kept = f"in {secret_file}" if secret_file else f"{made.secret} (shown only now)"
    output.say(f"Its secret: {kept}")


@_commands.command("test")
def try_out(context: typer.Context, webhook: Webhook, as_json: AsJson = False) -> None:
    """Send a test to the receiver, and show what it answered."""
    output = Output(as_json)
    with session_of(context).client() as client:
        result = client.webhooks.test(webhook)
    if as_json:
        output.document(result)
    output.say(_answer(result), "good" if result.delivered else "bad")
    if not result.delivered:
        raise CommandError("The receiver did not take the test.")


@_commands.command()
def deliveries(
    context: typer.Context,
    webhook: Webhook,
    status: Annotated[
        Optional[str], typer.Option(help="Only pending, delivered or failed ones.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List what a webhook was told and is to be told."""
    output = Output(as_json)
    wanted = DeliveryStatus(status) if status else None
    with session_of(context).client() as client:
        listed = client.webhooks.deliveries(webhook, status=wanted, page_size=min(limit, 100))
        found = list(itertools.islice(listed, limit))
    if as_json:
        output.document(found)
        return
    columns = ("ID", "AT", "EVENT", "STATUS", "TRIES", "LAST ANSWER")
    output.table(columns, map(_row, found))


@_commands.command()
def redrive(
    context: typer.Context,
    webhook: Webhook,
    ids: Annotated[
        Optional[list[str]], typer.Option("--id", help="Only this delivery; repeatable.")
    ] = None,
    since: Since = None,
    event: Events = None,
    as_json: AsJson = False,
) -> None:
    """Send again what failed; with --id or --since also what was delivered."""
    output = Output(as_json)
    with session_of(context).client() as client:
        done = client.webhooks.redrive(webhook, ids=ids, since=since, events=event)
    if as_json:
        output.document(done)
    output.say(f"Sent again: {words.number_of(done.redriven, 'event')}.", "good")


def _state(webhook: WebhookView) -> str:
    if not webhook.enabled:
        return f"off ({webhook.disabled_reason or 'by its owner'})"
    if webhook.failing_since:
        return f"failing since {local(webhook.failing_since)}"
    return "on"


def _row(delivery: DeliveryView) -> tuple[str, ...]:
    last = delivery.tries[-1] if delivery.tries else None
    answer = str(last.status_code or last.error or "") if last else ""
    return (
        delivery.id,
        local(delivery.created_at),
        delivery.type,
        str(delivery.status),
        str(len(delivery.tries)),
        answer,
    )


def _answer(result: TestResult) -> str:
    told = f"status {result.status_code}" if result.status_code else str(result.error)
    shown = f": {result.answer}" if result.answer else ""
    return f"The receiver answered with {told} after {result.duration_ms} ms{shown}"
