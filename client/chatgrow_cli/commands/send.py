"""Send messages: one, or those of a CSV file."""

import base64
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import typer

from chatgrow_cli import words
from chatgrow_cli.commands.options import AsJson, Connection, Timeout
from chatgrow_cli.csv_files import Chunk, CsvFile, read_csv
from chatgrow_cli.exit_codes import ExitCode, WrongUseError
from chatgrow_cli.output import Output, local
from chatgrow_cli.sending import FileSender, Forecast, Priority, Sent, Wanted, counted, wait_for_all
from chatgrow_cli.session import session_of
from chatgrow_cli.values import coming_moment
from chatgrow_client import Client, ForbiddenError
from chatgrow_client.models import Accepted, MediaKind, MediaRequest, MessageRequest, MessageView

_REPEATABLE = 16 * 1024 * 1024
"""A file up to this size is put into the request if that has a key, so that it repeats exactly."""
_PREVIEWED = 5


_Kind = Literal["image", "video", "audio", "voice", "document", "sticker"]


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(send)


def send(
    context: typer.Context,
    to: Annotated[Optional[str], typer.Argument(help="A number, or a WhatsApp id.")] = None,
    text: Annotated[
        Optional[str], typer.Argument(help="The text; without it, or as -, from standard input.")
    ] = None,
    connection: Connection = None,
    file: Annotated[
        Optional[Path], typer.Option(help="Send a file; the text is its caption.", exists=True)
    ] = None,
    kind: Annotated[Optional[_Kind], typer.Option("--as", help="Send the file as this.")] = None,
    csv: Annotated[
        Optional[str],
        typer.Option(help="Send the messages of a CSV file with columns to, text …; - for input."),
    ] = None,
    ignore_columns: Annotated[
        bool, typer.Option("--ignore-columns", help="Leave out unknown columns of the CSV file.")
    ] = False,
    reply_to: Annotated[Optional[str], typer.Option(help="The message that is quoted.")] = None,
    reference: Annotated[Optional[str], typer.Option(help="Your own name for it.")] = None,
    priority: Annotated[Optional[Priority], typer.Option()] = None,
    send_at: Annotated[
        Optional[datetime],
        typer.Option(parser=coming_moment, metavar="TIME", help="Not before this time (or 2h)."),
    ] = None,
    expires_at: Annotated[
        Optional[datetime],
        typer.Option(parser=coming_moment, metavar="TIME", help="Not after this time (or 2h)."),
    ] = None,
    key: Annotated[
        Optional[str], typer.Option(help="The Idempotency-Key: sent once under the same key.")
    ] = None,
    wait: Annotated[Optional[Wanted], typer.Option(help="Wait until it is so far.")] = None,
    timeout: Timeout = timedelta(minutes=2),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell when it would go; send nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Send a file without asking.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send a text or a file, or the messages of a CSV file, each of them once.

    The same CSV file is sent once, however often it is given.
    """
    output, session = Output(as_json), session_of(context)
    if csv is not None:
        _require_nothing_of_one(to, text, file, reply_to, send_at, expires_at)
        read = read_csv(_content(csv), ignore_columns)
        with session.client() as client:
            sender = FileSender(client, session.connection(client, connection), priority, reference)
            if _may_send_file(output, sender, read, key, dry_run=dry_run, yes=yes):
                _send_file(output, sender, read, key, wait, timeout)
        return
    if to is None:
        raise WrongUseError("Say to whom: chatgrow send TO TEXT, or chatgrow send --csv FILE.")
    one: dict[str, Any] = {
        "to": to,
        "message": _text(text, needed=file is None),
        "reply_to": reply_to,
        "reference": reference,
        "priority": priority,
        "send_at": send_at,
        "expires_at": expires_at,
    }
    with session.client() as client:
        connection_id = session.connection(client, connection)
        if dry_run:
            _forecast_one(output, client, connection_id, one)
            return
        if file is not None:
            one["media"] = _media(client, file, kind, key)
        accepted = client.messages.send(connection_id, **one, idempotency_key=key)
        _finish_one(output, client, accepted, wait, timeout)


def _require_nothing_of_one(*given: object) -> None:
    if any(each is not None for each in given):
        raise WrongUseError(
            "With --csv, the file says to whom, what and when: leave out TO, TEXT, --file, "
            "--reply-to, --send-at and --expires-at."
        )


def _text(text: Optional[str], *, needed: bool) -> Optional[str]:
    if text == "-" or (text is None and needed):
        if text is None and sys.stdin.isatty():
            raise WrongUseError("There is no text: chatgrow send TO TEXT, or give it as input.")
        text = _typed().removeprefix("\ufeff").rstrip("\n")
    if needed and not text:
        raise WrongUseError("The text is empty.")
    return text


def _typed() -> str:
    """Return what standard input has; raise WrongUseError for what is no text."""
    try:
        text = sys.stdin.read()
        text.encode()  # Python may have kept bytes that are no text as halves of characters
    except UnicodeError:
        raise WrongUseError("What came from standard input is not UTF-8.") from None
    return text


def _content(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _media(client: Client, file: Path, kind: Optional[_Kind], key: Optional[str]) -> MediaRequest:
    """Return the file for a request; with a key, the same one for each repetition."""
    shown = {"filename": file.name, "as_": MediaKind(kind) if kind else None}
    if key is None:
        return MediaRequest.of(media_id=client.media.upload(file).media_id, **shown)
    if file.stat().st_size <= _REPEATABLE:
        content = base64.b64encode(file.read_bytes()).decode()
        return MediaRequest.of(base64=content, **shown)
    media_id = _sent_before(client, file, key) or client.media.upload(file).media_id
    return MediaRequest.of(media_id=media_id, **shown)


def _sent_before(client: Client, file: Path, key: str) -> Optional[str]:
    """Return the upload that was sent under this key, if its name and size are those of the file.

    Uploaded anew, it would be another file, and the API would refuse the key.
    """
    try:
        earlier = next(iter(client.messages.list(idempotency_key=key, page_size=1)), None)
    except ForbiddenError:  # a key that may not read
        return None
    media = earlier.media if earlier else None
    same = media is not None and (media.filename, media.size) == (file.name, file.stat().st_size)
    return media.media_id if media and same else None


def _finish_one(
    output: Output, client: Client, accepted: Accepted, wanted: Optional[Wanted], timeout: timedelta
) -> None:
    if wanted is None:
        if output.as_json:
            output.document(accepted)
        waits = f": {words.waiting(accepted.waiting)}" if accepted.waiting else ""
        output.say(f"Accepted as {accepted.message_id}, {accepted.status}{waits}.", "good")
        return
    output.say(f"Accepted as {accepted.message_id}; waiting until it is {wanted} …")
    message = client.messages.wait_until(accepted, wanted, timeout=timeout)
    if output.as_json:
        output.document(message)
    output.say(f"{words.status(message).capitalize()}.", "good")


def _forecast_one(output: Output, client: Client, connection_id: str, one: dict[str, Any]) -> None:
    asked = MessageRequest.of(**{**one, "message": one["message"] or "a file"})
    found = client.messages.forecast(connection_id, [asked])
    _tell_forecast(output, Forecast(found.count, found.first_at, found.last_at))


def _may_send_file(
    output: Output,
    sender: FileSender,
    read: CsvFile,
    key: Optional[str],
    *,
    dry_run: bool,
    yes: bool,
) -> bool:
    """Have the API look at what is new, show it, and ask; tell whether it is to be sent."""
    new = []
    for chunk in read.chunks(sender.connection_id, key):
        if before := sender.sent_before(chunk):
            _tell_sent_before(output, chunk, before)
        else:
            new.append(chunk)
    found = sender.forecast(new)
    if not output.as_json:
        _preview(output, read)
    if dry_run or not output.as_json:
        _tell_forecast(output, found)
    if dry_run or yes or not new:
        return not dry_run
    if not sys.stdin.isatty():
        raise WrongUseError("Nobody can be asked here: look with --dry-run, send with --yes.")
    messages = words.number_of(found.count, "message")
    question = f"Send {messages} over {sender.connection_id}?"
    return typer.confirm(question, abort=True, err=True)


def _tell_sent_before(output: Output, chunk: Chunk, at: datetime) -> None:
    first, last = chunk.lines[0].number, chunk.lines[-1].number
    if first == last:
        output.note(f"Line {first} was accepted at {local(at)}; it is not sent again.")
    else:
        lines = f"Lines {first} to {last}"
        output.note(f"{lines} were accepted at {local(at)}; they are not sent again.")


def _send_file(
    output: Output,
    sender: FileSender,
    read: CsvFile,
    key: Optional[str],
    wanted: Optional[Wanted],
    timeout: timedelta,
) -> None:
    sent: list[Sent] = []
    for chunk in read.chunks(sender.connection_id, key):
        sent += sender.send(chunk)
    code = ExitCode.DONE
    if wanted is not None:
        sent, code = wait_for_all(sender.client, sent, wanted, timeout)
    if output.as_json:
        told = {"connectionId": sender.connection_id, "messages": [each.to_json() for each in sent]}
        output.document(told)
    output.say(f"{words.number_of(len(sent), 'message')}: {counted(sent)}.")
    if code is not ExitCode.DONE:
        _tell_missing(output, sent)
        raise typer.Exit(code)


def _tell_missing(output: Output, sent: list[Sent]) -> None:
    for each in sent:
        if isinstance(each.message, MessageView) and each.message.failed_at:
            output.note(f"Line {each.line.number}: {words.status(each.message)}")


def _preview(output: Output, read: CsvFile) -> None:
    rows = [
        (str(each.number), each.message.to, each.message.message or "(a file)")
        for each in read.lines[:_PREVIEWED]
    ]
    output.table(("LINE", "TO", "TEXT"), rows)
    if (more := len(read.lines) - _PREVIEWED) > 0:
        output.say(f"… and {more} more")


def _tell_forecast(output: Output, found: Forecast) -> None:
    if output.as_json:
        output.document({"count": found.count, "firstAt": found.first_at, "lastAt": found.last_at})
        return
    if found.count == 0:
        output.say("Nothing is new.")
        return
    what = words.number_of(found.count, "message")
    if found.first_at is None or found.last_at is None:
        output.say(f"{what}, after many others: there is no estimate.")
    elif found.first_at == found.last_at:
        output.say(f"{what}, expected to go at {local(found.first_at)}.")
    else:
        span = f"between {local(found.first_at)} and {local(found.last_at)}"
        output.say(f"{what}, expected to go {span}.")
