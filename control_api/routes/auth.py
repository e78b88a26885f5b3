"""Handlers for signing in: register, log in, refresh, sign out."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from control_api.auth.accounts import authenticate, register_user, start_sign_in
from control_api.auth.device_cookie import device_of, keep_device
from control_api.auth.identity import caller_of, identity_of
from control_api.credentials.access_tokens import Claims
from control_api.endpoints.declaration import Endpoints
from control_api.http.client_address import client_of
from control_api.http.problems import BadCredentialsError, ForbiddenError
from control_api.http.requests import answer
from control_api.schemas.accounts import (
    Credentials,
    Me,
    PasswordChange,
    RefreshToken,
    Registration,
    SetupState,
    SignedIn,
    UserView,
)
from control_api.services import SERVICES, Services
from sessions.accounts.sign_ins import SignIn
from sessions.accounts.users import User
from sessions.common.callers import Scope

routes = Endpoints("Sign-in")

_NEVER_STORED = {"Cache-Control": "no-store"}


@routes.get("/api/setup", open=True, answers={200: SetupState})
async def show_setup(request: web.Request) -> web.Response:
    """Tell whether the first administrator has still to register, which needs the setup token."""
    return answer(SetupState(open=await request.app[SERVICES].setup.is_open()))


@routes.post(
    "/api/auth/register",
    open=True,
    answers={201: SignedIn},
    problems=("forbidden", "setup_token_required", "too_busy", "too_many_attempts", "user_exists"),
    example={"email": "dana@example.com", "password": "correct horse battery", "name": "Dana"},
)
async def register(request: web.Request, body: Registration) -> web.Response:
    """Register a user; the first one becomes the administrator, who registers everybody else.

    The first registration needs `setupToken`: the first API key, or the content of the file
    `setup.token` in the data directory. Later ones ignore it.
    """
    services = request.app[SERVICES]
    user = await register_user(
        services, body, client_of(request), by_administrator=_is_by_administrator(request)
    )
    return await _signed_in(request, user, HTTPStatus.CREATED)


@routes.post(
    "/api/auth/login",
    open=True,
    answers={200: SignedIn},
    problems=("invalid_credentials", "too_busy", "too_many_attempts"),
    example={"email": "dana@example.com", "password": "correct horse battery"},
)
async def login(request: web.Request, body: Credentials) -> web.Response:
    """Sign in with e-mail address and password."""
    services = request.app[SERVICES]
    device = device_of(request, body.email)
    user = await authenticate(services, body, client_of(request), device)
    return await _signed_in(request, user)


@routes.post(
    "/api/auth/refresh",
    open=True,
    answers={200: SignedIn},
    problems=("invalid_refresh_token", "sign_in_expired"),
    example={
        "refreshToken": "01kaxw3m5v8q2n7r4t6y9z0b1c.mXk1vT9sQ2wE4rY6uI8oP0aS3dF5gH7jK9lZ1xC3v"
    },
)
async def refresh(request: web.Request, body: RefreshToken) -> web.Response:
    """Exchange a refresh token for new tokens; a refresh token works once."""
    services = request.app[SERVICES]
    now = services.now()
    # Read first, so that nothing can fail after the old token is used up.
    user = await services.users.get(await services.sign_ins.user_of(body.refresh_token))
    sign_in = await services.sign_ins.refresh(
        body.refresh_token, now, now + services.settings.refresh_expires_in
    )
    if user is None:
        await services.sign_ins.end(sign_in.id)
        raise BadCredentialsError
    return _tokens(services, user, sign_in)


@routes.post("/api/auth/logout", answers={204: None})
async def logout(request: web.Request) -> web.Response:
    """Sign out: the tokens of this sign-in stop working at once."""
    caller = caller_of(request)
    if caller.sign_in is not None:
        await request.app[SERVICES].sign_ins.end(caller.sign_in)
    return web.Response(status=HTTPStatus.NO_CONTENT)


@routes.get("/api/auth/me", answers={200: Me})
async def me(request: web.Request) -> web.Response:
    """Show who the caller is."""
    caller = caller_of(request)
    services = request.app[SERVICES]
    user = await services.users.get(caller.owner) if caller.key_id is None else None
    view = Me(
        owner=caller.owner,
        role=caller.role,
        scopes=sorted(caller.scopes),
        user=UserView.of(user) if user else None,
        api_keys=await services.keys.count(user.id) if user else None,
    )
    return answer(view)


@routes.post(
    "/api/auth/password",
    answers={204: None},
    problems=("invalid_credentials", "too_busy", "too_many_attempts"),
    example={"password": "correct horse battery", "newPassword": "staple battery horse"},
)
async def change_password(request: web.Request, body: PasswordChange) -> web.Response:
    """Change the caller's password; their other sign-ins end.

    With `revokeApiKeys` their API keys, and the keys created with those, are revoked too.
    """
    services, caller = request.app[SERVICES], caller_of(request)
    user = await services.users.get(caller.owner)
    if caller.sign_in is None or user is None:
        raise ForbiddenError("Only a person who signed in has a password.")
    given = body.password.get_secret_value()
    async with services.login_attempts.counted(user.email, client_of(request), caller.sign_in):
        if not await services.passwords.matches(given, user.password_hash):
            raise BadCredentialsError
    hashed = await services.passwords.hash(body.new_password.get_secret_value())
    await services.users.set_password(user.id, hashed)
    await services.sign_ins.end_all(user.id, but=caller.sign_in)
    if body.revoke_api_keys:
        await services.keys.revoke_all(user.id, services.now())
    return web.Response(status=HTTPStatus.NO_CONTENT)


def _is_by_administrator(request: web.Request) -> bool:
    caller = identity_of(request).caller
    return caller is not None and caller.is_admin and Scope.MANAGE in caller.scopes


async def _signed_in(
    request: web.Request, user: User, status: HTTPStatus = HTTPStatus.OK
) -> web.Response:
    services = request.app[SERVICES]
    response = _tokens(services, user, await start_sign_in(services, user), status)
    keep_device(request, response, user.email)
    return response


def _tokens(
    services: Services, user: User, sign_in: SignIn, status: HTTPStatus = HTTPStatus.OK
) -> web.Response:
    view = SignedIn(
        access_token=services.tokens.write(Claims(user.id, sign_in.id), services.now()),
        expires_in=int(services.tokens.lifetime.total_seconds()),
        refresh_token=sign_in.refresh_token,
        user=UserView.of(user),
    )
    return answer(view, status, _NEVER_STORED)
