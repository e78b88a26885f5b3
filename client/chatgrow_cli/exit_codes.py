"""How a command ends: its exit code, and the line that says why."""

from __future__ import annotations

from enum import IntEnum

from pydantic import ValidationError

from chatgrow_client import (
    ChatGrowError,
    ForbiddenError,
    NoAnswerError,
    ProblemError,
    RequestError,
    UnauthorizedError,
    UnavailableError,
    UnexpectedAnswerError,
    WaitTimeoutError,
)


class ExitCode(IntEnum):
    """The exit codes; `docs/cli.md` explains them to users."""

    DONE = 0
    REFUSED = 1
    """The API refused, or what was asked for failed."""
    WRONG_USE = 2
    """An option, a file or a value cannot be right; nothing was asked of the API."""
    NOT_REACHED = 3
    """The API gave no answer, or a part of it is away."""
    NOT_ALLOWED = 4
    """There is no key, it is wrong, or it may not do this."""
    NOT_IN_TIME = 5
    """What was waited for was not there in time."""
    BUG = 70
    INTERRUPTED = 130
    """Ctrl-C."""
    PIPE_CLOSED = 141
    """Whoever read the output went away."""


class CommandError(Exception):
    """A command cannot go on; its text is for the user."""

    def __init__(self, text: str, code: ExitCode = ExitCode.REFUSED) -> None:
        super().__init__(text)
        self.code = code


class WrongUseError(CommandError):
    """What the user gave cannot be right."""

    def __init__(self, text: str) -> None:
        super().__init__(text, ExitCode.WRONG_USE)


_CODES: tuple[tuple[type[Exception], ExitCode], ...] = (
    (UnauthorizedError, ExitCode.NOT_ALLOWED),
    (ForbiddenError, ExitCode.NOT_ALLOWED),
    (UnavailableError, ExitCode.NOT_REACHED),
    (NoAnswerError, ExitCode.NOT_REACHED),
    (UnexpectedAnswerError, ExitCode.NOT_REACHED),
    (WaitTimeoutError, ExitCode.NOT_IN_TIME),
    (ChatGrowError, ExitCode.REFUSED),
    (ValidationError, ExitCode.WRONG_USE),
    (ValueError, ExitCode.WRONG_USE),
    (OSError, ExitCode.WRONG_USE),
)
"""The first that fits decides."""


def code_of(error: Exception) -> ExitCode:
    """Return the exit code for an error."""
    if isinstance(error, CommandError):
        return error.code
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.BUG)


def line_of(error: Exception) -> str:
    """Return one line that says what is wrong, and where it helps what to do."""
    if isinstance(error, ValidationError):
        return "; ".join(_field(each["loc"], each["msg"]) for each in error.errors()[:_MOST])
    if code_of(error) is ExitCode.BUG:
        return f"this is a fault of chatgrow: {error!r} (--verbose shows where)"
    return " ".join(f"{_told(error)} {_advice(error)}".split())


_MOST = 5


def _field(place: tuple[int | str, ...], message: str) -> str:
    return ": ".join(filter(None, (".".join(map(str, place)), message)))


def _told(error: Exception) -> str:
    if isinstance(error, ProblemError):
        wrong = "; ".join(f"{each.field}: {each.message}" for each in error.errors[:_MOST])
        more = len(error.errors) - _MOST
        return f"{error.detail} {wrong}{f' and {more} more' if more > 0 else ''} ({error.code})"
    return str(error) or type(error).__name__


def _advice(error: Exception) -> str:
    if isinstance(error, UnauthorizedError):
        return "Log in with `chatgrow login`, or set CHATGROW_KEY."
    if isinstance(error, ProblemError) and error.retry_after is not None:
        return f"Try again in {error.retry_after.total_seconds():.0f} s."
    if isinstance(error, NoAnswerError):
        return "`chatgrow doctor` looks for the cause."
    return ""


def key_of(error: Exception) -> str | None:
    """Return the Idempotency-Key under which a request may have been done all the same."""
    if not isinstance(error, RequestError) or code_of(error) is not ExitCode.NOT_REACHED:
        return None
    return error.idempotency_key
