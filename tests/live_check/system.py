"""The product as the check runs it: its API, one worker, servers, and a network that can be cut."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import aiohttp

from tests.forward_proxy import ForwardProxy
from tests.live_check.api import Api
from tests.live_check.options import Options
from tests.stack.folder import stack_folder
from tests.stack.options import Options as StackOptions
from tests.stack.plan import Plan
from tests.stack.process import StackProcess
from tests.stack.readiness import healthy, wait_for
from tests.stack.saved import recall
from tests.stack.stack import running

_WORKER_READY_WITHIN = timedelta(seconds=90)
_ANSWERS_WITHIN = aiohttp.ClientTimeout(total=90)
DEFAULT_SAVINGS = "proven"
"""What `BROWSER_SAVINGS` is without a setting."""


@dataclass
class System:
    """The parts that run; the worker can be started anew with other settings."""

    plan: Plan
    servers: dict[str, str]
    proxy: ForwardProxy
    http: aiohttp.ClientSession
    api: Api
    keeps_data: bool
    _worker: StackProcess | None = field(default=None)

    @property
    def simulator(self) -> str:
        """The address of the simulated WhatsApp Web."""
        return self.plan.simulator

    @property
    def worker(self) -> int:
        """The worker's process id."""
        return self._worker.pid if self._worker else 0

    async def start_worker(self, savings: str = DEFAULT_SAVINGS) -> None:
        """Start the worker, and return when the API knows of it; raise `NotReadyError`."""
        settings = {"BROWSER_SAVINGS": savings}
        program = self.plan.worker(1, self.servers)
        program = replace(program, environment={**program.environment, **settings})
        self._worker = StackProcess(program, None)
        await self._worker.start()
        await wait_for([self._worker], lambda: healthy(self.plan.api, 1), _WORKER_READY_WITHIN)

    async def stop_worker(self) -> None:
        """Stop the worker as an operator does; it saves the login and closes the browser."""
        if self._worker is not None:
            await self._worker.stop()


@asynccontextmanager
async def running_system(options: Options) -> AsyncIterator[System]:
    """Start everything but the worker; stop everything when the block ends."""
    async with AsyncExitStack() as cleanup:
        folder = cleanup.enter_context(stack_folder(options.data))
        plan = Plan(folder, recall(folder, None), _for_stack(options))
        stack = await cleanup.enter_async_context(running(plan, None))
        proxy = await cleanup.enter_async_context(ForwardProxy(lambda _host: True).serving())
        http = await cleanup.enter_async_context(aiohttp.ClientSession(timeout=_ANSWERS_WITHIN))
        api = Api(http, plan.api, plan.saved.api_key)
        system = System(plan, stack.uris, proxy, http, api, options.data is not None)
        cleanup.push_async_callback(system.stop_worker)
        yield system


def _for_stack(options: Options) -> StackOptions:
    # A person's own settings of servers and limits are not what is checked.
    settings: Mapping[str, str] = options.settings or {}
    return StackOptions(
        workers=0,
        data=options.data,
        port=None,
        supervise=False,
        environment=dict(settings),
        whatsapp_web=options.url,
    )


def without_sandbox(options: Options) -> bool:
    """Whether the browser runs without its sandbox, as it must for root."""
    chosen = (options.settings or {}).get("CHROMIUM_NO_SANDBOX", "").lower()
    return os.geteuid() == 0 or chosen in {"1", "true", "yes", "on"}
