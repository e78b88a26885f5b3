"""The arq function `send_message`: Python backends enqueue here and need no HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from arq import Retry
from loguru import logger
from pydantic import ValidationError

from sessions.acceptance import Acceptance, SendWish
from sessions.callers import FIRST_OWNER
from sessions.errors import DomainError
from sessions.intake_failures import IntakeFailures
from sessions.mongo import STORE_DOWN

_AGAIN = timedelta(seconds=2)


@dataclass(frozen=True)
class SendMessage:
    """Checks and stores as `POST /api/whatsapp/send` does.

    arq may run a job more than once; the job's id is its idempotency key, so that it counts once.
    """

    acceptance: Acceptance
    failures: IntakeFailures

    async def __call__(
        self, ctx: dict[Any, Any], body: object = None, owner: str = FIRST_OWNER, **unknown: Any
    ) -> None:
        """Store the message of a job; what is wrong with it is recorded, not tried again."""
        job = str(ctx["job_id"])
        if unknown:
            await self._record(job, f"unknown arguments: {', '.join(sorted(unknown))}")
            return
        try:
            wish = SendWish.model_validate(body)
            digest = json.dumps(body, sort_keys=True, default=str).encode()
            await self.acceptance.accept(owner, wish.connection_id, [wish], f"arq {job}", digest)
        except (ValidationError, DomainError) as error:
            await self._record(job, _summary(error))
        except STORE_DOWN as error:
            raise Retry(defer=_AGAIN) from error

    async def _record(self, job: str, reason: str) -> None:
        logger.error("Job {} is no message that can be sent: {}", job, reason)
        try:
            await self.failures.record(job, reason)
        except STORE_DOWN as down:
            raise Retry(defer=_AGAIN) from down


def _summary(error: Exception) -> str:
    """Say what is wrong without the values: they can be texts and numbers."""
    if not isinstance(error, ValidationError):
        return str(error)
    items = error.errors(include_url=False, include_context=False, include_input=False)
    named = ((".".join(map(str, each["loc"])) or "body", each["msg"]) for each in items)
    return "; ".join(f"{field}: {message}" for field, message in named)
