"""A login that only a browser can keep, with a key that no page can export, moves to a new disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Playwright

from chatgrow_worker.browser.options import find_chromium
from sessions.blobs import is_complete
from tests.blob_saver import DUMP, Saver
from tests.builders import Stores

_PAGE = """<!doctype html><title>A login</title><script>
const opened = () => new Promise((resolve, reject) => {
  const request = indexedDB.open("login", 1);
  request.onupgradeneeded = () => request.result.createObjectStore("kept");
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
const keptIn = async (mode) =>
  (await opened()).transaction("kept", mode, {durability: "strict"}).objectStore("kept");
async function logIn(text) {
  const key = await crypto.subtle.generateKey({name: "AES-GCM", length: 256}, false,
    ["encrypt", "decrypt"]);
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const secret = await crypto.subtle.encrypt({name: "AES-GCM", iv}, key,
    new TextEncoder().encode(text));
  await done((await keptIn("readwrite")).put({key, secret}, "login"));
  localStorage.setItem("iv", JSON.stringify([...iv]));
}
async function login() {
  const kept = await done((await keptIn("readonly")).get("login"));
  if (!kept || !localStorage.getItem("iv")) return null;
  const iv = new Uint8Array(JSON.parse(localStorage.getItem("iv")));
  return new TextDecoder().decode(
    await crypto.subtle.decrypt({name: "AES-GCM", iv}, kept.key, kept.secret));
}
</script>"""


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """Serve the page on loopback."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=_PAGE, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def test_a_login_of_a_real_browser_works_on_a_new_disk(
    stores: Stores, tmp_path: Path, playwright: Playwright, url: str
) -> None:
    _, lease = await stores.leased()
    saver = Saver(stores.database, lease, tmp_path)
    await _in_browser(playwright, saver.profile, url, "logIn('+972501111111')")
    assert is_complete(saver.profile)
    blob = await saver.save()
    assert blob is not None
    assert await saver.blobs.restore(saver.id, blob, saver.elsewhere) == DUMP
    assert await _in_browser(playwright, saver.elsewhere, url, "login()") == "+972501111111"
    assert await _in_browser(playwright, tmp_path / "empty", url, "login()") is None


async def test_an_older_login_replaces_the_newer_one_whole(
    stores: Stores, tmp_path: Path, playwright: Playwright, url: str
) -> None:
    _, lease = await stores.leased()
    saver = Saver(stores.database, lease, tmp_path)
    await _in_browser(playwright, saver.profile, url, "logIn('older')")
    blob = await saver.save()
    assert blob is not None
    await _in_browser(playwright, saver.profile, url, "logIn('newer')")
    await saver.blobs.restore(saver.id, blob, saver.profile)
    assert await _in_browser(playwright, saver.profile, url, "login()") == "older"


async def _in_browser(playwright: Playwright, profile: Path, url: str, script: str) -> object:
    """Open a browser on the profile, evaluate, and close it in order."""
    context = await playwright.chromium.launch_persistent_context(
        profile, executable_path=find_chromium(None), headless=True
    )
    page = context.pages[0]
    await page.goto(url)
    answer = await page.evaluate(script)
    await context.close()
    return answer
