"""Handlers for operators: the history of the queues, and the workers."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from control_api.auth.identity import require_all_connections, seen_owner
from control_api.endpoints.declaration import Endpoints
from control_api.http.requests import answer
from control_api.schemas.overview import (
    HistoryQuery,
    HistoryView,
    SampleView,
    WorkerList,
    WorkerView,
)
from control_api.services import SERVICES
from sessions.common.callers import Scope
from sessions.monitoring.queue_history import in_steps

routes = Endpoints("Overview", owned=True)
worker_routes = Endpoints("Overview")


@routes.get("/api/whatsapp/history", needs=Scope.READ, answers={200: HistoryView})
async def history(request: web.Request, query: HistoryQuery) -> web.Response:
    """Show how many messages waited, how long, and how many left the queue, over some hours."""
    # Samples are kept for owners, not for connections.
    require_all_connections(request)
    services = request.app[SERVICES]
    start = query.since or services.now() - timedelta(hours=query.hours)
    step = timedelta(minutes=query.step_minutes)
    samples = in_steps(await services.history.since(start, seen_owner(request)), step)
    items = [SampleView.of(each) for each in samples]
    return answer(HistoryView(step_seconds=int(step.total_seconds()), items=items))


@worker_routes.get("/api/workers", needs=Scope.READ, admin=True, answers={200: WorkerList})
async def workers(request: web.Request) -> web.Response:
    """List the workers of the last day, with their load and their last heartbeat."""
    found = await request.app[SERVICES].workers.all()
    return answer(WorkerList(items=[WorkerView.of(each) for each in found]))
