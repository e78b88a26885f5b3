"""Decide which deliveries may be under way together: those of one chat go one after another."""

from __future__ import annotations

from collections.abc import Sequence

from sessions.webhooks.model import Delivery


class InOrder:
    """Hand out deliveries, which are in the order of their events.

    One whose chat is under way, or that follows another one of its chat, has to wait.
    """

    def __init__(self, deliveries: Sequence[Delivery]) -> None:
        self._waiting = list(deliveries)
        self._under_way: list[set[str]] = []

    @property
    def done(self) -> bool:
        """Whether all were handed out."""
        return not self._waiting

    def next(self) -> Delivery | None:
        """Take the next delivery that may begin, if there is one."""
        taken: set[str] = set().union(*self._under_way)
        for delivery in self._waiting:
            if taken.isdisjoint(delivery.sequences):
                self._waiting.remove(delivery)
                self._under_way.append(delivery.sequences)
                return delivery
            taken |= delivery.sequences
        return None

    def ended(self, delivery: Delivery) -> None:
        """Note that a delivery has ended, well or not: the next of its chat may begin."""
        self._under_way.remove(delivery.sequences)
