"""Run the dispatcher over the real outbox, with a page double."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from chatgrow_worker.monitoring.metrics import WorkerMetrics
from chatgrow_worker.sending.claimer import MessageClaimer
from chatgrow_worker.sending.delivery import Delivery
from chatgrow_worker.sending.dispatcher import Dispatcher
from chatgrow_worker.sending.known_chats import KnownChats
from chatgrow_worker.sending.limits import SendLimits
from chatgrow_worker.sending.line_deaths import LineDeaths
from chatgrow_worker.sending.outgoing_files import OutgoingFiles
from chatgrow_worker.sending.pacer import Pacer
from chatgrow_worker.whatsapp_change.send_trials import SendTrials
from sessions.common.clock import utc_now
from sessions.connections.leases import Lease
from sessions.messages.effects import Effects
from sessions.messages.file_tries import FileBells
from sessions.messages.model import Message, MessageStatus
from sessions.messages.paced_sends import PacedSends
from sessions.messages.referred import ReferredMessages
from sessions.messages.sealed_texts import TextSealer
from sessions.metrics import ProcessMetrics
from sessions.recipients.known_numbers import KnownNumbers
from tests.builders import OWNER, PLAIN, Stores
from tests.fake_page import FakePage
from tests.waiting import until

MOMENT = timedelta(milliseconds=20)
LONG = timedelta(seconds=30)


def dispatch_limits(
    *,
    outcome: timedelta = LONG,
    ghost: timedelta = LONG,
    resend_ghosts: bool = True,
    tries: int = 9,
    number_recheck: timedelta = MOMENT,
) -> SendLimits:
    """Return limits that let a test wait for what it asks for."""
    return SendLimits(
        outcome_within=outcome,
        outcome_poll=MOMENT,
        number_recheck=number_recheck,
        ghost_wait=ghost,
        stalled_after=LONG,
        resend_ghosts=resend_ghosts,
        tries=tries,
    )


def make_dispatcher(
    stores: Stores,
    page: FakePage,
    lease: Lease,
    limits: SendLimits | None = None,
    check_lease: Callable[[], None] = lambda: None,
    metrics: WorkerMetrics | None = None,
    ban_pause: timedelta = MOMENT,
    look_every: timedelta = MOMENT,
    now: Callable[[], datetime] = utc_now,
    trials: SendTrials | None = None,
    owner: str = OWNER,
    line_deaths: LineDeaths | None = None,
    texts: TextSealer = PLAIN,
) -> Dispatcher:
    """Return a dispatcher of a connection on a page double."""
    sends = PacedSends(stores.queue, lease.connection, now)
    claimer = MessageClaimer(
        queue=stores.queue,
        connections=stores.connections,
        pacer=Pacer(sends, now),
        lease=lease,
        now=now,
        look_every=look_every,
        ban_pause=ban_pause,
    )
    delivery = Delivery(
        page=page,
        queue=stores.queue,
        numbers=KnownNumbers(stores.database).of(owner),
        lease=lease,
        limits=limits or dispatch_limits(),
        page_bell=page.bell,
        claimer=claimer,
        check_lease=check_lease,
        metrics=metrics or WorkerMetrics(ProcessMetrics()),
        trials=trials or SendTrials(in_a_row=99),
        line_deaths=line_deaths or LineDeaths((limits or dispatch_limits()).tries),
        texts=texts,
        known_chats=KnownChats(),
        sends=sends,
        referred=ReferredMessages(stores.database),
        effects=Effects(stores.database, texts),
        files=OutgoingFiles(stores.media, timedelta(seconds=60)),
        file_bells=FileBells(),
    )
    return Dispatcher(stores.queue, lease, claimer, delivery, sends)


@asynccontextmanager
async def dispatching(
    stores: Stores,
    page: FakePage,
    lease: Lease,
    limits: SendLimits | None = None,
    metrics: WorkerMetrics | None = None,
    ban_pause: timedelta = MOMENT,
    now: Callable[[], datetime] = utc_now,
    owner: str = OWNER,
    texts: TextSealer = PLAIN,
) -> AsyncIterator[None]:
    """Run a dispatcher; at the end it is asked to stop."""
    stop = asyncio.Event()
    dispatcher = make_dispatcher(
        stores,
        page,
        lease,
        limits,
        metrics=metrics,
        ban_pause=ban_pause,
        now=now,
        owner=owner,
        texts=texts,
    )
    task = asyncio.create_task(dispatcher.run(asyncio.Event(), stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def reaches(stores: Stores, message: Message, status: MessageStatus) -> Message:
    """Wait until a message has a status, and return it."""

    async def there() -> bool:
        return (await stores.outbox.find(message.owner, message.id)).status is status

    await until(there)
    return await stores.outbox.find(message.owner, message.id)
