"""Campaigns: one template to the subscribers of a list, a few at a time, each number once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from loguru import logger

from business.audience import skip_reason
from business.consents import ConsentBook
from business.errors import (
    CampaignNotFoundError,
    TemplateInvalidError,
    ValueMissingError,
    WrongStateOfRecordError,
)
from business.model import (
    Agreement,
    Campaign,
    CampaignStatus,
    Consents,
    Purpose,
    Subscriber,
    SubscriberStatus,
    Template,
)
from business.occasions import of_subscriber, sender
from business.ready_made import READY_TEMPLATES
from business.states import CAMPAIGN as MOVES
from business.states import before
from business.stores import Stores
from business.templates import render, text_in
from sessions.common.errors import ConnectionNotFoundError
from sessions.messages.model import OPTED_OUT, Ground, MessageStatus, Plan, Priority
from sessions.messages.planned import PlannedMessage, PlannedMessages, planned_id
from sessions.messages.quotas import QueueFullError

if TYPE_CHECKING:
    from sessions.connections.model import Connection
    from sessions.connections.store import ConnectionStore
    from sessions.storage.mongo import Collection, Database

CAMPAIGN = "campaign"
"""The trigger of a campaign's messages."""
_WAITING_AT_MOST = 50
"""How many messages of a campaign wait at a time: who opts out meanwhile is left out in time."""
_FAILURES = 10
_TOO_MANY_FAILED = "too_many_failed"
_ENDED = (
    MessageStatus.SENT,
    MessageStatus.DELIVERED,
    MessageStatus.READ,
    MessageStatus.FAILED,
    MessageStatus.UNKNOWN,
)


