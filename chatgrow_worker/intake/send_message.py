"""The arq function `send_message`: Python backends enqueue here and need no HTTP."""

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
from sessions.messages.acceptance import Acceptance, SendRequest
from sessions.messages.quotas import QueueFullError
from sessions.messages.sealed_texts import TextKeyMissingError
from sessions.queue.intake_failures import IntakeFailures
from sessions.storage.mongo import STORE_DOWN, brief

_AGAIN = timedelta(seconds=2)
_AGAIN_AT_MOST = timedelta(seconds=100)
"""As often as arq runs a job at most, that is longer than the day after which it forgets one."""
_WITHIN = timedelta(seconds=15)
"""Less than arq gives a job: what arq cuts off it never runs again."""
_MENDABLE = (QueueFullError, TextKeyMissingError)
"""What does not stand against a job for good."""


class _NoMessageError(Exception):
    """A job carries what can be no message; the text says why."""


@dataclass(frozen=True)
class SendMessage:
    """Checks and stores as `POST /api/whatsapp/send` does.

    arq may run a job more than once; the job's id is its idempotency key, so that it counts once.
    To arq every other error than Retry is the job's end: so each ends as a message, as a recorded
    failure, or as another try.
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
        """Store the message of a job; what is wrong with it is recorded, not tried again."""
        job = str(ctx["job_id"])
        unknown |= {f"number {place}": each for place, each in enumerate(more, 3)}
        try:
            async with asyncio.timeout(self.within.total_seconds()):
                await self._accept_or_record(job, body, owner, unknown)
        except (*STORE_DOWN, TimeoutError, *_MENDABLE) as error:
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
        except _MENDABLE:
            raise
        except (ValidationError, DomainError, _NoMessageError) as error:
            reason = _summary(error)
            logger.error("Job {} is no message that can be sent: {}", job, reason)
            await self.failures.record(job, reason)
        except (*STORE_DOWN, TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 - arq would forget the job without a trace
            logger.exception("Job {} could not be taken", job)
            await self.failures.record(job, f"it failed on our side ({type(error).__name__})")

    async def _accept(
        self, job: str, body: object, owner: object, unknown: Collection[str]
    ) -> None:
        if unknown:
            raise _NoMessageError(f"unknown arguments: {', '.join(sorted(unknown))}")
        if not isinstance(owner, str):
            raise _NoMessageError("owner: it is no text")
        asked = SendRequest.model_validate(body)
        digest = json.dumps(body, sort_keys=True, default=str).encode()
        await self.acceptance.accept(owner, asked.connection_id, [asked], f"arq {job}", digest)


@dataclass(frozen=True)
class RefuseMessage:
    """Takes the place of `SendMessage` where no jobs are taken: none is lost without a trace."""

    failures: IntakeFailures

    async def __call__(self, ctx: dict[Any, Any], *_: object, **__: object) -> None:
        """Record that a job was not taken, and what must be set for it."""
        job, reason = str(ctx["job_id"]), "messages from arq jobs are not taken: see ARQ_INTAKE"
        logger.error("Job {} was refused: {}", job, reason)
        await self.failures.record(job, reason)


def _summary(error: Exception) -> str:
    """Say what is wrong without the values: they can be texts and numbers."""
    if not isinstance(error, ValidationError):
        return str(error)
    items = error.errors(include_url=False, include_context=False, include_input=False)
    named = ((".".join(map(str, each["loc"])) or "body", each["msg"]) for each in items)
    return "; ".join(f"{field}: {message}" for field, message in named)
