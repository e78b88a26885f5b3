"""Automations and templates: checked when they are saved, and planned again when they change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from business.errors import (
    AutomationNotFoundError,
    InUseError,
    TemplateInvalidError,
    TemplateNotFoundError,
    TemplateUnsuitableError,
)
from business.examples import never_there
from business.model import Automation, Template, Trigger
from business.plans import Plans
from business.ready_made import READY_TEMPLATES
from business.store import changing
from business.stores import Stores
from business.templates import check

_OPEN: Mapping[str, Any] = {"status": {"$nin": ["finished", "cancelled"]}}
"""The filter for campaigns that may still send."""


class Automations:
    """The automations and templates of all owners."""

    def __init__(self, stores: Stores, plans: Plans, now: Callable[[], datetime]) -> None:
        self._stores = stores
        self._plans = plans
        self._now = now

    async def template(self, owner: str | None, template_id: str) -> Template:
        """Return an owner's template, or a ready-made one; raise TemplateNotFoundError."""
        ready = READY_TEMPLATES.get(template_id)
        return ready or await self._stores.templates.find(owner, template_id)

    async def require_suitable(self, owner: str, template_id: str, trigger: Trigger | None) -> None:
        """Check that messages of a trigger, or (None) of a campaign, can be written by a template.

        Raises TemplateNotFoundError or TemplateUnsuitableError.
        """
        template = await self.template(owner, template_id)
        sender = "a campaign" if trigger is None else f"a message for {trigger}"
        _check_suits(template.texts, trigger, sender)

    async def save_template(self, template: Template) -> Template:
        """Store a new template; raise TemplateInvalidError."""
        _check(template.texts)
        return await self._stores.templates.add(template)

    async def change_template(self, found: Template, changes: Mapping[str, Any]) -> Template:
        """Replace what a template says.

        Raises TemplateInvalidError, TemplateNotFoundError, and TemplateUnsuitableError if what
        sends it has no values for it.
        """
        _check(changes["texts"])
        await self._check_senders(found, changes["texts"])
        changed = await self._stores.templates.change(found.owner, found.id, changing(changes))
        if changed is None:
            raise TemplateNotFoundError(found.id)
        await self._plans.settle(found.owner)
        return changed

    async def remove_template(self, found: Template) -> None:
        """Delete a template; raise InUseError if an automation or an open campaign needs it."""
        needs = {"template": found.id}
        if await self._stores.automations.first(found.owner, needs):
            raise InUseError("An automation sends this template: change or delete that one first.")
        if await self._stores.campaigns.first(found.owner, {**needs, **_OPEN}):
            raise InUseError("A campaign sends this template.")
        await self._stores.templates.remove(found.owner, found.id)

    async def _check_senders(self, found: Template, texts: Mapping[Any, str]) -> None:
        """Raise TemplateUnsuitableError if these texts do not suit all that sends a template."""
        needs = {"template": found.id}
        for automation in await self._stores.automations.all(found.owner, needs):
            _check_suits(texts, automation.trigger, f"the automation {automation.name!r}")
        for campaign in await self._stores.campaigns.all(found.owner, {**needs, **_OPEN}):
            _check_suits(texts, None, f"the campaign {campaign.name!r}")

    async def add(self, automation: Automation) -> Automation:
        """Store a new automation and plan its messages; raise as `require_suitable`."""
        await self.require_suitable(automation.owner, automation.template, automation.trigger)
        since = self._now() if automation.enabled else None
        record = automation.model_copy(update={"enabled_at": since, "dirty": True})
        stored = await self._stores.automations.add(record)
        await self._plans.settle(stored.owner)
        return stored

    async def change(self, found: Automation, changes: Mapping[str, Any]) -> Automation:
        """Change an automation, and plan again what it has waiting.

        Raises as `require_suitable`, and AutomationNotFoundError.
        """
        if "template" in changes:
            await self.require_suitable(found.owner, str(changes["template"]), found.trigger)
        fields = {**changes, "lastError": None}
        if changes.get("enabled") and not found.enabled:
            fields["enabledAt"] = self._now()
        changed = await self._stores.automations.change(found.owner, found.id, changing(fields))
        if changed is None:
            raise AutomationNotFoundError(found.id)
        await self._plans.settle(found.owner)
        return changed

    async def remove(self, found: Automation) -> None:
        """Delete an automation and take back what it has waiting."""
        # First the record: without it, none of its messages is sent.
        await self._stores.automations.remove(found.owner, found.id)
        await self._plans.withdraw_from(found.id)


def _check_suits(texts: Mapping[Any, str], trigger: Trigger | None, sender: str) -> None:
    if missing := never_there(texts, trigger):
        raise TemplateUnsuitableError(missing, sender)


def _check(texts: Mapping[Any, str]) -> None:
    for language, text in texts.items():
        try:
            check(text)
        except TemplateInvalidError as error:
            variable = error.members.get("variable")
            raise TemplateInvalidError(str(error), variable, str(language)) from error
