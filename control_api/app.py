"""Put the application together."""

from aiohttp import web

from control_api.auth import identify
from control_api.docs import add_docs
from control_api.endpoints import add_endpoints
from control_api.observing import observe_requests
from control_api.problems import problems
from control_api.routes import api_keys, auth, connections, health, logs, messages, metrics, users
from control_api.services import SERVICES, Services
from control_api.shield import answer_preflights, limit_requests, shield

_LARGEST_BODY = 1024 * 1024
"""Bytes; the longest text is far below."""
GROUPS = tuple(
    module.routes
    for module in (auth, users, api_keys, connections, messages, logs, metrics, health)
)
"""Every endpoint there is."""


def build_app(services: Services) -> web.Application:
    """Return the application over open services."""
    app = web.Application(
        middlewares=[observe_requests, problems, answer_preflights, identify, limit_requests],
        client_max_size=_LARGEST_BODY,
    )
    app[SERVICES] = services
    shield(app, services.settings, services.limiter)
    add_endpoints(app, GROUPS)
    add_docs(app, GROUPS)
    return app
