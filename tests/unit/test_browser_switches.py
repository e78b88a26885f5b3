"""Switches of the browser that hold whatever an operator chooses."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chatgrow_worker.browser.options import BrowserOptions
from chatgrow_worker.browser.savings import ALL, NONE, Savings

LIMIT = timedelta(seconds=1)


@pytest.mark.parametrize("savings", [ALL, NONE], ids=["all", "none"])
@pytest.mark.parametrize("proxy", [None, "http://proxy.example.org:3128"])
def test_webrtc_goes_nowhere_but_through_the_proxy(savings: Savings, proxy: str | None) -> None:
    options = BrowserOptions(
        executable=None,
        sandbox=True,
        savings=savings,
        url="https://web.example.org/",
        script="",
        call_limit=LIMIT,
        launch_limit=LIMIT,
        close_limit=LIMIT,
    )
    switches = options.arguments(proxy)
    assert "--force-webrtc-ip-handling-policy=disable_non_proxied_udp" in switches
