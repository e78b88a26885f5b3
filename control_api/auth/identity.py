"""Identify the caller of a request, and check what they may do."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from aiohttp import web

from control_api.auth.session_cookie import COOKIE, keep_session
from control_api.credentials.access_tokens import BadTokenError, Claims
from control_api.credentials.csrf import HEADER, SAFE_METHODS, CsrfError
from control_api.http.client_address import Client, client_of
from control_api.http.problems import ForbiddenError, Handler, NotIdentifiedError, UnauthorizedError
from control_api.services import SERVICES, Services
from sessions.accounts.sign_ins import SignInExpiredError
from sessions.common.callers import ALL_SCOPES, Caller, Scope
from sessions.common.errors import ConnectionNotFoundError, MessageNotFoundError
from sessions.connections.model import Connection
from sessions.conversations.model import ReceivedMessage
from sessions.messages.model import Message
from sessions.storage.mongo import STORE_DOWN

_BEARER = "bearer "
_DOTS = 2
"""How many a JWT has."""
_RENEWED_AFTER = 0.25
"""The fraction of a token's lifetime after which an active session gets a new token."""
_TOKEN_OVER = "This token does not work (any more). Sign in again."  # noqa: S105  no secret
_NO_TOKEN = "This is no token of a sign-in. An API key goes into X-Api-Key."  # noqa: S105
_ELSEWHERE = "This API key does not work from this address."
_NOTHING_SENT = "Send an API key in X-Api-Key, or a token as Authorization: Bearer."
_FOR_EVERYBODY = ("/health", "/metrics", "/docs", "/openapi.json", "/dashboard/static", "/static")
"""Paths (and all below them) that are cheap and the same for everybody: no caller is looked up."""


@dataclass(frozen=True)
class Identity:
    """The caller of a request, or the error that says why there is none."""

    caller: Caller | None
    refusal: Exception
    session: Claims | None = None
    """The claims of the session cookie, if it identified the caller."""

    @property
    def failure(self) -> Exception | None:
        """The error of MongoDB, if it prevented the look-up."""
        return self.refusal if isinstance(self.refusal, STORE_DOWN) else None


IDENTITY = web.RequestKey("identity", Identity)
_OWNER = web.RequestKey("owner", str)


@web.middleware
async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Store the caller of the request; the endpoint decides whether they may use it."""
    if is_for_everybody(request):
        request[IDENTITY] = _stranger()
    else:
        await identify_again(request)
    response = await handler(request)
    await _renew(request, response)
    return response


async def identify_again(request: web.Request) -> None:
    """Identify the caller again during a long request: a key may be revoked, a person sign out."""
    try:
        request[IDENTITY] = await _identity(request)
    except (SignInExpiredError, *STORE_DOWN) as error:
        request[IDENTITY] = Identity(None, error)


def is_for_everybody(request: web.Request) -> bool:
    """Tell whether a path is the same for everybody, so that no caller is identified or counted."""
    path = request.path
    return any(path == each or path.startswith(f"{each}/") for each in _FOR_EVERYBODY)


async def _identity(request: web.Request) -> Identity:
    services = request.app[SERVICES]
    if key := request.headers.get("X-Api-Key"):
        caller = await services.keys.caller_of(key)
        if caller is not None and not _may_come_from(caller, client_of(request)):
            return Identity(None, UnauthorizedError(_ELSEWHERE))
        return Identity(caller, UnauthorizedError("This API key does not work (any more)."))
    given = request.headers.get("Authorization", "")
    if given[: len(_BEARER)].lower() == _BEARER:
        token = given[len(_BEARER) :].strip()
        refusal = _TOKEN_OVER if token.count(".") == _DOTS else _NO_TOKEN
        return Identity(await caller_by_token(services, token), UnauthorizedError(refusal))
    if cookie := request.cookies.get(COOKIE):
        return await _by_cookie(request, cookie)
    return _stranger()


def _stranger() -> Identity:
    # A new error each time: one that is raised repeatedly would collect tracebacks.
    return Identity(None, UnauthorizedError(_NOTHING_SENT))


async def _by_cookie(request: web.Request, cookie: str) -> Identity:
    """Identify by the session cookie; requests that change something need a CSRF token too."""
    services = request.app[SERVICES]
    caller = await caller_by_token(services, cookie)
    if caller is None or caller.sign_in is None:
        return Identity(None, UnauthorizedError(_TOKEN_OVER))
    if request.method not in SAFE_METHODS:
        try:
            services.csrf.check(request, caller.sign_in, request.headers.get(HEADER, ""))
        except CsrfError as error:
            return Identity(None, error)
    return Identity(caller, UnauthorizedError(_TOKEN_OVER), services.tokens.read(cookie))


async def _renew(request: web.Request, response: web.StreamResponse) -> None:
    """Renew the cookie and the sign-in of an active session, long before they expire."""
    services, session = request.app[SERVICES], request[IDENTITY].session
    if session is None or session.issued_at is None:
        return
    now = services.now()
    fresh = now - session.issued_at < services.tokens.lifetime * _RENEWED_AFTER
    if fresh or response.prepared or COOKIE in response.cookies:
        return
    # The answer is ready; if MongoDB is away, the cookie is renewed with a later request.
    with suppress(*STORE_DOWN):
        await services.sign_ins.extend(session.sign_in, now + services.settings.refresh_expires_in)
        keep_session(request, response, services.tokens.write(session, now), services)


def _may_come_from(caller: Caller, client: Client) -> bool:
    networks = caller.networks
    return not networks or any(client.address in network for network in networks)


async def caller_by_token(services: Services, token: str) -> Caller | None:
    """Return the caller of an access token; None if it is invalid or the sign-in has ended.

    Raises SignInExpiredError.
    """
    try:
        claims = services.tokens.read(token)
    except BadTokenError:
        return None
    if not await services.sign_ins.is_alive(claims.sign_in, services.now()):
        return None
    user = await services.users.get(claims.user)
    if user is None:
        return None
    return Caller(user.id, user.role, ALL_SCOPES, sign_in=claims.sign_in)


async def authorize(request: web.Request, needs: Scope | None, *, admin: bool) -> None:
    """Raise UnauthorizedError or ForbiddenError unless the caller may use the endpoint."""
    caller = caller_of(request)
    if needs is not None and needs not in caller.scopes:
        raise ForbiddenError(f"This API key lacks the scope {needs}.")
    if admin and not caller.is_admin:
        raise ForbiddenError("Only an administrator may do this.")


async def authorize_again(request: web.Request, needs: Scope) -> None:
    """Raise like `authorize` after a long wait: the key may be revoked, the person signed out."""
    await identify_again(request)
    await authorize(request, needs, admin=False)


async def choose_owner(request: web.Request) -> None:
    """Read `?owner=`, with which an administrator names somebody else's connections."""
    caller = caller_of(request)
    named = request.query.get("owner")
    if not named:
        return
    if not caller.is_admin and named != caller.owner:
        raise ForbiddenError("Only an administrator may name another owner.")
    user_is_caller = named == caller.owner
    owner = named if user_is_caller else (await request.app[SERVICES].users.named(named)).id
    request[_OWNER] = owner


