"""Play the steps of a script without a network, and note what it asked for."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import httpx

from chatgrow_client.calls import Call
from chatgrow_client.repeating import Pause, Repeater, RetryPolicy
from chatgrow_client.transports import Todo

T = TypeVar("T")


@dataclass
class Stage:
    """A network that answers what it is told to, and a clock that only pauses move."""

    answers: list[httpx.Response | httpx.TransportError]
    sent: list[Call[Any]] = field(default_factory=list)
    pauses: list[timedelta] = field(default_factory=list)

    def repeater(self, policy: RetryPolicy) -> Repeater:
        """Return a repeater by this clock, whose pauses are never shortened."""
        return Repeater(policy, clock=self.now, chance=lambda: 1.0)

    def now(self) -> float:
        """Return how long all pauses were, in seconds."""
        return sum(self.pauses, timedelta()).total_seconds()

    def play(self, script: Todo[T]) -> T:
        """Do the steps of a script; the last answer comes again and again."""
        assert isinstance(script, Generator)
        try:
            step = next(script)
            while True:
                outcome = self._do(step)
                failed = isinstance(outcome, Exception)
                step = script.throw(outcome) if failed else script.send(outcome)
        except StopIteration as end:
            result: T = end.value
            return result

    def _do(self, step: Call[Any] | Pause) -> Any:
        if isinstance(step, Pause):
            self.pauses.append(step.length)
            return None
        self.sent.append(step)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def problem(status: int, code: str, retry_after: int | None = None) -> httpx.Response:
    """Return a problem as the API answers it."""
    told = {"type": "t", "title": "t", "status": status, "detail": "Why.", "code": code}
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return httpx.Response(status, content=json.dumps(told), headers=headers)
