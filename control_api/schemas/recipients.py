"""The models of recipients: whether a number is on WhatsApp, and what is erased of a person."""

from __future__ import annotations

from control_api.schemas.base import Answer, Body


class RecipientQuery(Body):
    """DELETE /api/recipients/{number}: `allOwners` erases the person from everybody's records."""

    all_owners: bool = False


class ErasedView(Answer):
    """What was erased, by kind.

    `cancelled` counts those of the `messages` that were waiting. Messages that are being sent
    (`sending`) are erased when they have been sent. A used Idempotency-Key is kept, without what
    tells its request, so that it makes nothing once more.
    """

    messages: int
    cancelled: int
    sending: int
    number_checks: int
    known_numbers: int
    idempotency_keys: int
    jobs: int
    events: int


class NumberView(Answer):
    """GET …/numbers/{phone}: whether the number is on WhatsApp, and as which account.

    `chatId` is the id that WhatsApp answers: it may have other digits than `to`, what was asked.
    """

    exists: bool
    to: str
    chat_id: str | None = None
