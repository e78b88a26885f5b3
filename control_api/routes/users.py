"""Handlers with which an administrator lists and removes users."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from control_api.auth.accounts import remove_user
from control_api.auth.identity import caller_of
from control_api.endpoints.declaration import Endpoints
from control_api.http.problems import ForbiddenError
from control_api.http.requests import answer
from control_api.schemas.accounts import UserList, UserView
from control_api.services import SERVICES
from sessions.common.callers import Scope

routes = Endpoints("Users")


@routes.get("/api/users", needs=Scope.READ, admin=True, answers={200: UserList})
async def index(request: web.Request) -> web.Response:
    """List all users."""
    users = await request.app[SERVICES].users.all()
    return answer(UserList(items=[UserView.of(each) for each in users]))


@routes.delete(
    "/api/users/{id}",
    needs=Scope.MANAGE,
    admin=True,
    answers={204: None},
    problems=("user_not_found", "user_has_connections"),
)
async def delete(request: web.Request) -> web.Response:
    """Remove a user who has no connections left; their sign-ins and keys end at once."""
    services = request.app[SERVICES]
    user = await services.users.named(request.match_info["id"])
    if user.id == caller_of(request).owner:
        raise ForbiddenError("Nobody can remove themselves.")
    await remove_user(services, user)
    return web.Response(status=HTTPStatus.NO_CONTENT)