def identity_of(request: web.Request) -> Identity:
    """Return the identity of the request; raise NotIdentifiedError if MongoDB was away."""
    identity = request[IDENTITY]
    if identity.failure is not None:
        raise NotIdentifiedError(identity.failure)
    return identity


def caller_of(request: web.Request) -> Caller:
    """Return the caller; raise UnauthorizedError or CsrfError if there is none."""
    identity = identity_of(request)
    if identity.caller is None:
        raise identity.refusal
    return identity.caller


def owner_of(request: web.Request) -> str:
    """Return the owner that the request is about: the caller, or the one named by `?owner=`."""
    return request.get(_OWNER) or caller_of(request).owner


async def connection_of(request: web.Request, connection_id: str) -> Connection:
    """Return the owner's connection, if the caller's key may use it.

    Raises ConnectionNotFoundError.
    """
    found = await request.app[SERVICES].connections.find(owner_of(request), connection_id)
    if not caller_of(request).may_use(found.id):
        raise ConnectionNotFoundError(connection_id)
    return found


async def message_of(request: web.Request, message_id: str) -> Message:
    """Return a message that the caller may see, if their key may use its connection.

    Raises MessageNotFoundError.
    """
    found = await request.app[SERVICES].outbox.find(seen_owner(request), message_id)
    if not caller_of(request).may_use(found.connection):
        raise MessageNotFoundError(message_id)
    return found


async def any_message_of(request: web.Request, message_id: str) -> Message | ReceivedMessage:
    """Return a message, sent or received, as `message_of` does; raise MessageNotFoundError."""
    with suppress(MessageNotFoundError):
        return await message_of(request, message_id)
    return await received_message_of(request, message_id)


async def received_message_of(request: web.Request, message_id: str) -> ReceivedMessage:
    """Return a received message as `message_of` does; raise MessageNotFoundError."""
    found = await request.app[SERVICES].received.find(seen_owner(request), message_id)
    if not caller_of(request).may_use(found.connection):
        raise MessageNotFoundError(message_id)
    return found


def require_all_connections(request: web.Request) -> None:
    """Raise ForbiddenError for a key that is for some of its owner's connections only."""
    if caller_of(request).connections is not None:
        raise ForbiddenError("This API key is for certain connections only.")


def seen_owner(request: web.Request) -> str | None:
    """Return whose records the caller may see; None means everybody's, for an administrator."""
    caller = caller_of(request)
    return request.get(_OWNER) or (None if caller.is_admin else caller.owner)
