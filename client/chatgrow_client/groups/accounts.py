"""Accounts: who signs in, and with which keys programs do."""

from __future__ import annotations

from chatgrow_client.calls import Call, delete, get, model, nothing, path, post
from chatgrow_client.group import Group, Transport, listing, method
from chatgrow_client.models import (
    ApiKeyList,
    ApiKeyView,
    CreatedApiKey,
    Credentials,
    Me,
    NewApiKey,
    PasswordChange,
    RefreshToken,
    Registration,
    SetupState,
    SignedIn,
    UserList,
    UserView,
)
from chatgrow_client.pages import Pages


class Account(Group[Transport]):
    """Register and sign in; hand the `access_token` to a new client."""

    @method
    def setup_state(self) -> Call[SetupState]:
        """Tell whether the first administrator has yet to register."""
        return get("/api/setup", model(SetupState))

    @method
    def register(
        self, email: str, password: str, *, name: str | None = None, setup_token: str | None = None
    ) -> Call[SignedIn]:
        """Register somebody; the first one needs the token of the set-up."""
        body = Registration.of(email=email, password=password, name=name, setup_token=setup_token)
        return post("/api/auth/register", model(SignedIn), body)

    @method
    def login(self, email: str, password: str) -> Call[SignedIn]:
        """Sign in with a password."""
        body = Credentials(email=email, password=password)
        return post("/api/auth/login", model(SignedIn), body)

    @method
    def refresh(self, refresh_token: str) -> Call[SignedIn]:
        """Return new tokens; a refresh token works once."""
        return post("/api/auth/refresh", model(SignedIn), RefreshToken(refresh_token=refresh_token))

    @method
    def logout(self) -> Call[None]:
        """End the sign-in of this client's access token."""
        return post("/api/auth/logout", nothing)

    @method
    def me(self) -> Call[Me]:
        """Tell who asks, and what they may do."""
        return get("/api/auth/me", model(Me))

    @method
    def change_password(self, change: PasswordChange) -> Call[None]:
        """Change one's own password."""
        return post("/api/auth/password", nothing, change)


class Users(Group[Transport]):
    """Everybody who can sign in; for administrators."""

    @listing
    def list(self) -> Pages[UserView]:
        """List all users."""
        return Pages(get("/api/users", model(UserList)))

    @method
    def delete(self, user_id: str) -> Call[None]:
        """Remove a user who owns no connections."""
        return delete(path("/api/users/{}", user_id))


class ApiKeys(Group[Transport]):
    """The keys of programs."""

    @method
    def create(self, new: NewApiKey) -> Call[CreatedApiKey]:
        """Create a key; its `key` is shown only now."""
        return post("/api/api-keys", model(CreatedApiKey), new)

    @listing
    def list(self) -> Pages[ApiKeyView]:
        """List all keys."""
        return Pages(get("/api/api-keys", model(ApiKeyList)))

    @method
    def revoke(self, key_id: str) -> Call[None]:
        """Make a key, and those that were created with it, useless."""
        return delete(path("/api/api-keys/{}", key_id))
