"""Send a request again where that is safe: after a refusal for now, and after a cut line.

This file decides and does no input or output itself. A script is a generator that yields what shall
be done, a `Call` to send or a `Pause`; the transports do it and send the answer back in. So the
rules are the same, and written once, for the sync and the async client.
"""

from __future__ import annotations

import itertools
import logging
import random
import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Callable, TypeVar, Union

import httpx
from pydantic import ValidationError

from chatgrow_client.answers import error_of
from chatgrow_client.calls import Call
from chatgrow_client.errors import (
    NoAnswerError,
    ProblemError,
    RequestError,
    UnexpectedAnswerError,
)

T = TypeVar("T")
_log = logging.getLogger("chatgrow_client")
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""The request never left."""
_CUT = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError)
_TOO_MANY, _UNAVAILABLE = 429, 503
_PROXY_FAILED = frozenset({502, 503, 504})
_REFUSED_AT_ONCE = frozenset({"too_busy"})
"""Codes of a 503 that say that nothing was done."""


@dataclass(frozen=True)
class Pause:
    """Wait that long."""

    length: timedelta


Step = Union[Call[Any], Pause]
Script = Generator[Step, Any, T]


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how long a request is repeated.

    The pause before a try doubles from `first_pause` to `longest_pause`, and is shortened by
    chance, so that many clients do not come back at once. A `Retry-After` of the API is waited for.
    A request whose next try would begin later than `within` after the first one is given up.
    """

    tries: int = 8
    within: timedelta = timedelta(seconds=60)
    first_pause: timedelta = timedelta(milliseconds=200)
    longest_pause: timedelta = timedelta(seconds=8)

    def pause(self, tries: int, asked: timedelta | None, chance: float) -> timedelta:
        """Return the pause after so many tries; `chance` is between 0 and 1."""
        return (asked or timedelta(0)) + backoff(
            self.first_pause, tries, self.longest_pause, chance
        )


def backoff(first: timedelta, tries: int, longest: timedelta, chance: float) -> timedelta:
    """Return a pause that doubles with each try, shortened by up to a half by chance."""
    doubled = min(first * int(2 ** min(tries - 1, 30)), longest)
    return doubled * (0.5 + chance / 2)


NO_RETRIES = RetryPolicy(tries=1)
"""Send every request once."""


@dataclass(frozen=True)
class Repeater:
    """Sends calls as its policy says."""

    policy: RetryPolicy
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random

    def attempts(self, call: Call[T], within: timedelta | None = None) -> Script[T]:
        """Send a call until it is answered; raise RequestError when it is given up.

        `within` is how long it may be repeated if that is less than the policy says.
        """
        bound = self.policy.within if within is None else min(within, self.policy.within)
        started, cut = self.clock(), False
        for tries in itertools.count(1):
            try:
                response: httpx.Response = yield call
                error = error_of(response, call.answers)
                if error is None or (cut and call.gone_is_done and _is_gone(error)):
                    return _read(call, response)
            except httpx.TransportError as failure:
                error = _no_answer(call, failure)
                error.__cause__ = failure
            error.tries, error.maybe_done = tries, cut
            error.idempotency_key = call.idempotency_key
            pause = self.policy.pause(tries, _asked(error), self.chance())
            late = self.clock() - started + pause.total_seconds() > bound.total_seconds()
            if tries >= self.policy.tries or late or not may_repeat(call, error):
                raise error
            cut = cut or not _did_nothing(error)
            _log.info(
                "%s %s: %s; again in %.1f s", call.method, call.path, error, pause.total_seconds()
            )
            yield Pause(pause)
        raise AssertionError


def may_repeat(call: Call[Any], error: RequestError) -> bool:
    """Tell whether a call may be sent again after an error, and whether that can help."""
    if call.content is not None and not call.content.replayable:
        return False
    return _did_nothing(error) or (call.idempotent and passes(error))


def _did_nothing(error: RequestError) -> bool:
    """Tell whether the API certainly did nothing, and may do it later."""
    if isinstance(error, NoAnswerError):
        return error.done_nothing
    if not isinstance(error, ProblemError):
        return False
    return error.status == _TOO_MANY or error.code in _REFUSED_AT_ONCE


def passes(error: RequestError) -> bool:
    """Tell whether the cause may be gone a moment later."""
    if isinstance(error, ProblemError):
        return error.status in (_TOO_MANY, _UNAVAILABLE)
    if isinstance(error, UnexpectedAnswerError):
        return error.status in _PROXY_FAILED
    return isinstance(error.__cause__, _CUT)


def _is_gone(error: RequestError) -> bool:
    return isinstance(error, ProblemError) and error.status == 404


def _asked(error: RequestError) -> timedelta | None:
    return error.retry_after if isinstance(error, ProblemError) else None


def _no_answer(call: Call[Any], failure: httpx.TransportError) -> NoAnswerError:
    what = str(failure) or type(failure).__name__
    not_sent = isinstance(failure, _NOT_SENT)
    return NoAnswerError(f"{call.method} {call.path} got no answer: {what}", done_nothing=not_sent)


def _read(call: Call[T], response: httpx.Response) -> T:
    """Read an answer; raise UnexpectedAnswerError if it is not what was to come."""
    try:
        return call.read(response)
    except ValidationError as failure:
        error = UnexpectedAnswerError(
            f"{call.method} {call.path} was answered with something else: {failure}",
            response.status_code,
        )
        error.idempotency_key = call.idempotency_key
        raise error from failure
