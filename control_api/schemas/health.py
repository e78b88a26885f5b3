"""The models of health, for people, load balancers and supervisors."""

from __future__ import annotations

from typing import Literal

from control_api.schemas.base import Answer
from sessions.common.disk_space import DiskState
from sessions.common.json_values import WrittenTimestamp


class About(Answer):
    """GET /api."""

    name: str
    version: str


class Alive(Answer):
    """GET /health/live."""

    status: Literal["ok"]


class HealthChecks(Answer):
    """What messages need to be sent, and how many workers are alive.

    `disk` is the worst of the workers' disks and, with embedded servers, of the API's own; it is
    missing where nothing could be looked at.
    """

    mongo: Literal["ok", "down"]
    redis: Literal["ok", "down"]
    workers: int
    disk: DiskState | None = None


class SavedPage(Answer):
    """Whether pages are opened from saved HTML, or that was given up."""

    saved_at: WrittenTimestamp | None = None
    version: str | None = None
    given_up_at: WrittenTimestamp | None = None
    why: str | None = None


class Health(Answer):
    """GET /health: whether messages can be sent, and what is away if not.

    `whatsapp` is `changed` while all connections wait because WhatsApp Web has changed; it is
    missing while MongoDB is down.
    """

    status: Literal["ok", "unavailable"]
    version: str
    checks: HealthChecks
    whatsapp: Literal["ok", "changed"] | None = None
    away: list[str] | None = None
    saved_page: SavedPage | None = None
    """Present only while an operator has switched it on."""
