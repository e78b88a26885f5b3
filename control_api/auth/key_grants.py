"""What a new API key may do: never more than its maker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network

from control_api.http.problems import ForbiddenError, InvalidParameterError
from control_api.schemas.accounts import NewApiKey
from sessions.accounts.api_keys import Grant
from sessions.common.callers import Caller

_Network = IPv4Network | IPv6Network


def granted(
    caller: Caller, owner: str, asked: NewApiKey, connections: frozenset[str] | None, now: datetime
) -> Grant:
    """Return what a new key may do; limits that are not asked for are the maker's own.

    `connections` are our ids of the requested connections; the caller may use all of them. Raises
    ForbiddenError, or InvalidParameterError if the key would have expired already.
    """
    scopes = frozenset(asked.scopes)
    if not scopes <= caller.scopes:
        raise ForbiddenError("A key cannot give scopes that it lacks.")
    if asked.all_owners and not (caller.is_admin and owner == caller.owner):
        raise ForbiddenError("Only an administrator's own key can be for all owners.")
    return Grant(
        owner=owner,
        name=asked.name,
        scopes=scopes,
        all_owners=asked.all_owners,
        connections=caller.connections if connections is None else connections,
        networks=_networks(caller, asked.allowed_ips),
        expires_at=_end(caller, asked.expires_at, now),
        makers=() if caller.key_id is None else (*caller.makers, caller.key_id),
    )


def _networks(caller: Caller, asked: Sequence[str] | None) -> tuple[_Network, ...]:
    if asked is None:
        return caller.networks
    wanted = tuple(map(ip_network, asked))
    if caller.networks and not all(_is_within(each, caller.networks) for each in wanted):
        raise ForbiddenError("A key cannot give addresses from which it does not work itself.")
    return wanted


def _is_within(network: _Network, others: Sequence[_Network]) -> bool:
    return any(
        # IPv4 and IPv6 networks cannot be compared.
        network.version == other.version and network.subnet_of(other)  # type: ignore[arg-type]
        for other in others
    )


def _end(caller: Caller, wanted: datetime | None, now: datetime) -> datetime | None:
    if wanted is None:
        return caller.expires_at
    if wanted <= now:
        raise InvalidParameterError("expiresAt", "Give a time that is still to come.")
    if caller.expires_at is not None and wanted > caller.expires_at:
        raise ForbiddenError("A key cannot make one that works longer than itself.")
    return wanted
