"""Put the application together."""

from aiohttp import web

from control_api.auth import authenticate
from control_api.problems import problems
from control_api.routes import connections, health, messages
from control_api.services import SERVICES, Services

_LARGEST_BODY = 1024 * 1024
"""Bytes; the longest text is far below."""


def build_app(services: Services) -> web.Application:
    """Return the application over open services."""
    app = web.Application(middlewares=[problems, authenticate], client_max_size=_LARGEST_BODY)
    app[SERVICES] = services
    for module in (connections, health, messages):
        app.add_routes(module.routes)
    return app
