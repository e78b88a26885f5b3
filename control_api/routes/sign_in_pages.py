"""Handlers for the sign-in page: plain forms, which work without scripts."""

from __future__ import annotations

import math
from http import HTTPStatus
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import ValidationError

from control_api.auth.accounts import authenticate, register_user, start_sign_in
from control_api.auth.device_cookie import device_of, keep_device
from control_api.auth.session_cookie import COOKIE, forget_session, keep_session
from control_api.credentials.access_tokens import BadTokenError, Claims
from control_api.credentials.csrf import CsrfError
from control_api.endpoints.declaration import Endpoints
from control_api.http.bodies import STRANGERS_BODY, receive
from control_api.http.client_address import client_of
from control_api.http.origin import ForeignOriginError, require_own_origin
from control_api.http.problems import (
    BadCredentialsError,
    ForbiddenError,
    MalformedBodyError,
    SetupTokenError,
    TooManyAttemptsError,
    UnsupportedMediaTypeError,
)
from control_api.pages.shell import page
from control_api.routes.dashboard_frame import View, navigation, redirect, signed_in_user
from control_api.schemas.accounts import Credentials, Registration
from control_api.services import SERVICES
from sessions.accounts.users import User

routes = Endpoints("Dashboard")

_PAGE = {"text/html": None}
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 20
_LONGEST_ECHO = 254
Form = dict[str, str]


@routes.get("/dashboard/sign-in", open=True, answers={200: _PAGE, 303: None})
async def show(request: web.Request) -> web.Response:
    """Show the sign-in page, or the page to register the administrator if there is none."""
    if await signed_in_user(request) is not None:
        return redirect(request, _wanted(request, request.query.get("view", "")).path)
    return await _form(request, {"view": request.query.get("view", "")})


@routes.post(
    "/dashboard/sign-in",
    open=True,
    answers={303: None, **dict.fromkeys((401, 403, 422, 429), _PAGE)},
)
async def sign_in(request: web.Request) -> web.Response:
    """Sign in, or register the administrator, and redirect to the dashboard."""
    given = await _read_form(request)
    try:
        require_own_origin(request)
        user = await _let_in(request, given)
    except ForeignOriginError:
        return await _form(request, given, "stale", HTTPStatus.FORBIDDEN)
    except SetupTokenError:
        return await _form(request, given, "setupToken", HTTPStatus.FORBIDDEN)
    except (BadCredentialsError, ForbiddenError):
        return await _form(request, given, "wrong", HTTPStatus.UNAUTHORIZED)
    except TooManyAttemptsError as error:
        minutes = math.ceil(error.members["retryAfterSeconds"] / 60)
        kind = "many" if minutes > 1 else "soon"
        return await _form(request, given, kind, HTTPStatus.TOO_MANY_REQUESTS, minutes)
    except ValidationError as error:
        return await _form(request, given, _kind_of(error), HTTPStatus.UNPROCESSABLE_ENTITY)
    return await _entered(request, user, _wanted(request, given.get("view", "")))


@routes.post("/dashboard/sign-out", open=True, answers={303: None, 403: _PAGE})
async def sign_out(request: web.Request) -> web.Response:
    """Sign out: the session ends at once, for every copy of its cookie."""
    services = request.app[SERVICES]
    session = _session(request)
    if session is not None:
        given = await _read_form(request)
        try:
            services.csrf.check(request, session.sign_in, given.get("csrf", ""))
        except CsrfError:
            return redirect(request, "dashboard")
        await services.sign_ins.end(session.sign_in)
    response = redirect(request, "dashboard/sign-in")
    forget_session(request, response)
    return response


async def _let_in(request: web.Request, given: Form) -> User:
    """Return the user who signs in or registers.

    Raises BadCredentialsError, ForbiddenError, SetupTokenError, TooManyAttemptsError or
    ValidationError.
    """
    services, client = request.app[SERVICES], client_of(request)
    fields = {"email": given.get("email", ""), "password": given.get("password", "")}
    if await services.setup.is_open():
        first = {"name": given.get("name") or None, "setupToken": given.get("setupToken") or None}
        asked = Registration.model_validate(fields | first)
        return await register_user(services, asked, client, by_administrator=False)
    try:
        credentials = Credentials.model_validate(fields)
    except ValidationError as error:
        # A text that is no address gets the same answer as an address without an account.
        raise BadCredentialsError from error
    device = device_of(request, credentials.email)
    return await authenticate(services, credentials, client, device)


async def _entered(request: web.Request, user: User, view: View) -> web.Response:
    services = request.app[SERVICES]
    sign_in = await start_sign_in(services, user)
    response = redirect(request, view.path)
    token = services.tokens.write(Claims(user.id, sign_in.id), services.now())
    keep_session(request, response, token, services)
    keep_device(request, response, user.email)
    return response


def _session(request: web.Request) -> Claims | None:
    """Return the session of the cookie; the form has its CSRF token in a field, not a header."""
    try:
        return request.app[SERVICES].tokens.read(request.cookies.get(COOKIE, ""))
    except BadTokenError:
        return None


async def _form(
    request: web.Request,
    given: Form,
    error: str | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    minutes: int = 0,
) -> web.Response:
    first = await request.app[SERVICES].setup.is_open()
    context = {
        "first": first,
        "error": error,
        "minutes": minutes,
        "view": _wanted(request, given.get("view", "")),
        "given": {name: given.get(name, "")[:_LONGEST_ECHO] for name in ("email", "name")},
        # A strict cookie is not sent when another site links here; a reload by us sends it.
        "again": request.headers.get("Sec-Fetch-Site") == "cross-site" and request.method == "GET",
    }
    return page(request, "dashboard/sign_in.html", context, status)


async def _read_form(request: web.Request) -> Form:
    """Return the texts of a form; raise UnsupportedMediaTypeError or MalformedBodyError."""
    if not request.can_read_body:
        return {}
    if request.content_type != _FORM:
        raise UnsupportedMediaTypeError(f"Send the form as Content-Type: {_FORM}.")
    text = (await receive(request, STRANGERS_BODY)).decode("utf-8", errors="replace")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise MalformedBodyError("The form has more fields than we take.") from error


def _wanted(request: web.Request, view: str) -> View:
    offered = view in set(View) and View(view) in navigation(request)
    return View(view) if offered else View.CONNECTIONS


def _kind_of(error: ValidationError) -> str:
    """Return the name of the wrong field, for which the page has an error text."""
    return str(error.errors(include_url=False, include_input=False)[0]["loc"][0])
