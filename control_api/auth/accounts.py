"""Check passwords, register and remove users, and start sign-ins."""

from __future__ import annotations

from contextlib import suppress

from control_api.credentials.passwords import TooBusyError
from control_api.http.client_address import Client
from control_api.http.problems import BadCredentialsError, ForbiddenError, SetupTokenError
from control_api.schemas.accounts import Credentials, Registration
from control_api.services import Services
from sessions.accounts.sign_ins import SignIn
from sessions.accounts.users import User
from sessions.common.errors import DomainError

_NOT_INVITED = (
    "Only an administrator lets in more users; a key of theirs needs the scope manage for it."
)


class UserHasConnectionsError(DomainError):
    """The user still has connections, which would have no owner."""

    code = "user_has_connections"


async def authenticate(
    services: Services, given: Credentials, client: Client, device: str | None
) -> User:
    """Return the user with this address and password.

    `device` is the id of a device on which the user signed in before. Raises BadCredentialsError,
    TooManyAttemptsError after too many wrong passwords, and TooBusyError.
    """
    async with services.login_attempts.counted(given.email, client, device):
        user = await services.users.by_email(given.email)
        kept = user.password_hash if user else None
        right = await services.passwords.matches(given.password.get_secret_value(), kept)
        if user is None or not right:
            raise BadCredentialsError
    await _keep_up(services, user, given.password.get_secret_value())
    return user


async def _keep_up(services: Services, user: User, password: str) -> None:
    """Hash the password again if BCRYPT_ROUNDS has changed; skip it this time when busy."""
    if services.passwords.is_outdated(user.password_hash):
        with suppress(TooBusyError):
            await services.users.rehash(user, await services.passwords.hash(password))


async def register_user(
    services: Services, asked: Registration, client: Client, *, by_administrator: bool
) -> User:
    """Store a new user; the first one becomes the administrator and needs the setup token.

    Raises ForbiddenError, UserExistsError, TooBusyError, or SetupTokenError for the first user.
    Raises TooManyAttemptsError after too many wrong tokens or known addresses.
    """
    # Checked before hashing, so that strangers cannot make us do that work.
    if await services.setup.is_open():
        await _require_setup_token(services, asked, client)
        first = await _create_first(services, asked)
        if first is not None:
            return first
    if by_administrator:
        return await _create(services, asked)
    if not services.settings.allow_registration:
        raise ForbiddenError(_NOT_INVITED)
    async with services.login_attempts.counted(asked.email, client):
        return await _create(services, asked)


async def _create_first(services: Services, asked: Registration) -> User | None:
    """Store the administrator; return None if somebody else has registered first."""
    hashed = await services.passwords.hash(asked.password.get_secret_value())
    name, now = asked.name or asked.email, services.now()
    created = await services.users.create_first(asked.email, name, hashed, now)
    if created is not None:
        await services.setup.shut()
    return created


async def _create(services: Services, asked: Registration) -> User:
    """Store a user; raise UserExistsError, but only after hashing, so that timing tells nothing."""
    hashed = await services.passwords.hash(asked.password.get_secret_value())
    return await services.users.create(
        asked.email, asked.name or asked.email, hashed, services.now()
    )


async def _require_setup_token(services: Services, asked: Registration, client: Client) -> None:
    if asked.setup_token is None:
        raise SetupTokenError
    async with services.setup_attempts.counted(client):
        await services.setup.check(asked.setup_token.get_secret_value())


async def start_sign_in(services: Services, user: User) -> SignIn:
    """Start a sign-in that can be refreshed until it expires.

    Raises BadCredentialsError if the password has changed since it was checked: checking takes
    long, and the change has ended the sign-ins that were there by then.
    """
    now = services.now()
    sign_in = await services.sign_ins.start(
        user.id, now, now + services.settings.refresh_expires_in
    )
    present = await services.users.get(user.id)
    if present is None or present.password_version != user.password_version:
        await services.sign_ins.end(sign_in.id)
        raise BadCredentialsError
    return sign_in


async def remove_user(services: Services, user: User) -> None:
    """Remove a user who has no connections left; raise UserHasConnectionsError.

    The user's record is removed last, so that a removal cut off by a crash can be repeated.
    """
    await _require_no_connections(services, user)
    await _shut_out(services, user)
    await services.users.delete(user.id)
    # Once more, since requests that were under way may have created something.
    await _shut_out(services, user)
    try:
        await _require_no_connections(services, user)
    except UserHasConnectionsError:
        await services.users.put_back(user)
        raise
    if services.business is not None:
        await services.business.forget_owner(user.id)


async def _require_no_connections(services: Services, user: User) -> None:
    if await services.connections.of_owner(user.id):
        raise UserHasConnectionsError("Delete this user's connections first.")


async def _shut_out(services: Services, user: User) -> None:
    await services.sign_ins.end_all(user.id)
    await services.keys.revoke_all(user.id, services.now())
    await services.numbers.of(user.id).forget_all()
    await services.deliveries.delete_of(await services.webhooks.delete_of_owner(user.id))
    await services.media_eraser.of_owner(user.id)
