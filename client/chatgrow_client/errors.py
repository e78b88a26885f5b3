"""The errors that this package raises, all of them a `ChatGrowError`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chatgrow_client.models import FieldProblem, MessageView, ProblemCode, StatusView


class ChatGrowError(Exception):
    """The base of all errors of this package."""


class RequestError(ChatGrowError):
    """A request that did not succeed.

    `idempotency_key` is the key under which it was sent, if it had one: repeat the request with
    it, now or tomorrow, and nothing is done twice. `tries` is how often it was sent.
    `maybe_done` tells whether an earlier try, whose answer was lost, may have been done.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.idempotency_key: str | None = None
        self.tries = 1
        self.maybe_done = False

    def __str__(self) -> str:
        text = super().__str__()
        return f"{text} (after {self.tries} tries)" if self.tries > 1 else text


class NoAnswerError(RequestError):
    """The API gave no answer: there is no connection, it was cut, or the time was over.

    Whether the request was done is not known, unless `done_nothing` says that it never arrived.
    """

    def __init__(self, text: str, *, done_nothing: bool = False) -> None:
        super().__init__(text)
        self.done_nothing = done_nothing


class UnexpectedAnswerError(RequestError):
    """The answer is not one of this API's, such as the page of a proxy."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class ProblemError(RequestError):
    """An error that the API answered with: a problem of RFC 9457.

    `code` is stable, and the thing to compare. `errors` names each field that is wrong.
    `retry_after` is how long to wait before another try, where waiting helps. `members` has
    whatever else the problem tells, such as the `state` of a connection.
    """

    def __init__(
        self,
        status: int,
        code: ProblemCode,
        detail: str,
        *,
        title: str = "",
        errors: Sequence[FieldProblem] = (),
        retry_after: timedelta | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        wrong = "".join(f"\n  {each.field}: {each.message}" for each in errors)
        super().__init__(f"{status} {code}: {detail}{wrong}")
        self.status = status
        self.code = code
        self.detail = detail
        self.title = title
        self.errors = tuple(errors)
        self.retry_after = retry_after
        self.members = dict(members or {})


class UnauthorizedError(ProblemError):
    """401: the key or token is missing, wrong, expired or revoked."""


class ForbiddenError(ProblemError):
    """403: the key or user may not do this."""


class NotFoundError(ProblemError):
    """404: there is no such thing, or none that the caller may see."""


class ConflictError(ProblemError):
    """409: not possible in the present state; `code` says why."""


class InvalidRequestError(ProblemError):
    """400, 413, 415 and 422: the request is wrong; repeating it does not help."""


class TooManyRequestsError(ProblemError):
    """429: a limit is reached; nothing was done."""


class UnavailableError(ProblemError):
    """503: a part of the service is away for now."""


PROBLEM_OF_STATUS: Mapping[int, type[ProblemError]] = {
    400: InvalidRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    413: InvalidRequestError,
    415: InvalidRequestError,
    422: InvalidRequestError,
    429: TooManyRequestsError,
    503: UnavailableError,
}
"""The class of a problem, where its status has one of its own."""


class MessageEndedError(ChatGrowError):
    """The message ended before it reached the status that was waited for.

    `message` is the message, with its `status` (`failed`, `expired` or `cancelled`) and `reason`.
    """

    def __init__(self, message: MessageView, wanted: str) -> None:
        why = f": {message.reason}" if message.reason else ""
        super().__init__(
            f"Message {message.message_id} will not be {wanted}: it is {message.status}{why}."
        )
        self.message = message


class WrongDirectionError(ChatGrowError):
    """A message is sent where a received one was asked for, or the other way round."""


class WaitTimeoutError(ChatGrowError, TimeoutError):
    """What was waited for was not there in time; it may still come."""


class MessageWaitError(WaitTimeoutError):
    """The message did not reach the status in time; it may still do so.

    `message` is how it was seen last, or None if the API never answered.
    """

    def __init__(self, message_id: str, message: MessageView | None, wanted: str) -> None:
        now = f"it is {message.status}" if message else "there was no answer"
        super().__init__(f"Message {message_id} was not {wanted} in time: {now}.")
        self.message = message


class ConnectionWaitError(WaitTimeoutError):
    """The connection did not reach the state in time.

    `status` is how it was seen last, or None if the API never answered.
    """

    def __init__(self, connection_id: str, status: StatusView | None, wanted: str) -> None:
        now = "there was no answer"
        if status is not None:
            now = f"it is {status.state}" + (f" ({status.reason})" if status.reason else "")
        super().__init__(f"Connection {connection_id} was not {wanted} in time: {now}.")
        self.status = status


class WebhookVerificationError(ChatGrowError):
    """A request is not a webhook of ours, or is too old: answer it with 401 and do nothing."""