class Campaigns:
    """The campaigns of all owners. `go_on` feeds those that run."""

    def __init__(
        self,
        database: Database,
        stores: Stores,
        consents: ConsentBook,
        messages: PlannedMessages,
        connections: ConnectionStore,
        now: Callable[[], datetime],
        default_zone: str,
    ) -> None:
        self._messages_sent: Collection = database["messages"]
        self._stores = stores
        self._consents = consents
        self._messages = messages
        self._connections = connections
        self._now = now
        self._default_zone = default_zone

    async def start(self, found: Campaign, request: str | None = None) -> Campaign:
        """Start or resume a campaign, or have it start at its time; raise as `move`."""
        later = found.send_at is not None and found.send_at > self._now()
        if later and found.status is CampaignStatus.DRAFT:
            return await self.move(found, CampaignStatus.SCHEDULED, request)
        return await self.move(found, CampaignStatus.RUNNING, request)

    async def move(
        self,
        found: Campaign,
        to: CampaignStatus,
        request: str | None = None,
        reason: str | None = None,
    ) -> Campaign:
        """Move a campaign to a status; raise WrongStateOfRecordError, which changes nothing.

        Each move raises the revision, so that nothing goes out that was queued before a pause.
        """
        changes: dict[str, Any] = {"status": to, "lastRequest": request, "reason": reason}
        if to is CampaignStatus.RUNNING:
            changes["resumedAt"] = self._now()
        update: dict[str, Any] = {"$set": changes, "$inc": {"revision": 1}}
        if to is CampaignStatus.FINISHED:
            del update["$inc"]
        where = {"status": {"$in": before(MOVES, to)}}
        changed = await self._stores.campaigns.change(found.owner, found.id, update, where)
        if changed is None:
            present = await self._stores.campaigns.find(found.owner, found.id)
            if request is None or present.last_request != request:
                raise WrongStateOfRecordError("campaign", present.status, to)
            changed = present
        if to in (CampaignStatus.PAUSED, CampaignStatus.CANCELLED):
            await self._messages.withdraw({"plan.origin": found.id})
        return changed

    async def edit(self, found: Campaign, changes: dict[str, Any]) -> Campaign:
        """Change a campaign that has not started; what is scheduled keeps a time.

        Raises CampaignNotFoundError or WrongStateOfRecordError.
        """
        open_ones = [CampaignStatus.DRAFT, CampaignStatus.SCHEDULED]
        loses_time = "sendAt" in changes and changes["sendAt"] is None
        where = {"status": {"$in": open_ones[:1] if loses_time else open_ones}}
        update = {"$set": changes, "$inc": {"revision": 1}}
        changed = await self._stores.campaigns.change(found.owner, found.id, update, where)
        if changed is None:
            present = await self._stores.campaigns.first(found.owner, {"_id": found.id})
            if present is None:
                raise CampaignNotFoundError(found.id)
            raise WrongStateOfRecordError("campaign", present.status)
        return changed

    async def go_on(self) -> None:
        """Start what is due, and give each running campaign its next messages."""
        open_ones = {"status": {"$in": [CampaignStatus.SCHEDULED, CampaignStatus.RUNNING]}}
        for each in await self._stores.campaigns.all(None, open_ones):
            try:
                await self._go_on_with(each)
            except WrongStateOfRecordError as error:
                logger.info("A campaign was changed meanwhile: {}", error)
            except QueueFullError as error:
                logger.warning("A campaign waits: {}", error)
            except (ConnectionNotFoundError, TemplateInvalidError) as error:
                logger.warning("A campaign cannot go on: {}", error)
                await self.move(each, CampaignStatus.PAUSED, reason=error.code)

    async def _go_on_with(self, campaign: Campaign) -> None:
        if campaign.status is CampaignStatus.SCHEDULED:
            if campaign.send_at is None or campaign.send_at > self._now():
                return
            campaign = await self.move(campaign, CampaignStatus.RUNNING)
        await self._feed(campaign)

    async def _feed(self, campaign: Campaign) -> None:
        if await self._fails(campaign):
            await self.move(campaign, CampaignStatus.PAUSED, reason=_TOO_MANY_FAILED)
            return
        room = _WAITING_AT_MOST - await self._messages.waiting(campaign.id)
        if room <= 0:
            return
        room -= await self._revive(campaign, room)
        if room <= 0:
            return
        following = await self._following(campaign, room)
        await self._queue(campaign, following)
        if len(following) < room and not await self._messages.waiting(campaign.id):
            await self.move(campaign, CampaignStatus.FINISHED)

    async def _fails(self, campaign: Campaign) -> bool:
        """Tell whether the last messages since the last start all failed."""
        ended = {
            "plan.origin": campaign.id,
            "status": {"$in": list(_ENDED)},
            "reason": {"$ne": OPTED_OUT},
            **({"statusAt": {"$gt": campaign.resumed_at}} if campaign.resumed_at else {}),
        }
        cursor = self._messages_sent.find(
            ended, {"status": True}, sort=[("statusAt", -1)], limit=_FAILURES
        )
        statuses = [each["status"] async for each in cursor]
        return len(statuses) == _FAILURES and set(statuses) == {MessageStatus.FAILED}

    async def _revive(self, campaign: Campaign, room: int) -> int:
        """Queue again what a pause has withdrawn, where that person is still eligible."""
        withdrawn = await self._messages.withdrawn(campaign.id, room)
        ids = [each.plan.subject for each in withdrawn if each.plan]
        found = await self._stores.subscribers.by_ids(ids)
        again = [found[each] for each in ids if each in found]
        chosen = await self._eligible(again)
        queued = await self._written(campaign, chosen)
        await self._messages.revise(queued)
        left = {each.id for each in withdrawn} - {each.id for each in queued}
        if left:
            await self._messages.leave_withdrawn(left)
        return len(queued)

    async def _following(self, campaign: Campaign, room: int) -> list[Subscriber]:
        """Return the next subscribers of the list who were not considered yet."""
        which = {"list": campaign.list, "_id": {"$gt": campaign.mark}}
        return await self._stores.subscribers.all(campaign.owner, which, limit=room)

    async def _queue(self, campaign: Campaign, following: list[Subscriber]) -> None:
        """Queue messages for those who are eligible now, then move the mark past all of them.

        If this is cut off before the mark is moved, the same ids are made again, and nothing twice.
        """
        if not following:
            return
        chosen = await self._eligible(following)
        queued = await self._written(campaign, chosen)
        await self._messages.add(campaign.owner, campaign.connection_id, queued)
        skipped = Counter(skip_reason(each.status) for each in following if each.id not in chosen)
        skipped["no_text"] += len(chosen) - len(queued)
        counts = {f"skipped.{reason}": count for reason, count in skipped.items() if count}
        same = {"_id": campaign.id, "mark": campaign.mark}
        await self._stores.campaigns.collection.update_one(
            same,
            {"$set": {"mark": following[-1].id}, "$inc": {"eligible": len(chosen), **counts}},
        )

    async def _eligible(
        self, subscribers: list[Subscriber]
    ) -> dict[str, tuple[Subscriber, Consents]]:
        """Return who may get marketing now, by subscriber, with what they have agreed to."""
        chosen: dict[str, tuple[Subscriber, Consents]] = {}
        for each in subscribers:
            if each.status is not SubscriberStatus.SUBSCRIBED:
                continue
            consents = await self._consents.of(each.owner, each.phone, self._now())
            if consents.state(Purpose.MARKETING) is not Agreement.OUT:
                chosen[each.id] = (each, consents)
        return chosen

    async def _written(
        self, campaign: Campaign, chosen: dict[str, tuple[Subscriber, Consents]]
    ) -> list[PlannedMessage]:
        template = await self.template(campaign.owner, campaign.template)
        connection = await self._connections.find(campaign.owner, campaign.connection_id)
        written: list[PlannedMessage] = []
        for subscriber, consents in chosen.values():
            try:
                written.append(self._message(campaign, template, connection, subscriber, consents))
            except ValueMissingError as error:
                logger.warning("A subscriber is left out of a campaign: {}", error.code)
        return written

    async def template(self, owner: str, template_id: str) -> Template:
        """Return an owner's template, or a ready-made one; raise TemplateInvalidError."""
        found = READY_TEMPLATES.get(template_id)
        found = found or await self._stores.templates.first(owner, {"_id": template_id})
        if found is None:
            raise TemplateInvalidError("Its template was deleted.")
        return found

    def _message(
        self,
        campaign: Campaign,
        template: Template,
        connection: Connection,
        subscriber: Subscriber,
        consents: Consents,
    ) -> PlannedMessage:
        topic = of_subscriber(subscriber, self._default_zone)
        text, language = text_in(template.texts, subscriber.language)
        values = {**topic.values, "connection": sender(connection)}
        return PlannedMessage(
            # By the number: one who is on the list twice gets it once.
            id=planned_id(campaign.created_at, CAMPAIGN, campaign.id, subscriber.phone),
            to=subscriber.phone,
            text=render(text, values, language, topic.zone),
            plan=Plan(
                origin=campaign.id,
                subject=subscriber.id,
                trigger=CAMPAIGN,
                revision=campaign.revision,
                grounds=(
                    Ground(collection="campaigns", id=campaign.id, revision=campaign.revision),
                    Ground(collection="consents", id=consents.id, revision=consents.revision),
                ),
            ),
            priority=Priority.LOW,
        )

    async def counts(self, campaign: Campaign) -> dict[str, int]:
        """Count a campaign's messages by what became of them, with one aggregation.

        `replied` counts those whose recipient wrote something after it was sent.
        """
        reached = {
            "delivered": {"$gt": ["$deliveredAt", None]},
            "read": {"$gt": ["$readAt", None]},
            "sent": {"$gt": ["$sentAt", None]},
            "queued": {"$in": ["$status", [MessageStatus.QUEUED, MessageStatus.SENDING]]},
            "failed": {"$eq": ["$status", MessageStatus.FAILED]},
            "unknown": {"$eq": ["$status", MessageStatus.UNKNOWN]},
            "optedOut": {"$eq": ["$reason", OPTED_OUT]},
            "replied": {"$gt": [{"$size": "$answers"}, 0]},
        }
        stages: list[dict[str, Any]] = [
            {"$match": {"plan.origin": campaign.id}},
            {"$lookup": _ANSWERS},
            {
                "$group": {
                    "_id": None,
                    **{name: {"$sum": {"$cond": [is_so, 1, 0]}} for name, is_so in reached.items()},
                }
            },
        ]
        async for found in self._messages_sent.aggregate(stages):
            return {name: int(found[name]) for name in reached}
        return dict.fromkeys(reached, 0)


_ANSWERED_WITHIN = timedelta(days=7)
_ANSWERS = {
    "from": "receivedMessages",
    "let": {"chat": "$chatId", "connection": "$connection", "sent": "$sentAt"},
    "pipeline": [
        {
            "$match": {
                "$expr": {
                    "$and": [
                        {"$eq": ["$connection", "$$connection"]},
                        {"$eq": ["$chatId", "$$chat"]},
                        {"$gt": ["$$sent", None]},
                        {"$gt": ["$at", "$$sent"]},
                        {
                            "$lt": [
                                "$at",
                                {"$add": ["$$sent", _ANSWERED_WITHIN // timedelta(milliseconds=1)]},
                            ]
                        },
                    ]
                }
            }
        },
        {"$limit": 1},
        {"$project": {"_id": True}},
    ],
    "as": "answers",
}
"""The join of a message with the first answer within a week."""
