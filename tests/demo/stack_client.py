"""The running stack as the demo uses it: its control API, its phone and its restarts."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

_ROOT = Path(__file__).parents[2]
_TAIL_LINES = 15


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


class StackClient:
    """Talks to the control API as a backend would, and to the simulated phone."""

    def __init__(self, ready: dict[str, Any], http: aiohttp.ClientSession) -> None:
        self.ready = ready
        self._http = http

    async def api(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Call the control API; return the status and the answer.

        A path that does not begin with `/api/` is one of `/api/whatsapp`.
        """
        headers = {"X-Api-Key": self.ready["apiKey"]}
        whole = path if path.startswith("/api/") else f"/api/whatsapp{path}"
        url = self.ready["api"] + whole
        async with self._http.request(method, url, json=body, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    async def expect(
        self, status: HTTPStatus, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Call the control API; raise `DemoError` unless it answers with this status."""
        got, answer = await self.api(method, path, body)
        if got != status:
            raise DemoError(f"{method} {path} answered {got}: {answer}")
        return answer

    async def register(self, email: str, password: str) -> None:
        """Make the administrator, who signs in on the pages; raise `DemoError`."""
        body = {"email": email, "password": password, "setupToken": self.ready["apiKey"]}
        url = f"{self.ready['api']}/api/auth/register"
        async with self._http.post(url, json=body) as response:
            if response.status != HTTPStatus.CREATED:
                raise DemoError(f"Nobody could register: {await response.text()}")

    async def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Move the simulated phone; return the answer, or None when the code had gone stale."""
        url = f"{self.ready['simulator']}/control{path}"
        async with self._http.request(method, url, json=body) as response:
            if response.status == HTTPStatus.CONFLICT:
                return None
            response.raise_for_status()
            return await response.json()

    def end_worker(self, name: str) -> None:
        """End a worker as an operator would; `worker-1` is the first."""
        os.kill(self.ready["pids"]["workers"][int(name.rpartition("-")[2]) - 1], signal.SIGTERM)

    def log_tails(self) -> str:
        """Return the last lines of each log."""
        logs = sorted(Path(self.ready["data"], "logs").glob("*.log"))
        return "\n".join(map(_tail, logs))


@asynccontextmanager
async def running_stack(workers: int = 2) -> AsyncIterator[StackClient]:
    """Start a stack, yield a client of it, and stop it."""
    tie = ("-m", "tests.stack.tied", str(os.getpid()))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *tie, "tests.stack", "--workers", str(workers)),
        cwd=_ROOT,
        stdout=asyncio.subprocess.PIPE,
        # A session of its own: Ctrl-C is for the demo, which stops the stack in order.
        start_new_session=True,
    )
    try:
        ready = await process.stdout.readline() if process.stdout else b""
        if not ready:
            raise DemoError("The stack did not come up (see above).")
        async with aiohttp.ClientSession() as http:
            yield StackClient(json.loads(ready), http)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
    return "\n".join([f"--- {log.name}", *lines])
