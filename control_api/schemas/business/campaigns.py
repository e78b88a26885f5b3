"""The models of campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import (
    Field,
)

from business.model import (
    Campaign,
    CampaignStatus,
)
from control_api.schemas.base import Answer, Body, Name, taken_away
from control_api.schemas.business.fields import (
    Tag,
    TemplateId,
    Time,
    viewed,
)
from sessions.common.json_values import OrDefault, WrittenTimestamp
from sessions.messages.fields import ConnectionId


class NewCampaign(Body):
    """POST /api/campaigns: one template to the subscribers of a list."""

    name: Name
    template: TemplateId
    connection_id: ConnectionId
    list: OrDefault[Tag] = "news"
    send_at: Time | None = Field(None, examples=["2040-01-31T09:00:00Z"])


class CampaignChange(Body):
    """PATCH /api/campaigns/{id}, before it has started; null takes the time of a draft away."""

    name: Name | None = None
    template: TemplateId | None = None
    list: Tag | None = None
    send_at: Time | None = Field(None, examples=["2040-01-31T09:00:00Z"])

    def to_changes(self) -> dict[str, Any]:
        """Return the fields that change, as they are stored."""
        given = self.model_dump(exclude_none=True, by_alias=True)
        return given | taken_away(self, send_at=None)


class CampaignCounts(Answer):
    """What became of a campaign's messages; `replied` within a week."""

    eligible: int
    skipped: dict[str, int]
    queued: int
    sent: int
    delivered: int
    read: int
    failed: int
    unknown: int
    replied: int
    opted_out: int = Field(alias="optedOut")


class CampaignView(Answer):
    """A campaign; `reason` says why it was paused by itself."""

    id: str
    owner: str
    name: str
    template: str
    connection_id: str
    list: str
    send_at: WrittenTimestamp | None = None
    status: CampaignStatus
    reason: str | None = None
    created_at: WrittenTimestamp
    counts: CampaignCounts

    @classmethod
    def of(cls, campaign: Campaign, counts: Mapping[str, int]) -> CampaignView:
        """Show a campaign with its numbers."""
        told = {**counts, "eligible": campaign.eligible, "skipped": campaign.skipped}
        return viewed(cls, campaign, counts=told)


class CampaignList(Answer):
    """A page of campaigns, newest first."""

    items: list[CampaignView]
    cursor: str | None = None
