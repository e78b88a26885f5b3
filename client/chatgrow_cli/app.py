"""The command line as a whole: its options, its commands, and how it ends."""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Optional

import typer
from typer.core import TyperGroup

from chatgrow_cli.commands import (
    connections,
    doctor,
    follow,
    link,
    listen,
    login,
    messages,
    send,
    webhooks,
)
from chatgrow_cli.exit_codes import ExitCode, code_of, key_of, line_of
from chatgrow_cli.output import note
from chatgrow_cli.session import Session
from chatgrow_client import __version__


class _Commands(TyperGroup):
    """Ends each command with its exit code, and an error with one line and no traceback."""

    def main(
        self,
        args: Optional[Sequence[str]] = None,
        prog_name: Optional[str] = None,
        complete_var: Optional[str] = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line."""
        given = (args, prog_name, complete_var, False, windows_expand_args)
        code = _ended(lambda: super(_Commands, self).main(*given, **extra))
        if standalone_mode:
            sys.exit(code)
        return code

    def invoke(self, ctx: Any) -> Any:
        """Run a command; Typer would end a closed pipe by itself, in another way."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _give_up_output()
            raise typer.Exit(ExitCode.PIPE_CLOSED) from None
        except KeyboardInterrupt:
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        return result


def _ended(run: Callable[[], Any]) -> int:
    try:
        result = run()
    except typer.Abort:
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001  whatever it is, the user gets one line
        return _told(error)
    return result if isinstance(result, int) else ExitCode.DONE


def _told(error: Exception) -> int:
    # An error of usage; its class has another place in other versions of Typer.
    if format_message := getattr(error, "format_message", None):
        # Without arguments the help itself is shown, and nothing is to be said.
        if told := format_message().replace("Value error, ", ""):
            note(f"{told} (--help shows how it is used)")
        return ExitCode.WRONG_USE
    if code_of(error) is ExitCode.BUG:
        logging.getLogger(__name__).debug("A fault of chatgrow:", exc_info=error)
    note(line_of(error))
    if key := key_of(error):
        note(f"It may have been done. Repeat it with --key {key}, and it is done once.")
    return code_of(error)


def _give_up_output() -> None:
    """Let Python end without a word about output that nobody reads."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = None  # it is no file of the system


app = typer.Typer(
    name="chatgrow",
    cls=_Commands,
    help="Link a phone to ChatGrow, send WhatsApp messages, and see what becomes of them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"chatgrow {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    owner: Annotated[
        Optional[str],
        typer.Option(help="Whose connections are meant, by e-mail or id; for administrators."),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Tell of repeated requests and of errors.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Take the options that all commands have in common."""
    session = context.obj if isinstance(context.obj, Session) else Session()
    context.obj = session.with_options(owner=owner, verbose=verbose)
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            # A terminal that knows no Hebrew shows question marks.
            reconfigure(errors="replace")
    if verbose:
        logging.basicConfig(level=logging.DEBUG, format="chatgrow: %(message)s", force=True)
        logging.getLogger("httpcore").setLevel(logging.WARNING)


for command in (login, connections, link, send, messages, follow, webhooks, listen, doctor):
    command.add_to(app)
