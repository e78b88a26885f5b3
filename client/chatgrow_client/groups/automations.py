"""What a business sends by itself: templates, automations and campaigns."""

from __future__ import annotations

from chatgrow_client.calls import Call, Query, delete, get, model, patch, path, post_once, put
from chatgrow_client.group import Group, Transport, listing, method
from chatgrow_client.models import (
    AutomationChange,
    AutomationList,
    AutomationPreview,
    AutomationView,
    CampaignChange,
    CampaignList,
    CampaignView,
    NewAutomation,
    NewCampaign,
    PreviewText,
    PreviewWish,
    TemplateList,
    TemplateView,
    TemplateWish,
    TextPreviewWish,
)
from chatgrow_client.pages import Pages

_TEMPLATES, _TEMPLATE = "/api/templates", "/api/templates/{}"
_AUTOMATIONS, _AUTOMATION = "/api/automations", "/api/automations/{}"
_CAMPAIGNS, _CAMPAIGN = "/api/campaigns", "/api/campaigns/{}"


class Templates(Group[Transport]):
    """Texts with gaps for names and times."""

    @method
    def create(
        self, new: TemplateWish, *, idempotency_key: str | None = None
    ) -> Call[TemplateView]:
        """Create a template."""
        return post_once(_TEMPLATES, model(TemplateView), new, key=idempotency_key)

    @listing
    def list(
        self, *, ready_made: bool | None = None, page_size: int | None = None
    ) -> Pages[TemplateView]:
        """List the templates, or those that are ready-made."""
        query: Query = {"readyMade": ready_made, "limit": page_size}
        return Pages(get(_TEMPLATES, model(TemplateList), query))

    @method
    def get(self, template_id: str) -> Call[TemplateView]:
        """Return a template."""
        return get(path(_TEMPLATE, template_id), model(TemplateView))

    @method
    def replace(self, template_id: str, template: TemplateWish) -> Call[TemplateView]:
        """Replace a template by another one."""
        return put(path(_TEMPLATE, template_id), model(TemplateView), template)

    @method
    def remove(self, template_id: str) -> Call[None]:
        """Remove a template that nothing uses."""
        return delete(path(_TEMPLATE, template_id))

    @method
    def preview(self, template_id: str, wish: PreviewWish) -> Call[PreviewText]:
        """Return the text with these values in its gaps."""
        return post_once(path(f"{_TEMPLATE}/preview", template_id), model(PreviewText), wish)

    @method
    def preview_draft(self, wish: TextPreviewWish) -> Call[PreviewText]:
        """Return what a text that is not stored would say."""
        return post_once(f"{_TEMPLATES}/preview", model(PreviewText), wish)


class Automations(Group[Transport]):
    """What is sent when something happens, such as a day before an appointment."""

    @method
    def create(
        self, new: NewAutomation, *, idempotency_key: str | None = None
    ) -> Call[AutomationView]:
        """Create an automation."""
        return post_once(_AUTOMATIONS, model(AutomationView), new, key=idempotency_key)

    @listing
    def list(
        self, *, ready_made: bool | None = None, page_size: int | None = None
    ) -> Pages[AutomationView]:
        """List the automations, or those that are ready-made."""
        query: Query = {"readyMade": ready_made, "limit": page_size}
        return Pages(get(_AUTOMATIONS, model(AutomationList), query))

    @method
    def get(self, automation_id: str) -> Call[AutomationView]:
        """Return an automation."""
        return get(path(_AUTOMATION, automation_id), model(AutomationView))

    @method
    def change(self, automation_id: str, change: AutomationChange) -> Call[AutomationView]:
        """Change what is given; `AutomationChange(enabled=True)` switches it on."""
        return patch(path(_AUTOMATION, automation_id), model(AutomationView), change)

    @method
    def remove(self, automation_id: str) -> Call[None]:
        """Remove an automation; what it planned is cancelled."""
        return delete(path(_AUTOMATION, automation_id))

    @method
    def preview(
        self, automation_id: str, *, appointment: str | None = None
    ) -> Call[AutomationPreview]:
        """Tell what it would send, and when."""
        where = path(f"{_AUTOMATION}/preview", automation_id)
        return get(where, model(AutomationPreview), {"appointment": appointment})


class Campaigns(Group[Transport]):
    """One text for all subscribers of a list."""

    @method
    def create(self, new: NewCampaign, *, idempotency_key: str | None = None) -> Call[CampaignView]:
        """Create a campaign; it waits for `start`."""
        return post_once(_CAMPAIGNS, model(CampaignView), new, key=idempotency_key)

    @listing
    def list(self, *, page_size: int | None = None) -> Pages[CampaignView]:
        """List the campaigns."""
        query: Query = {"limit": page_size}
        return Pages(get(_CAMPAIGNS, model(CampaignList), query))

    @method
    def get(self, campaign_id: str) -> Call[CampaignView]:
        """Return a campaign, and how far it is."""
        return get(path(_CAMPAIGN, campaign_id), model(CampaignView))

    @method
    def change(self, campaign_id: str, change: CampaignChange) -> Call[CampaignView]:
        """Change what is given, before it starts."""
        return patch(path(_CAMPAIGN, campaign_id), model(CampaignView), change)

    @method
    def start(self, campaign_id: str, *, idempotency_key: str | None = None) -> Call[CampaignView]:
        """Start a campaign."""
        return _told(campaign_id, "start", idempotency_key)

    @method
    def pause(self, campaign_id: str, *, idempotency_key: str | None = None) -> Call[CampaignView]:
        """Pause a campaign."""
        return _told(campaign_id, "pause", idempotency_key)

    @method
    def resume(self, campaign_id: str, *, idempotency_key: str | None = None) -> Call[CampaignView]:
        """Go on with a campaign that was paused."""
        return _told(campaign_id, "resume", idempotency_key)

    @method
    def cancel(self, campaign_id: str, *, idempotency_key: str | None = None) -> Call[CampaignView]:
        """End a campaign; what it has not sent is cancelled."""
        return _told(campaign_id, "cancel", idempotency_key)


def _told(campaign_id: str, what: str, key: str | None) -> Call[CampaignView]:
    return post_once(path(f"{_CAMPAIGN}/{what}", campaign_id), model(CampaignView), key=key)
