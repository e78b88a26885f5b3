"""Serve what a page asks before it is logged in: refs, typed codes, challenge and proof."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.whatsapp_web.accounts import Account, Accounts, Device
from tests.whatsapp_web.faults import FaultBook, for_page
from tests.whatsapp_web.linking import (
    Candidate,
    LinkingRequests,
    StaleCodeError,
    form_of,
    proof,
)
from tests.whatsapp_web.numbers import digits
from tests.whatsapp_web.page_socket import DropConnection, Frame, OpError, PageSocket
from tests.whatsapp_web.qr import matrix
from tests.whatsapp_web.switchboard import Page, Switchboard

UNKNOWN_COMPANION = 401
TEMPORARILY_BANNED = 402
LOCKED = 403
CLIENT_TOO_OLD = 405
LOCKED_MESSAGE = {
    "logoutMessageHeader": "Your account is locked",
    "logoutMessageSubtext": "Open WhatsApp on your phone to unlock it.",
}
RATE_OVERLIMIT = 429
PAIRING_ERRORS = {
    400: "bad-request",
    403: "forbidden",
    429: "rate-overlimit",
    452: "feature-not-available",
    500: "internal-server-error",
}
"""What a page knows as answers to its wish for a code (WASmaxInMdIqMixinErrors)."""


class LoginRequests:
    """Everything between a fresh socket and a logged-in device."""

    def __init__(
        self,
        accounts: Accounts,
        linking: LinkingRequests,
        board: Switchboard,
        faults: FaultBook,
        revoke: Callable[[str], Awaitable[object]],
    ) -> None:
        self._revoke = revoke
        self._codes_given: Counter[str] = Counter()
        self._accounts = accounts
        self._linking = linking
        self._board = board
        self._faults = faults
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: set[Page] = set()  # whose passkey is asked for
        self.handlers = {
            "hello": self.hello,
            "register": self.register,
            "refs": self.refs,
            "showing": self.showing,
            "qr": self.qr,
            "typed-code": self.typed_code,
            "login": self.login,
            "prove": self.prove,
            "ready": self.ready,
            "handled": self.handled,
            "logout": self.logout,
            "refuse": self.refuse,
        }

    async def close(self) -> None:
        """Link nothing any more."""
        self._codes_given.clear()
        self._waiting.clear()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def hello(self, page: PageSocket, frame: Frame) -> Any:
        """Greet a page and tell it how the service is today."""
        self._board.add(page)
        return {"faults": for_page(self._faults.of(None))}

    async def register(self, page: PageSocket, frame: Frame) -> Any:
        """Take the public keys of a page that wants to be linked and give it refs."""
        noise, identity = (base64.b64decode(frame[key]) for key in ("noise", "identity"))
        self._linking.register(Candidate(page, noise, identity, str(frame["device"])))
        return await self.refs(page, frame)

    async def refs(self, page: PageSocket, frame: Frame) -> Any:
        """Give refs, each for its time on the screen."""
        faults = self._faults.of(None)
        times = [faults.qr_first_ms] + [faults.qr_next_ms] * (faults.qr_count - 1)
        refs = self._linking.new_refs(faults.qr_count)
        return [{"ref": ref, "ms": ms} for ref, ms in zip(refs, times, strict=True)]

    async def showing(self, page: PageSocket, frame: Frame) -> Any:
        """Note what the page shows now."""
        self._linking.show(page, frame["ref"])

    async def qr(self, page: PageSocket, frame: Frame) -> Any:
        """Draw a QR code for the page's canvas."""
        return matrix(str(frame["text"]))

    async def typed_code(self, page: PageSocket, frame: Frame) -> Any:
        """Give a code to type on the phone of this number."""
        try:
            number = digits(str(frame["phone"]))
        except ValueError as error:
            raise OpError(400, PAIRING_ERRORS[400]) from error
        await self._check_pairing(number)
        if self._faults.of(number).pairing_silent:
            await asyncio.Event().wait()  # until the page has gone
        lifetime = timedelta(milliseconds=self._faults.of(number).pairing_code_ms)
        return {
            "code": self._linking.new_typed_code(page, number, lifetime),
            "ms": lifetime / timedelta(milliseconds=1),
        }

    async def _check_pairing(self, number: str) -> None:
        """Refuse a code where the service does; unlink what the number has linked already."""
        faults = self._faults.of(number)
        code = faults.pairing_error
        if not code and self._codes_given[number] >= faults.pairing_codes:
            code = RATE_OVERLIMIT
        if code:
            raise OpError(code, PAIRING_ERRORS.get(code, "unknown"))
        self._codes_given[number] += 1
        if faults.pairing_revokes:
            await self._revoke(number)

    async def login(self, page: PageSocket, frame: Frame) -> Any:
        """Answer a stored login with a challenge, if its token is right."""
        device = await self._known_device(frame)
        if self._faults.of(device.digits).drop_network:
            raise DropConnection
        banned = self._faults.left(device.digits, "ban_seconds")
        if banned:
            told = not self._faults.of(device.digits).ban_without_end
            seconds = banned.total_seconds() if told else None
            raise OpError(TEMPORARILY_BANNED, "banned", seconds=seconds)
        self._refuse_by_fault(device.digits, frame)
        page.number, page.claimed = device.digits, device.id
        page.challenge = secrets.token_bytes(32)
        return {"challenge": base64.b64encode(page.challenge).decode()}

    def _refuse_by_fault(self, number: str, frame: Frame) -> None:
        faults = self._faults.of(number)
        if faults.login_failure == LOCKED:
            raise OpError(LOCKED, "locked", **LOCKED_MESSAGE)
        if faults.login_failure:
            raise OpError(faults.login_failure, "refused")
        if faults.old_html_refused and frame.get("html") != str(faults.html_version):
            raise OpError(CLIENT_TOO_OLD, "client too old")

    async def prove(self, page: PageSocket, frame: Frame) -> Any:
        """Check the signature over the challenge; the page is the device from here on."""
        device = await self._accounts.device(page.claimed or "")
        if device is None or page.challenge is None:
            raise OpError(UNKNOWN_COMPANION, "unknown companion")
        signature = base64.b64decode(frame["signature"])
        try:
            Ed25519PublicKey.from_public_bytes(device.identity).verify(signature, page.challenge)
        except InvalidSignature as error:
            raise OpError(UNKNOWN_COMPANION, "bad signature") from error
        await self.take_over(page, device.id)
        account = await self._accounts.account(device.digits)
        faults = for_page(self._faults.of(device.digits))
        return {"faults": faults, **about(account, device)}

    async def ready(self, page: PageSocket, frame: Frame) -> Any:
        """Hand over what waited for this device, then let it know that this was all."""
        device_id = str(frame["device"])
        if page.proved != device_id:
            raise OpError(409, "replaced")
        page.device_id = device_id
        count = await self._board.deliver_mail(device_id)
        await page.push("offline-end", count=count)

    async def handled(self, page: PageSocket, frame: Frame) -> Any:
        """Note what the page has taken in, and need not be told again."""
        self._board.confirm(page, frame["mail"])

    async def logout(self, page: PageSocket, frame: Frame) -> Any:
        """Unlink the device that says goodbye, one that still synchronises too."""
        if page.proved is not None and (device := await self._accounts.device(page.proved)):
            if self._faults.of(device.digits).logout_unheard:
                raise OpError(500, "not heard")
            await self._accounts.unlink(page.proved)
            page.device_id = page.proved = None

    async def refuse(self, page: PageSocket, frame: Frame) -> Any:
        """Forget the device that a page will not be, since the phone saw another secret."""
        device = await self._known_device(frame)
        await self._accounts.unlink(device.id)

    async def scan(self, number: str, full_code: str) -> Device | None:
        """Link the page that shows a QR code; None while a passkey is still asked for."""
        if form_of(full_code) == self._faults.of(number).refuse_qr:
            raise StaleCodeError("the phone does not know this form of code")
        candidate, secret = self._linking.scanned(full_code)
        return await self._link(number, candidate, secret)

    async def type_code(self, number: str, code: str) -> Device | None:
        """Link the page that shows an eight-letter code."""
        return await self._link(number, self._linking.typed(code, number), None)

    async def _known_device(self, frame: Frame) -> Device:
        device = await self._accounts.device(str(frame["device"]))
        if device is None or not secrets.compare_digest(device.token, str(frame["token"])):
            raise OpError(UNKNOWN_COMPANION, "unknown companion")
        return device

    async def _link(self, number: str, candidate: Candidate, secret: bytes | None) -> Device | None:
        if self._faults.of(number).passkey:
            await self._ask_for_passkey(number, candidate)
            return None
        self._linking.forget(candidate.page)
        return await self._complete(number, candidate, secret)

    async def _ask_for_passkey(self, number: str, candidate: Candidate) -> None:
        """Ask the page, which goes on showing codes; the one that was used is stale."""
        self._linking.show(candidate.page, None)
        await candidate.page.push("passkey-wanted")
        if candidate.page in self._waiting:
            return
        self._waiting.add(candidate.page)
        later = asyncio.create_task(self._later(number, candidate), name="whatsapp-web-passkey")
        self._tasks.add(later)
        later.add_done_callback(self._tasks.discard)

    async def _later(self, number: str, candidate: Candidate) -> None:
        await self._faults.until(number, lambda faults: not faults.passkey)
        self._linking.forget(candidate.page)
        self._waiting.discard(candidate.page)
        with suppress(StaleCodeError):  # the page did not wait
            # Phone and page have agreed on a secret of their own: that of the code is no more.
            await self._complete(number, candidate, None)

    async def _complete(self, number: str, candidate: Candidate, secret: bytes | None) -> Device:
        device = await self._accounts.link(number, candidate.identity_public, candidate.device_name)
        account = await self._accounts.account(number)
        signed = proof(secret, device.id) if secret is not None else None
        reached = await candidate.page.push(
            "pair-success", token=device.token, proof=signed, **about(account, device)
        )
        if not reached:
            await self._accounts.unlink(device.id)
            raise StaleCodeError("the page is gone")
        return device

    async def take_over(self, page: Page, device_id: str) -> None:
        """Make a page the device, and no other page any more: the last one to prove it wins."""
        replaced = [older for older in self._board.pages() if older.proved == device_id]
        for older in replaced:
            older.device_id = older.proved = None
        page.proved = device_id
        for older in replaced:
            # First: refused what it asks for meanwhile, it would come again and win.
            await older.push("replaced")
        for older in replaced:
            await self._board.put_back(older)


def about(account: Account, device: Device) -> dict[str, Any]:
    """Describe to a page who it is."""
    return {
        "device": device.id,
        "phone": account.phone_wid,
        "lid": account.lid_wid,
        "name": f"Phone {account.digits[-4:]}",
        "business": account.business,
    }
