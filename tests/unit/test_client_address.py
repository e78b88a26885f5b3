"""Whom a request comes from, when proxies stand between: only those that we trust are believed."""

from __future__ import annotations

from ipaddress import ip_network
from unittest import mock

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from control_api.http.client_address import FORWARDED_HEADER, TRUSTED_PROXIES, client_of

PROXIES = tuple(map(ip_network, ("10.0.0.0/8", "192.0.2.1", "2001:db8:ffff::/48")))


def _client(
    peer: str,
    *headers: tuple[str, str],
    trusted: bool = True,
    header: str = "X-Forwarded-For",
) -> tuple[str, str]:
    app = web.Application()
    app[TRUSTED_PROXIES] = PROXIES if trusted else ()
    app[FORWARDED_HEADER] = header
    transport = mock.Mock()
    known = {"peername": (peer, 40000), "sslcontext": None}
    transport.get_extra_info.side_effect = lambda name, default=None: known.get(name, default)
    request = make_mocked_request(
        "GET", "/", headers=CIMultiDict(headers), app=app, transport=transport
    )
    found = client_of(request)
    return str(found.address), found.scheme


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        ("198.51.100.9", [], ("198.51.100.9", "http")),
        ("10.1.1.1", [], ("10.1.1.1", "http")),
        # Who is not trusted is not believed.
        (
            "198.51.100.9",
            [("X-Forwarded-For", "203.0.113.5"), ("X-Forwarded-Proto", "https")],
            ("198.51.100.9", "http"),
        ),
        ("198.51.100.9", [("Forwarded", "for=203.0.113.5;proto=https")], ("198.51.100.9", "http")),
        # The rightmost address that is not a proxy of ours; what stands left of it is hearsay.
        ("10.1.1.1", [("X-Forwarded-For", "203.0.113.5")], ("203.0.113.5", "http")),
        ("10.1.1.1", [("X-Forwarded-For", "1.1.1.1, 203.0.113.5")], ("203.0.113.5", "http")),
        (
            "10.1.1.1",
            [("X-Forwarded-For", "1.1.1.1, 203.0.113.5, 10.2.2.2")],
            ("203.0.113.5", "http"),
        ),
        (
            "10.1.1.1",
            [("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-For", "203.0.113.5,192.0.2.1")],
            ("203.0.113.5", "http"),
        ),
        ("10.1.1.1", [("X-Forwarded-For", "10.3.3.3, 10.2.2.2")], ("10.3.3.3", "http")),
        # Ports, brackets, IPv4 inside IPv6.
        ("10.1.1.1", [("X-Forwarded-For", "203.0.113.5:55000")], ("203.0.113.5", "http")),
        ("10.1.1.1", [("X-Forwarded-For", "[2001:db8::7]:55000")], ("2001:db8::7", "http")),
        ("10.1.1.1", [("X-Forwarded-For", "2001:db8::7")], ("2001:db8::7", "http")),
        ("::ffff:10.1.1.1", [("X-Forwarded-For", "203.0.113.5")], ("203.0.113.5", "http")),
        ("2001:db8:ffff::1", [("X-Forwarded-For", "203.0.113.5")], ("203.0.113.5", "http")),
        # What cannot be read ends the walk at the last proxy that can be named.
        ("10.1.1.1", [("X-Forwarded-For", "203.0.113.5, unknown")], ("10.1.1.1", "http")),
        ("10.1.1.1", [("X-Forwarded-For", "203.0.113.5, x, 10.2.2.2")], ("10.2.2.2", "http")),
        ("10.1.1.1", [("X-Forwarded-For", ",, ,")], ("10.1.1.1", "http")),
        ("10.1.1.1", [("X-Forwarded-For", "999.1.1.1")], ("10.1.1.1", "http")),
        # The scheme: one value for all, or one for each hop.
        (
            "10.1.1.1",
            [("X-Forwarded-For", "203.0.113.5, 10.2.2.2"), ("X-Forwarded-Proto", "https")],
            ("203.0.113.5", "https"),
        ),
        (
            "10.1.1.1",
            [("X-Forwarded-For", "203.0.113.5, 10.2.2.2"), ("X-Forwarded-Proto", "https,http")],
            ("203.0.113.5", "https"),
        ),
        (
            "10.1.1.1",
            [("X-Forwarded-For", "203.0.113.5"), ("X-Forwarded-Proto", "gopher")],
            ("203.0.113.5", "http"),
        ),
        # What a client wrote itself stands left of what the proxy wrote, in both headers.
        (
            "10.1.1.1",
            [
                ("X-Forwarded-For", "1.1.1.1, 203.0.113.5"),
                ("X-Forwarded-Proto", "https, http"),
            ],
            ("203.0.113.5", "http"),
        ),
        (
            "10.1.1.1",
            [
                ("X-Forwarded-For", "203.0.113.5"),
                ("X-Forwarded-Proto", "https, https, http"),
            ],
            ("203.0.113.5", "http"),
        ),
        (
            "10.1.1.1",
            [
                ("X-Forwarded-For", "203.0.113.5, 10.2.2.2, 10.3.3.3"),
                ("X-Forwarded-Proto", "https, http"),
            ],
            ("203.0.113.5", "https"),
        ),
        # A header that our proxies do not write is the client's own.
        (
            "10.1.1.1",
            [("Forwarded", "for=9.9.9.9;proto=https"), ("X-Forwarded-For", "203.0.113.5")],
            ("203.0.113.5", "http"),
        ),
        ("10.1.1.1", [("Forwarded", "for=9.9.9.9;proto=https")], ("10.1.1.1", "http")),
        ("10.1.1.1", [("X-Real-Ip", "9.9.9.9")], ("10.1.1.1", "http")),
    ],
)
def test_the_client_is_the_first_whom_no_proxy_of_ours_vouches_for(
    peer: str, headers: list[tuple[str, str]], client: tuple[str, str]
) -> None:
    assert _client(peer, *headers) == client


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        (
            [("Forwarded", 'for=1.1.1.1, for="[2001:db8::7]:443";proto=https;by=10.2.2.2')],
            ("2001:db8::7", "https"),
        ),
        (
            [
                ("Forwarded", 'for=6.6.6.6;x="'),
                ("Forwarded", 'for="203.0.113.5:4711";by="10.0.0.1"'),
            ],
            ("203.0.113.5", "http"),
        ),
        (
            [("Forwarded", 'for=6.6.6.6, for=203.0.113.9;host="a,b\\"c"')],
            ("203.0.113.9", "http"),
        ),
        (
            [("Forwarded", 'for=6.6.6.6, for=203.0.113.9;host="a,b,c,d,e,f,g,h"')],
            ("0.0.0.0", "http"),
        ),
        (
            [("Forwarded", "for=203.0.113.5, , ")],
            ("203.0.113.5", "http"),
        ),
        (
            [("Forwarded", "for=203.0.113.5" + ",for=10.2.2.2" * 100_000)],
            ("10.2.2.2", "http"),
        ),
        (
            [("Forwarded", 'for=6.6.6.6;x="a, for=7.7.7.7, for="[2001:db8::7]:443"')],
            ("2001:db8::7", "http"),
        ),
        (
            [("Forwarded", "for=1.1.1.1;proto=https"), ("Forwarded", "for=203.0.113.5")],
            ("203.0.113.5", "http"),
        ),
        (
            [
                ("Forwarded", "for=203.0.113.5;proto=http"),
                ("X-Forwarded-For", "9.9.9.9"),
                ("X-Forwarded-Proto", "https"),
            ],
            ("203.0.113.5", "http"),
        ),
        (
            [("X-Forwarded-For", "9.9.9.9"), ("X-Forwarded-Proto", "https")],
            ("10.1.1.1", "http"),
        ),
        ([("Forwarded", "for=_hidden;proto=https")], ("10.1.1.1", "http")),
        ([("Forwarded", "by=10.2.2.2")], ("10.1.1.1", "http")),
    ],
)
def test_proxies_that_write_rfc_7239_are_believed_in_that_header_alone(
    headers: list[tuple[str, str]], client: tuple[str, str]
) -> None:
    assert _client("10.1.1.1", *headers, header="Forwarded") == client


def test_without_trusted_proxies_nothing_is_believed() -> None:
    spoofed = ("X-Forwarded-For", "203.0.113.5")
    assert _client("10.1.1.1", spoofed, trusted=False) == ("10.1.1.1", "http")
