"""Match what a phone scans or types with the page that shows it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.whatsapp_web.switchboard import Page

CODE_LETTERS = "123456789ABCDEFGHJKLMNPQRSTVWXYZ"
CODE_LENGTH = 8
QR_URL = "https://wa.me/settings/linked_devices#"
"""What stands before the parts of a QR code that the phone's own camera can open too."""


class StaleCodeError(Exception):
    """No page shows this code any more; the phone says so and nothing is linked."""


@dataclass(frozen=True)
class Candidate:
    """A page that waits to be linked: its public keys, and what it shows."""

    page: Page
    noise_public: bytes
    identity_public: bytes
    device_name: str


@dataclass(frozen=True)
class _TypedCode:
    candidate: Candidate
    number: str
    expires_at: datetime


class LinkingRequests:
    """The codes that pages show right now."""

    def __init__(self) -> None:
        self._candidates: dict[Page, Candidate] = {}
        self._shown: dict[str, Page] = {}
        self._typed: dict[str, _TypedCode] = {}

    def register(self, candidate: Candidate) -> None:
        """Remember the public keys of a page that is not linked."""
        self._candidates[candidate.page] = candidate

    def show(self, page: Page, ref: str | None) -> None:
        """Note which ref a page shows; what it showed before is stale from now on."""
        self._shown = {known: owner for known, owner in self._shown.items() if owner is not page}
        if ref is not None:
            self._shown[ref] = page

    def new_refs(self, count: int) -> list[str]:
        """Mint the refs that a page will show one after the other."""
        return [f"2@{base64.b64encode(secrets.token_bytes(60)).decode()}" for _ in range(count)]

    def new_typed_code(self, page: Page, number: str, lifetime: timedelta) -> str:
        """Mint a code for a phone to type; a new one replaces the page's old one."""
        self._forget_typed(page)
        code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
        expires_at = datetime.now(UTC) + lifetime
        self._typed[code] = _TypedCode(self._candidates[page], number, expires_at)
        return code

    def scanned(self, full_code: str) -> tuple[Candidate, bytes]:
        """Return the page that shows a QR code, and the secret in the code."""
        parts = full_code.strip().removeprefix(QR_URL).split(",")
        page = self._shown.get(parts[0])
        candidate = self._candidates.get(page) if page is not None else None
        if candidate is None or len(parts) < 4:
            raise StaleCodeError("no page shows this code")
        noise, identity, secret = (base64.b64decode(part) for part in parts[1:4])
        if noise != candidate.noise_public or identity != candidate.identity_public:
            raise StaleCodeError("the keys in the code are not the page's")
        return candidate, secret

    def typed(self, code: str, number: str) -> Candidate:
        """Return the page that shows an eight-letter code for this number."""
        found = self._typed.get(code.replace("-", "").strip().upper())
        if found is None or found.number != number or found.expires_at < datetime.now(UTC):
            raise StaleCodeError("no page shows this code for this number")
        return found.candidate

    def forget(self, page: Page) -> None:
        """Forget a page that is linked, or gone."""
        self.show(page, None)
        self._forget_typed(page)
        self._candidates.pop(page, None)

    def _forget_typed(self, page: Page) -> None:
        self._typed = {
            code: typed for code, typed in self._typed.items() if typed.candidate.page is not page
        }


def form_of(full_code: str) -> str:
    """Return `url` for a QR code that is an address, `short` for its parts alone."""
    return "url" if full_code.strip().startswith(QR_URL) else "short"


def proof(secret: bytes, device_id: str) -> str:
    """Sign the new device's name with the secret from the QR code, so that the page can check."""
    digest = hmac.new(secret, device_id.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
