"""Start the parts of the stack in order, each once what it needs answers; stop them in reverse."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from sessions.embedded import MONGO, REDIS
from tests.stack.plan import Plan
from tests.stack.process import Announce, StackProcess
from tests.stack.program import Program
from tests.stack.readiness import embedded_uri, get_json, healthy, wait_for, wait_for_port

_READY_WITHIN = timedelta(seconds=90)


@dataclass(frozen=True)
class Running:
    """The processes of a stack that is ready, and where its servers are."""

    plan: Plan
    uris: dict[str, str]
    servers: tuple[StackProcess, ...]
    api: StackProcess
    workers: tuple[StackProcess, ...]

    def describe(self) -> dict[str, Any]:
        """Return what a test needs to know."""
        return {
            "api": self.plan.api,
            "simulator": self.plan.simulator,
            "mongo": self.uris[MONGO.setting],
            "redis": self.uris[REDIS.setting],
            "apiKey": self.plan.saved.api_key,
            "data": str(self.plan.folder),
            "pids": {
                "api": self.api.pid,
                "workers": [worker.pid for worker in self.workers],
                **{server.program.name: server.pid for server in self.servers},
            },
        }


@asynccontextmanager
async def running(plan: Plan, announce: Announce | None) -> AsyncIterator[Running]:
    """Yield the stack once all of it is ready; raise `NotReadyError` when a part does not come."""
    async with AsyncExitStack() as cleanup:
        starter = _Starter(cleanup, announce)
        for port in (plan.saved.simulator_port, plan.saved.api_port):
            await wait_for_port(port)
        kinds = [REDIS] if plan.options.mongo else [MONGO, REDIS]
        embedded = {kind: await starter.start(plan.embedded(kind)) for kind in kinds}
        pretended = [] if plan.options.whatsapp_web else [plan.simulated_whatsapp_web()]
        simulator = await starter.start_together(pretended)
        servers = {MONGO.setting: plan.options.mongo or ""}
        for kind, server in embedded.items():
            asking = partial(embedded_uri, plan.folder, kind)
            servers[kind.setting] = await wait_for([server], asking, _READY_WITHIN)
        if simulator:
            answers = partial(get_json, f"{plan.simulator}/control/devices")
            await wait_for(simulator, answers, _READY_WITHIN)
        api = await starter.start(plan.control_api(servers))
        count = plan.options.workers
        workers = await starter.start_together(
            [plan.worker(number, servers) for number in range(1, count + 1)]
        )
        await wait_for([api, *workers], lambda: healthy(plan.api, count), _READY_WITHIN)
        yield Running(plan, servers, (*embedded.values(), *simulator), api, workers)


class _Starter:
    """Starts processes and sees to it that they are stopped in reverse."""

    def __init__(self, cleanup: AsyncExitStack, announce: Announce | None) -> None:
        self._cleanup = cleanup
        self._announce = announce

    async def start(self, program: Program) -> StackProcess:
        return (await self.start_together([program]))[0]

    async def start_together(self, programs: list[Program]) -> tuple[StackProcess, ...]:
        """Start programs that are also stopped at the same time."""
        processes = tuple(StackProcess(program, self._announce) for program in programs)
        self._cleanup.push_async_callback(_stop_together, processes)
        for process in processes:
            await process.start()
        return processes


async def _stop_together(processes: tuple[StackProcess, ...]) -> None:
    await asyncio.gather(*(process.stop() for process in processes))
