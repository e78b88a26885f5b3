"""Turn answers that are errors into exceptions."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import httpx
from pydantic import ValidationError

from chatgrow_client.errors import (
    PROBLEM_OF_STATUS,
    ProblemError,
    RequestError,
    UnexpectedAnswerError,
)
from chatgrow_client.models import Problem, ProblemCode

_SHOWN = 200


def error_of(response: httpx.Response, answers: Collection[int]) -> RequestError | None:
    """Return the error that an answer is, if it is one; statuses in `answers` are none."""
    if response.is_success or response.status_code in answers:
        return None
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        text = f"{response.status_code} {response.reason_phrase}: {response.text[:_SHOWN]}"
        return UnexpectedAnswerError(text, response.status_code)
    kind = PROBLEM_OF_STATUS.get(response.status_code, ProblemError)
    return kind(
        response.status_code,
        ProblemCode(problem.code),
        problem.detail,
        title=problem.title,
        errors=problem.errors or (),
        retry_after=_retry_after(problem, response),
        members=problem.model_extra,
    )


def _retry_after(problem: Problem, response: httpx.Response) -> timedelta | None:
    written = response.headers.get("Retry-After", "")
    if written.isdecimal():
        return timedelta(seconds=int(written))
    if problem.retry_after_seconds is not None:
        return timedelta(seconds=problem.retry_after_seconds)
    return None
