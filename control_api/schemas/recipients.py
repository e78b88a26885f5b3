"""The models of recipients: whether a number is on WhatsApp, and what an erasure removed."""

from __future__ import annotations

from control_api.schemas.base import Answer, Body


class RecipientQuery(Body):
    """DELETE /api/recipients/{number}: `allOwners` erases from the records of all owners."""

    all_owners: bool = False


class ErasedView(Answer):
    """What was erased, by kind.

    `messages` were sent or queued, `received` came from the person. `cancelled` counts those of the
    `messages` that were queued. Messages that are being sent (`sending`) are erased after they were
    sent. A used Idempotency-Key is kept without its request's digest, so that it cannot send the
    same again.
    """

    messages: int
    cancelled: int
    received: int
    sending: int
    number_checks: int
    known_numbers: int
    idempotency_keys: int
    jobs: int
    events: int
    deliveries: int
    """What webhooks were told of the person, or were to be told."""


class NumberView(Answer):
    """GET …/numbers/{phone}: whether the number is on WhatsApp, and as which account.

    `chatId` is the id that WhatsApp answered; it may have other digits than `to`, as asked.
    """

    exists: bool
    to: str
    chat_id: str | None = None
