"""The arq function `send_message`, by which Python backends send without HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from arq import Retry
from loguru import logger
from pydantic import ValidationError

from sessions.common.callers import FIRST_OWNER
from sessions.common.errors import DomainError
from sessions.common.field_errors import in_words
from sessions.media.errors import MediaKeyMissingError
from sessions.messages.acceptance import Acceptance
from sessions.messages.quotas import QueueFullError
from sessions.messages.requests import SendRequest
from sessions.messages.sealed_texts import TextKeyMissingError
from sessions.queue.intake_failures import IntakeFailures
from sessions.storage.mongo import STORE_DOWN, brief

_AGAIN = timedelta(seconds=2)
_AGAIN_AT_MOST = timedelta(seconds=100)
"""With it, all tries that arq allows take longer than the day after which arq forgets a job."""
_WITHIN = timedelta(seconds=15)
"""Less than arq's own time limit, after which it would never run the job again."""
_TEMPORARY = (QueueFullError, TextKeyMissingError, MediaKeyMissingError)
"""Errors after which a job is tried again."""


class _NoMessageError(Exception):
    """The job does not carry a valid message; the text says why."""


@dataclass(frozen=True)
class SendMessage:
    """Check and store a message, as `POST /api/whatsapp/send` does.

    arq may run a job more than once; its id is the idempotency key, so it creates one message. arq
    drops a job after any error except Retry, so each job ends as a message, as a recorded failure,
    or with another try.
    """

    acceptance: Acceptance
    failures: IntakeFailures
    within: timedelta = _WITHIN

    async def __call__(
        self,
        ctx: dict[Any, Any],
        body: object = None,
        owner: object = FIRST_OWNER,
        *more: object,
        **unknown: object,
    ) -> None:
        """Store the message of a job; record an invalid job, and do not try it again."""
        job = str(ctx["job_id"])
        unknown |= {f"number {place}": each for place, each in enumerate(more, 3)}
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                await self._accept_or_record(job, body, owner, unknown)
        except (*STORE_DOWN, TimeoutError, *_TEMPORARY) as error:
            again = min(_AGAIN * int(ctx.get("job_try", 1)), _AGAIN_AT_MOST)
            logger.warning(
                "Job {} is tried again in {:.0f} s: {}",
                job,
                again.total_seconds(),
                brief(error) or "it took too long",
            )
            raise Retry(defer=again) from error

    async def _accept_or_record(
        self, job: str, body: object, owner: object, unknown: Collection[str]
    ) -> None:
        try:
            await self._accept(job, body, owner, unknown)
        except _TEMPORARY:
            raise
        except (ValidationError, DomainError, _NoMessageError) as error:
            reason = _summary(error)
            logger.error("Job {} is not a valid message: {}", job, reason)
            await self.failures.record(job, reason)
        except (*STORE_DOWN, TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 - arq would drop the job without a trace
            logger.exception("Job {} failed unexpectedly", job)
            await self.failures.record(job, f"it failed on our side ({type(error).__name__})")

    async def _accept(
        self, job: str, body: object, owner: object, unknown: Collection[str]
    ) -> None:
        if unknown:
            raise _NoMessageError(f"unknown arguments: {', '.join(sorted(unknown))}")
        if not isinstance(owner, str):
            raise _NoMessageError("owner: it is not a string")
        asked = SendRequest.model_validate(body)
        digest = json.dumps(body, sort_keys=True, default=str).encode()
        await self.acceptance.accept(owner, asked.connection_id, [asked], f"arq {job}", digest)


@dataclass(frozen=True)
class RefuseJob:
    """Record that a job was refused, and why; it is tried again while MongoDB is away."""

    failures: IntakeFailures

    async def __call__(self, job: str, reason: str) -> None:
        """Refuse a job by its id."""
        logger.error("Job {} was refused: {}", job, reason)
        try:
            await self.failures.record(job, reason)
        except STORE_DOWN as error:
            raise Retry(defer=_AGAIN) from error


@dataclass(frozen=True)
class RefuseMessage:
    """Refuse and record all jobs, in place of `SendMessage`, if the intake is switched off."""

    refuse: RefuseJob

    async def __call__(self, ctx: dict[Any, Any], *_: object, **__: object) -> None:
        """Say which setting to change."""
        reason = "messages from arq jobs are not accepted: see ARQ_INTAKE"
        await self.refuse(str(ctx["job_id"]), reason)


def _summary(error: Exception) -> str:
    """Describe an error without the values, which can be texts and phone numbers."""
    if not isinstance(error, ValidationError):
        return str(error)
    items = error.errors(include_url=False, include_input=False)
    named = ((".".join(map(str, each["loc"])) or "body", in_words(each)) for each in items)
    return "; ".join(f"{field}: {message}" for field, message in named)
