"""The models of GET /api/whatsapp/intake-failures."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from control_api.schemas.base import Answer, Body, cursor_like
from sessions.common.json_values import WrittenTimestamp
from sessions.queue.intake_failures import IntakeFailure


class IntakeFailureQuery(Body):
    """GET /api/whatsapp/intake-failures: which page."""

    cursor: Annotated[str, cursor_like(r"^[0-9a-z]{26}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class IntakeFailureView(Answer):
    """An arq job that was refused, by its id, and why."""

    job: str
    reason: str
    failed_at: WrittenTimestamp

    @classmethod
    def of(cls, failure: IntakeFailure) -> IntakeFailureView:
        """Show a refused job."""
        return cls(job=failure.job, reason=failure.reason, failed_at=failure.failed_at)


class IntakeFailureList(Answer):
    """Refused jobs of the last 30 days, newest first; `cursor` asks for the next page."""

    items: list[IntakeFailureView]
    cursor: str | None = None
