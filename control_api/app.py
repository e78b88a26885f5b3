"""Build the aiohttp application."""

from aiohttp import web

from control_api.auth.identity import identify
from control_api.background import end_streams, follow_events, run_upkeep
from control_api.endpoints.declaration import add_endpoints
from control_api.endpoints.docs import add_docs
from control_api.event_stream.feed import EventFeed
from control_api.event_stream.streams import STREAMS, EventStreams, StreamLimits
from control_api.http.closing import note_closing
from control_api.http.problems import problems
from control_api.middleware import (
    answer_preflights,
    configure_middlewares,
    limit_requests,
    require_our_host,
)
from control_api.middleware.request_log import observe_requests
from control_api.operations.webhook_tests import sending_tests
from control_api.pages.problems import PAGES, SHARED, problems_as_pages
from control_api.pages.shell import set_up_pages
from control_api.routes import (
    api_keys,
    appointments,
    auth,
    automations,
    business_events,
    campaigns,
    chats,
    commands,
    connections,
    conversations,
    customers,
    dashboard,
    events,
    health,
    intake,
    links,
    logs,
    media,
    message_actions,
    messages,
    metrics,
    numbers,
    overview,
    provider,
    provider_pages,
    recipients,
    sign_in_pages,
    subscribers,
    templates,
    users,
    webhooks,
)
from control_api.services import SERVICES, Services

_LARGEST_BODY = 1024 * 1024
"""Bytes; far more than the longest text needs."""
CORE_GROUPS = (
    auth.routes,
    users.routes,
    api_keys.routes,
    connections.routes,
    commands.routes,
    links.manage_routes,
    links.routes,
    numbers.routes,
    recipients.routes,
    messages.routes,
    chats.routes,
    message_actions.routes,
    media.routes,
    conversations.routes,
    intake.routes,
    events.routes,
    webhooks.routes,
    overview.routes,
    overview.worker_routes,
    logs.routes,
    metrics.routes,
    health.routes,
)
"""The endpoints for connections and messages."""
BUSINESS_GROUPS = (
    customers.routes,
    subscribers.routes,
    templates.routes,
    business_events.routes,
    appointments.routes,
    automations.routes,
    campaigns.routes,
    provider.routes,
)
"""The endpoints of the business side, which `BUSINESS=false` leaves out."""
GROUPS = (*CORE_GROUPS, *BUSINESS_GROUPS)
"""Every endpoint of the API."""
CORE_VIEWS = (dashboard.routes, sign_in_pages.routes)
"""Pages that people open in a browser; they are not in the OpenAPI document."""
BUSINESS_VIEWS = (provider_pages.routes,)
"""Those of the business side."""
VIEWS = (*CORE_VIEWS, *BUSINESS_VIEWS)
"""Every page."""


def build_app(services: Services, *, upkeep: bool = True) -> web.Application:
    """Return the application over open services.

    Without `upkeep` it leaves the regular work on records to others that serve the same stores.
    """
    app = web.Application(
        middlewares=[
            observe_requests,
            problems_as_pages,
            problems,
            require_our_host,
            answer_preflights,
            identify,
            limit_requests,
        ],
        client_max_size=_LARGEST_BODY,
    )
    app[SERVICES] = services
    app[health.HEALTH] = health.shared_health(services)
    configure_middlewares(app, services.settings, services.limiter)
    app[STREAMS] = EventStreams(
        EventFeed(services.events),
        StreamLimits(per_owner=services.settings.event_streams_per_owner),
    )
    app.cleanup_ctx.append(follow_events)
    if upkeep:
        app.cleanup_ctx.append(run_upkeep)
    app.cleanup_ctx.append(sending_tests)
    business = services.business is not None
    groups = GROUPS if business else CORE_GROUPS
    views = VIEWS if business else CORE_VIEWS
    add_endpoints(app, (*groups, *views))
    add_docs(app, groups)
    note_closing(app)
    app.on_shutdown.append(end_streams)
    set_up_pages(app)
    app.router.add_get(links.BROKEN_PATH, links.show_broken)
    app.router.add_get("/dashboard/{rest:.*}", dashboard.show_missing)
    paths = {each.path for group in views for each in group} - {"/"}
    app[PAGES] = paths | {"/link", "/link/{rest}", "/dashboard/{rest}"}
    shared = {each.path for group in groups for each in group if each.page is not None}
    app[SHARED] = shared | {"/provider{rest}"}
    if business:
        app.router.add_get("/provider{rest:(?:/.*)?}", provider_pages.show_missing)
    return app
