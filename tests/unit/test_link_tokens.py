"""Signed links: whose they are, and until when they work."""

from __future__ import annotations

import string
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_api.credentials.access_tokens import AccessTokens, BadTokenError, Claims
from control_api.phone_linking.link_tokens import (
    LinkExpiredError,
    LinkSigner,
    LinkUnknownError,
    LinkUsedError,
)
from sessions.common.clock import utc_now
from sessions.connections.model import Connection
from sessions.connections.states import ConnectionState

SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"
LIFETIME = timedelta(minutes=30)
NOW = utc_now()
MADE = NOW.replace(microsecond=0)
SIGNER = LinkSigner(SECRET, LIFETIME, lambda: NOW)


def _connection(logins: int = 0) -> Connection:
    return Connection(
        id="01aaaaaaaaaaaaaaaaaaaaaaaa",
        owner="admin",
        connection_id="main",
        name="Main",
        state=ConnectionState.STARTING,
        since=NOW,
        logins=logins,
        created_at=NOW,
    )


def test_a_token_names_its_connection_until_it_expires() -> None:
    token, expires_at = SIGNER.make(_connection())
    assert expires_at == MADE + LIFETIME
    link = SIGNER.read(token)
    assert link.connection == _connection().id
    link.check(_connection())
    last = LinkSigner(SECRET, LIFETIME, lambda: expires_at - timedelta(milliseconds=1))
    assert last.read(token) == link
    with pytest.raises(LinkExpiredError):
        LinkSigner(SECRET, LIFETIME, lambda: expires_at).read(token)


def test_a_token_is_used_once_a_phone_was_linked_since_it_was_made() -> None:
    token, _ = SIGNER.make(_connection(logins=1))
    SIGNER.read(token).check(_connection(logins=1))
    with pytest.raises(LinkUsedError):
        SIGNER.read(token).check(_connection(logins=2))


@given(st.data())
def test_a_token_with_any_other_letter_is_unknown(data: st.DataObject) -> None:
    token, _ = SIGNER.make(_connection())
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from(string.ascii_letters + string.digits + "-_.=\x00é"))
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        with pytest.raises(LinkUnknownError):
            SIGNER.read(changed)


@pytest.mark.parametrize("cut", [0, 1, 40, 100, -1])
def test_a_token_that_was_cut_off_is_unknown(cut: int) -> None:
    with pytest.raises(LinkUnknownError):
        SIGNER.read(SIGNER.make(_connection())[0][:cut])


def test_tokens_for_another_purpose_or_under_another_secret_are_unknown() -> None:
    other, _ = LinkSigner(SECRET[::-1], LIFETIME, lambda: NOW).make(_connection())
    access = AccessTokens(SECRET, LIFETIME).write(Claims("user", "sign-in"), NOW)
    for token in (other, access, other + "a" * 2000):
        with pytest.raises(LinkUnknownError):
            SIGNER.read(token)
    with pytest.raises(BadTokenError):
        AccessTokens(SECRET, LIFETIME).read(SIGNER.make(_connection())[0])
