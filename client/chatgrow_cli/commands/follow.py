"""Follow events as they happen."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Optional

import typer

from chatgrow_cli import event_lines
from chatgrow_cli.commands.options import AsJson
from chatgrow_cli.output import Output, local, note
from chatgrow_cli.session import session_of
from chatgrow_client import EventStream


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(follow)


def follow(
    context: typer.Context,
    connection: Annotated[Optional[str], typer.Argument(help="Only of this connection.")] = None,
    kind: Annotated[
        Optional[list[str]],
        typer.Option("--type", help="Only events that begin so, such as message; repeatable."),
    ] = None,
    after: Annotated[
        Optional[str], typer.Option(help="Go on behind the event with this id.")
    ] = None,
    resume: Annotated[
        Optional[Path],
        typer.Option(help="Keep the last event's id in this file, and go on there next time."),
    ] = None,
    count: Annotated[Optional[int], typer.Option(min=1, help="End after so many events.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print events as they happen; a cut line is made again, and nothing is missed."""
    output, session = Output(as_json), session_of(context)
    last = after or _kept(resume)
    with session.client() as client, _told_of_cuts():
        # Later the line may be away for as long as it likes, but it has to be there at first.
        client.service.about()
        with client.events.follow(connection, last_event_id=last) as events:
            try:
                _print(output, events, tuple(kind or ("",)), count, resume)
            finally:
                _keep(resume, events.last_event_id)


def _print(
    output: Output,
    events: EventStream,
    kinds: tuple[str, ...],
    count: Optional[int],
    resume: Optional[Path],
) -> None:
    shown = 0
    for event in events:
        if str(event.type).startswith(kinds) or event.is_gap:
            shown += 1
            if output.as_json:
                output.line(event_lines.json_of(event))
            at = event.timestamp or datetime.now(timezone.utc)
            output.say(f"{local(at)}  {event_lines.line_of(event)}")
        _keep(resume, event.id)
        if shown == count:
            return


def _kept(file: Optional[Path]) -> Optional[str]:
    if file is None or not file.exists():
        return None
    return file.read_text(encoding="utf-8").strip() or None


def _keep(file: Optional[Path], event_id: str) -> None:
    """Keep the id in a file, which is never half written."""
    if file is None or not event_id:
        return
    partial = file.with_name(f".{file.name}.part")
    partial.write_text(event_id + "\n", encoding="utf-8")
    partial.replace(file)


class _Notes(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        note(record.getMessage())


@contextmanager
def _told_of_cuts() -> Iterator[None]:
    """Tell the user when the client connects again."""
    log, notes = logging.getLogger("chatgrow_client"), _Notes(logging.INFO)
    level = log.level
    log.addHandler(notes)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(notes)
        log.setLevel(level)
