"""What the demo shows, step by step."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Any, TypeVar

import qrcode

from tests.demo.progress import Progress
from tests.demo.stack_client import DemoError, StackClient

CONNECTION = "business_main"
OURS = "+972501234567"
_THEIRS = "+972541234567"
_HEBREW = "שלום! ההזמנה שלך בדרך אליך."
_ENGLISH = "Hello from ChatGrow! Your order is on its way."
_AGAIN = "Hello again, from another worker."
_NO_BROWSER = """The browser does not start; the worker's log, above, says why.
If that is the sandbox, the demo does without it where CHROMIUM_NO_SANDBOX=true is in the
environment; in a container, `docker run --security-opt seccomp=seccomp.json …` allows it."""
_POLL = timedelta(milliseconds=100)
_WITHIN = timedelta(seconds=90)

Found = TypeVar("Found")


async def tell(stack: StackClient, progress: Progress) -> None:
    """Link a phone, send, change the worker, send again; raise `DemoError` when a step fails."""
    await link_phone(stack, progress)
    await _send(stack, progress, "Hebrew message to read", _HEBREW)
    await _send(stack, progress, "English message to read", _ENGLISH)
    await _change_workers(stack, progress)
    await _send(stack, progress, "Message of the other worker to read", _AGAIN)
    await _check_ledger(stack, progress)


async def link_phone(stack: StackClient, progress: Progress) -> None:
    """Have the phone scan the QR code, and wait until it is connected."""
    await _create(stack)
    async with progress.step("First QR code", doing="Waiting for WhatsApp Web's QR code"):
        code = await poll("a QR code", lambda: _qr_code(stack))
    print(draw(code), flush=True)
    async with progress.step("Scan to connected", doing="The phone scans it"):
        await _scan(stack)
        await poll("the connection", lambda: _connected(stack))


def draw(code: str) -> str:
    """Return a QR code as text that a phone can read from a dark terminal."""
    picture = qrcode.QRCode(border=2)
    picture.add_data(code)
    text = io.StringIO()
    picture.print_ascii(out=text, invert=True)
    return text.getvalue()


async def _create(stack: StackClient) -> None:
    wanted = {"connectionId": CONNECTION, "name": "Main Business Line", "phoneNumber": OURS}
    await stack.expect(HTTPStatus.CREATED, "POST", "/connections", wanted)


async def _scan(stack: StackClient) -> None:
    """Scan what is shown now: a code that was shown a while ago may have gone stale."""
    await stack.control("POST", "/phones", {"number": OURS})

    async def scanned() -> Any | None:
        code = await poll("a QR code", lambda: _qr_code(stack))
        return await stack.control("POST", f"/phones/{OURS}/scan", {"code": code})

    await poll("a fresh QR code", scanned)


async def _change_workers(stack: StackClient, progress: Progress) -> None:
    """End the worker that has the connection: another one takes over, with no file in common."""
    before = (await _status(stack))["worker"]
    doing = f"{before} is stopped, as for an upgrade; the other one takes over"
    async with progress.step("Connected by the other worker, without a scan", doing=doing):
        stack.end_worker(before)
        after = await poll("the connection", lambda: _connected_elsewhere(stack, before))
    devices = await stack.control("GET", "/devices")
    if len(devices) != 1:
        raise DemoError(f"The phone should have one linked device: {devices}")
    progress.say(f"{after} has the login from MongoDB, encrypted there; no QR code was scanned")


async def _send(stack: StackClient, progress: Progress, name: str, text: str) -> None:
    body = {"connectionId": CONNECTION, "to": _THEIRS, "message": text}
    async with progress.step(name, doing=f"Sending “{text}”"):
        accepted = await stack.expect(HTTPStatus.ACCEPTED, "POST", "/send", body)
        await follow(stack, progress, accepted["messageId"])


async def follow(stack: StackClient, progress: Progress, message_id: str) -> None:
    """Wait until a message is read, and show each of its statuses."""
    seen: list[str] = []

    async def read() -> bool | None:
        message = await stack.expect(HTTPStatus.OK, "GET", f"/messages/{message_id}")
        if message["status"] not in seen[-1:]:
            seen.append(message["status"])
            progress.say(f"  {message['status']}")
        if message["status"] in {"failed", "expired", "cancelled", "unknown"}:
            raise DemoError(f"The message was not sent: {message}")
        return message["status"] == "read" or None

    await poll("the message to be read", read)


async def _check_ledger(stack: StackClient, progress: Progress) -> None:
    ledger = await stack.control("GET", f"/ledger?from={OURS[1:]}")
    arrived = {entry.get("text"): entry["arrivals"] for entry in ledger}
    if arrived != dict.fromkeys((_HEBREW, _ENGLISH, _AGAIN), 1):
        raise DemoError(f"Each message should have arrived once: {ledger}")
    progress.say("WhatsApp's ledger: three messages, each arrived once")


async def _qr_code(stack: StackClient) -> str | None:
    status, answer = await stack.api("GET", f"/connections/{CONNECTION}/qr?format=json")
    if status == HTTPStatus.OK:
        return str(answer["code"])
    if (await _status(stack)).get("reason") == "browser_unavailable":
        raise DemoError(_NO_BROWSER)
    return None


async def _status(stack: StackClient) -> dict[str, Any]:
    return await stack.expect(HTTPStatus.OK, "GET", f"/connections/{CONNECTION}/status")


async def _connected(stack: StackClient) -> bool | None:
    return (await _status(stack))["state"] == "connected" or None


async def _connected_elsewhere(stack: StackClient, before: str) -> str | None:
    """Return the worker that has the connection running now, if it is another one."""
    status = await _status(stack)
    if status["state"] == "awaiting_scan":
        raise DemoError("The other worker asks for a new scan.")
    worker: str | None = status.get("worker") if status["state"] == "connected" else None
    return worker if worker != before else None


async def poll(what: str, ask: Callable[[], Awaitable[Found | None]]) -> Found:
    """Ask until there is an answer; raise `DemoError`, which names what did not come."""
    try:
        async with asyncio.timeout(_WITHIN.total_seconds()):
            while (found := await ask()) is None:  # noqa: ASYNC110 - HTTP is asked, it does not tell
                await asyncio.sleep(_POLL.total_seconds())
    except TimeoutError as error:
        raise DemoError(f"Waited {_WITHIN.total_seconds():g} s for {what} in vain.") from error
    return found
