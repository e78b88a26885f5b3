"""The models of people, their sign-ins and API keys."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from control_api.passwords import LONGEST
from control_api.schemas import Answer, Body, Name
from sessions.api_keys import ApiKey
from sessions.callers import Role, Scope
from sessions.json_values import WrittenMoment
from sessions.users import User

Email = Annotated[
    str,
    StringConstraints(to_lower=True, max_length=254, pattern=r"^\s*[^@\s\x00]+@[^@\s\x00]+\s*$"),
    AfterValidator(str.strip),
]


def _fits(password: SecretStr) -> SecretStr:
    if len(password.get_secret_value().encode()) > LONGEST:
        raise ValueError(f"Give at most {LONGEST} bytes.")
    return password


NewPassword = Annotated[SecretStr, Field(min_length=10, max_length=LONGEST), AfterValidator(_fits)]
GivenPassword = Annotated[SecretStr, Field(max_length=1024)]


class Registration(Body):
    """POST /api/auth/register."""

    email: Email
    password: NewPassword
    name: Name | None = None
    setup_token: GivenPassword | None = None
    """For the first registration: the first API key, or what the file `setup.token` holds."""


class SetupState(Answer):
    """GET /api/setup: whether the first administrator is still to register."""

    open: bool


class Credentials(Body):
    """POST /api/auth/login."""

    email: Email
    password: GivenPassword


class RefreshToken(Body):
    """POST /api/auth/refresh: a refresh token works once."""

    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class PasswordChange(Body):
    """POST /api/auth/password."""

    password: GivenPassword
    new_password: NewPassword


class UserView(Answer):
    """A person who can sign in; `id` is the owner of their connections."""

    id: str
    email: str
    name: str
    role: Role
    created_at: WrittenMoment

    @classmethod
    def of(cls, user: User) -> UserView:
        """Show a user."""
        return cls.model_validate(user.model_dump(exclude={"password_hash"}))


class UserList(Answer):
    """GET /api/users."""

    items: list[UserView]


class SignedIn(Answer):
    """A sign-in: `accessToken` goes into Authorization, `refreshToken` gets the next pair."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  the word of RFC 6750
    expires_in: int
    refresh_token: str
    user: UserView


class Me(Answer):
    """GET /api/auth/me: who the caller is and what they may do."""

    owner: str
    role: Role
    scopes: list[Scope]
    user: UserView | None = None


class NewApiKey(Body):
    """POST /api/api-keys."""

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=20)]


class ApiKeyView(Answer):
    """What may be seen of a key."""

    id: str
    name: str
    owner: str
    scopes: list[Scope]
    created_at: WrittenMoment

    @classmethod
    def of(cls, key: ApiKey) -> ApiKeyView:
        """Show a key, without the key."""
        return cls.model_validate(
            key.model_dump(exclude={"role", "scopes"}) | {"scopes": sorted(key.scopes)}
        )


class CreatedApiKey(ApiKeyView):
    """A new key: the only time that `key` is shown."""

    key: str


class ApiKeyList(Answer):
    """GET /api/api-keys."""

    items: list[ApiKeyView]
