"""The models of users, sign-ins and API keys."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from control_api.credentials.passwords import LONGEST
from control_api.schemas.base import Answer, Body, Name
from sessions.accounts.api_keys import ApiKey
from sessions.accounts.users import User
from sessions.common.callers import Role, Scope
from sessions.common.email_addresses import normal_email
from sessions.common.json_values import OrDefault, Shape, Timestamp, WrittenTimestamp
from sessions.messages.fields import ConnectionId


def _normal(value: object) -> object:
    return normal_email(value) if isinstance(value, str) else value


Email = Annotated[
    str,
    BeforeValidator(_normal),
    StringConstraints(max_length=254),
    Shape(r"^[^@\s\x00]+@[^@\s\x00]+$", "This is no e-mail address."),
    # The pattern alone allows more: invisible characters are refused too.
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254}),
]


def _fits(password: SecretStr) -> SecretStr:
    if len(password.get_secret_value().encode()) > LONGEST:
        raise ValueError(f"Give at most {LONGEST} bytes.")
    return password


NewPassword = Annotated[SecretStr, Field(min_length=10, max_length=LONGEST), AfterValidator(_fits)]
GivenPassword = Annotated[SecretStr, Field(max_length=1024)]


def _check_network(text: str) -> str:
    """Check an address or a network; a network with bits set beyond its mask is refused."""
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ValueError(
            "Give an address, or a network such as 203.0.113.0/24 with no bits behind its mask."
        ) from error
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
        raise ValueError("Write an IPv4 address as such: 203.0.113.7.")
    return str(network)


Network = Annotated[
    str,
    AfterValidator(_check_network),
    WithJsonSchema({"type": "string", "format": "ip-network", "examples": ["203.0.113.0/24"]}),
]
Networks = Annotated[list[Network], Field(min_length=1, max_length=100)]
ConnectionIds = Annotated[list[ConnectionId], Field(min_length=1, max_length=100)]


class Registration(Body):
    """POST /api/auth/register."""

    email: Email
    password: NewPassword
    name: Name | None = None
    setup_token: GivenPassword | None = None
    """For the first registration: the first API key, or the content of the file `setup.token`."""


class SetupState(Answer):
    """GET /api/setup: whether the first administrator has still to register."""

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
    revoke_api_keys: OrDefault[bool] = False
    """Whether the caller's API keys are revoked too; /api/auth/me shows how many there are."""


class UserView(Answer):
    """A user; `id` is the owner of their connections."""

    id: str
    email: str
    name: str
    role: Role
    created_at: WrittenTimestamp

    @classmethod
    def of(cls, user: User) -> UserView:
        """Show a user."""
        return cls.model_validate(user.model_dump(exclude={"password_hash"}))


class UserList(Answer):
    """GET /api/users."""

    items: list[UserView]


class SignedIn(Answer):
    """A sign-in: `accessToken` is for the header Authorization, `refreshToken` for new tokens."""

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
    api_keys: int | None = None
    """How many API keys the user has; a new password does not revoke them."""


class NewApiKey(Body):
    """POST /api/api-keys."""

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=20)]
    all_owners: OrDefault[bool] = False
    """Whether the key may use the connections of all owners, as an administrator may."""
    connection_ids: ConnectionIds | None = Field(None, examples=[["business_main"]])
    """The only connections that the key may use; if left out, all of its owner's."""
    allowed_ips: Networks | None = Field(None, examples=[["203.0.113.0/24", "2001:db8::7"]])
    """The only addresses and networks that the key works from."""
    expires_at: Timestamp | None = Field(None, examples=["2040-01-31T09:00:00Z"])
    """When the key stops working."""

    @model_validator(mode="after")
    def _is_for_one_owner(self) -> NewApiKey:
        if self.all_owners and self.connection_ids is not None:
            raise ValueError("connectionIds: a key with allOwners is for all connections")
        return self


class ApiKeyView(Answer):
    """An API key without the key itself."""

    id: str
    name: str
    owner: str
    scopes: list[Scope]
    all_owners: bool
    connection_ids: list[str] | None = None
    allowed_ips: list[str] | None = None
    expires_at: WrittenTimestamp | None = None
    made_by: str | None = None
    """The key with which it was created; it stops working together with that key."""
    created_at: WrittenTimestamp
    last_used_at: WrittenTimestamp | None = None
    """When it was last used, up to a few minutes late; missing if it was never used."""

    @classmethod
    def of(cls, key: ApiKey, names: Mapping[str, str]) -> ApiKeyView:
        """Show a key; `names` maps our ids of connections to their `connectionId`."""
        only = key.connections
        return cls(
            id=key.id,
            name=key.name,
            owner=key.owner,
            scopes=sorted(key.scopes),
            all_owners=key.role is Role.ADMIN,
            connection_ids=None if only is None else sorted(names[i] for i in only if i in names),
            allowed_ips=list(key.allowed_ips) or None,
            expires_at=key.expires_at,
            made_by=key.makers[-1] if key.makers else None,
            created_at=key.created_at,
            last_used_at=key.last_used_at,
        )


class CreatedApiKey(ApiKeyView):
    """A new key; `key` is shown only here."""

    key: str


class ApiKeyList(Answer):
    """GET /api/api-keys."""

    items: list[ApiKeyView]
