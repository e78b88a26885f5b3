"""Build the container image and try it: `python -m tests.image_check`; `make image-check`.

The API and a worker run in it as its own user, with a root that cannot be written, against a
simulated WhatsApp Web: the health page has to answer, and a browser has to show a QR code.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp

from sessions.embedded import MONGO, REDIS
from sessions.embedded.layout import Layout
from tests.conftest import ROOT
from tests.image_check.image import Image, build, given_away, missing_tools, running, unpacked
from tests.ports import LOOPBACK, free_ports
from tests.waiting import until

_NAME = "chatgrow-worker:check"
_KEY = "image-check-" + "k3Y" * 12
_INSIDE = "/mnt"
_WITHIN = timedelta(seconds=90)


def main() -> int:
    """Build and try the image; return an exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.image_check", description=__doc__)
    parser.add_argument("--base", metavar="IMAGE", help="build on this image in place of Debian's")
    parser.add_argument("--image", metavar="NAME", help="try this image; build none")
    given = parser.parse_args()
    if missing := missing_tools():
        print(
            f"Missing: {', '.join(missing)} (apt-get install buildah bubblewrap)", file=sys.stderr
        )
        return 78
    if given.image is None:
        build(_NAME, given.base)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with unpacked(given.image or _NAME, Path(folder) / "root") as image:
            asyncio.run(_try(image, Path(folder)))
    return 0


async def _try(image: Image, folder: Path) -> None:
    port, simulator = free_ports(2)
    settings = _settings(port, simulator)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_servers(folder, simulator))
        for name, command in (("api", ()), ("worker", ("python", "-m", "chatgrow_worker"))):
            places = {given_away(folder / name): "/app/var", folder / "servers": _INSIDE}
            line = image.command_line(places, settings, command)
            await stack.enter_async_context(running(line, folder / f"{name}.log"))
        http = await stack.enter_async_context(
            aiohttp.ClientSession(f"http://{LOOPBACK}:{port}", headers={"X-Api-Key": _KEY})
        )
        await until(lambda: _is_well(http), within=_WITHIN)
        print("The API and a worker run, as", _written_by(image, folder))
        await _show_a_code(http)
        print("A browser in the image shows a QR code")


def _written_by(image: Image, folder: Path) -> str:
    """Say whose programs run, and check that they could not write to their root."""
    asks = "id -un; touch /app/x /x 2>/dev/null && echo 'The root can be written' || true"
    line = image.command_line({folder / "api": "/app/var"}, {}, ("sh", "-c", asks))
    said = subprocess.check_output(line, text=True).split("\n")
    assert said == ["chatgrow", ""], said
    return f"{said[0]}, on a root that cannot be written"


def _settings(port: int, simulator: int) -> dict[str, str]:
    """Return settings for production, with fresh secrets."""
    fresh = subprocess.check_output([ROOT / "scripts/compose_env.sh"], text=True)
    secrets = dict(line.split("=", 1) for line in fresh.splitlines())
    layout = Layout.of(Path(_INSIDE), MONGO).folder
    return {
        "JWT_SECRET": secrets["JWT_SECRET"],
        "SESSION_ENCRYPTION_KEYS": secrets["SESSION_ENCRYPTION_KEYS"],
        "INITIAL_API_KEY": _KEY,
        MONGO.setting: MONGO.uri(layout / "mongo.sock"),
        REDIS.setting: REDIS.uri(layout / "redis.sock"),
        "HOST": LOOPBACK,
        "PORT": str(port),
        "WHATSAPP_WEB_URL": f"http://{LOOPBACK}:{simulator}/",
    }


@asynccontextmanager
async def _servers(folder: Path, port: int) -> AsyncIterator[None]:
    """Run MongoDB, Redis and the simulated WhatsApp Web beside the image."""
    data = folder / "servers"
    data.mkdir()
    modules = [("sessions.embedded", kind.name, "--always") for kind in (MONGO, REDIS)]
    lines = [[sys.executable, "-m", *each, "--data", str(data)] for each in modules]
    pretended = ["-m", "tests.whatsapp_web", "--port", str(port), "--data", str(folder / "web")]
    async with AsyncExitStack() as stack:
        for number, line in enumerate([*lines, [sys.executable, *pretended]]):
            await stack.enter_async_context(running(line, folder / f"server-{number}.log"))
        sockets = [Layout.of(data, kind).socket for kind in (MONGO, REDIS)]
        await until(lambda: all(each.exists() for each in sockets), within=_WITHIN)
        # The image's user is another one than ours.
        for each in (*sockets, Layout.of(data, MONGO).folder):
            each.chmod(0o777)
        yield


async def _is_well(http: aiohttp.ClientSession) -> bool:
    try:
        async with http.get("/health") as answer:
            found: dict[str, Any] = await answer.json()
    except aiohttp.ClientError:
        return False
    return answer.status == 200 and found["checks"]["workers"] == 1


async def _show_a_code(http: aiohttp.ClientSession) -> None:
    async with http.post("/api/whatsapp/connections", json={"connectionId": "main"}) as made:
        assert made.status == 201, await made.text()
    async with http.get("/api/whatsapp/connections/main/qr?format=json&wait=60") as shown:
        assert shown.status == 200, await shown.text()


if __name__ == "__main__":
    sys.exit(main())
