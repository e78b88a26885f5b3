"""The browser runs within its sandbox, as it does in production."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatgrow_worker.browser.driver import Driver
from chatgrow_worker.browser.options import find_chromium
from chatgrow_worker.browser.temporary import own_temporary_folder
from tests.integration.browser.launching import CONNECTION, link, make_launcher, process_of
from tests.processes import children_named
from tests.whatsapp_web import whatsapp_web

NOBODY = 65534
AS_NOBODY = f"""#!/bin/sh
for each in "$@"; do
  case $each in --user-data-dir=*) chown -R {NOBODY}:{NOBODY} "${{each#*=}}" ;; esac
done
exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups {find_chromium(None)} "$@"
"""
"""Root's browser has no sandbox; so it is somebody else's where the tests run as root."""


def _has_namespaces() -> bool:
    user = NOBODY if os.geteuid() == 0 else os.geteuid()
    unshare = ["unshare", "--user", "--map-root-user", "true"]
    return subprocess.run(unshare, user=user, capture_output=True, check=False).returncode == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that others can reach too, as pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="chatgrow-sandbox-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def browser(folder: Path) -> Path | None:
    if os.geteuid() != 0:
        return None
    browser = folder / "chromium"
    browser.write_text(AS_NOBODY)
    browser.chmod(0o755)
    return browser


@pytest.mark.skipif(not _has_namespaces(), reason="the kernel gives users no namespaces")
async def test_a_page_is_linked_by_a_browser_in_its_sandbox(
    folder: Path, browser: Path | None
) -> None:
    profiles = folder / "profiles"
    profiles.mkdir()
    async with whatsapp_web(folder / "web") as web:
        with own_temporary_folder(profiles) as temporary:
            temporary.chmod(0o777)
            driver = Driver(temporary)
            launcher = make_launcher(driver, web.url, profiles, browser, sandbox=True)
            async with launcher.open(CONNECTION) as opened:
                await link(opened.page, web)
                [renderer] = _renderers(driver)
                status = Path(f"/proc/{renderer}/status").read_text()
                assert re.search(r"^Seccomp:\s2$", status, re.M)
                assert re.search(r"^NSpid:\s\d+\s\d+", status, re.M)  # processes of its own
            await driver.close()


def _renderers(driver: Driver) -> list[int]:
    browsers = children_named(process_of(driver).pid, "chromium")
    return [each.pid for each in browsers if "--type=renderer" in each.cmdline()]
