"""Send the messages of a file: all of them are looked at before the first is sent."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from chatgrow_cli.csv_files import Chunk, Line
from chatgrow_cli.exit_codes import CommandError, ExitCode
from chatgrow_client import (
    Client,
    ForbiddenError,
    InvalidRequestError,
    MessageEndedError,
    MessageWaitError,
)
from chatgrow_client.models import Accepted, MessageView

Priority = Literal["high", "normal", "low"]
Wanted = Literal["sent", "delivered", "read"]
_FIELD = re.compile(r"messages\.(\d+)\.?(.*)")


@dataclass(frozen=True)
class Forecast:
    """When the messages would go, if they were sent now."""

    count: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True)
class Sent:
    """A line of the file, and its message as it was seen last."""

    line: Line
    message: Accepted | MessageView

    def to_json(self) -> dict[str, Any]:
        """Return what --json shows of it."""
        message = self.message
        return {
            "line": self.line.number,
            "to": self.line.message.to,
            "messageId": message.message_id,
            "status": message.status,
            "reason": message.reason if isinstance(message, MessageView) else None,
        }


@dataclass(frozen=True)
class FileSender:
    """Sends the chunks of a file over one connection."""

    client: Client
    connection_id: str
    priority: Priority | None
    reference: str | None

    def forecast(self, chunks: Iterable[Chunk]) -> Forecast:
        """Have the API look at all messages; raise CommandError for those that it would refuse."""
        found = []
        for chunk in chunks:
            try:
                told = self.client.messages.forecast(
                    self.connection_id, chunk.messages, priority=self.priority
                )
            except InvalidRequestError as error:
                raise _by_line(error, chunk) from error
            found.append(told)
        times = [each for told in found for each in (told.first_at, told.last_at) if each]
        return Forecast(
            sum(each.count for each in found),
            min(times, default=None),
            max(times, default=None),
        )

    def sent_before(self, chunk: Chunk) -> datetime | None:
        """Return when this chunk was accepted, if it was; unknown to a key that may not read."""
        try:
            earlier = self.client.messages.list(idempotency_key=chunk.key, page_size=1)
            return next((each.queued_at for each in earlier), None)
        except ForbiddenError:
            return None

    def send(self, chunk: Chunk) -> list[Sent]:
        """Send a chunk, or get the answer of before; raise CommandError where it is refused."""
        try:
            accepted = self.client.messages.send_bulk(
                self.connection_id,
                chunk.messages,
                priority=self.priority,
                reference=self.reference,
                idempotency_key=chunk.key,
            )
        except InvalidRequestError as error:
            raise _by_line(error, chunk) from error
        return [Sent(line, each) for line, each in zip(chunk.lines, accepted.items)]


def wait_for_all(
    client: Client, sent: Iterable[Sent], wanted: Wanted, timeout: timedelta
) -> tuple[list[Sent], ExitCode]:
    """Wait until all are so far, have ended, or the time is over; return how they are."""
    end = time.monotonic() + timeout.total_seconds()
    seen: list[Sent] = []
    codes = {ExitCode.DONE}
    for each in sent:
        left = timedelta(seconds=max(end - time.monotonic(), 0))
        message, code = _waited(client, each.message, wanted, left)
        seen.append(Sent(each.line, message))
        codes.add(code)
    worst = (ExitCode.REFUSED, ExitCode.NOT_IN_TIME, ExitCode.DONE)
    return seen, next(code for code in worst if code in codes)


def _waited(
    client: Client, message: Accepted | MessageView, wanted: Wanted, timeout: timedelta
) -> tuple[Accepted | MessageView, ExitCode]:
    try:
        reached = client.messages.wait_until(message.message_id, wanted, timeout=timeout)
    except MessageEndedError as error:
        return error.message, ExitCode.REFUSED
    except MessageWaitError as error:
        return error.message or message, ExitCode.NOT_IN_TIME
    return reached, ExitCode.DONE


def counted(sent: Sequence[Sent]) -> str:
    """Say how many messages are where."""
    counts = Counter(str(each.message.status) for each in sent)
    return ", ".join(f"{count} {status}" for status, count in counts.items())


def _by_line(error: InvalidRequestError, chunk: Chunk) -> Exception:
    """Name the lines of the file that the API refuses, in place of its own numbers."""
    told = []
    for each in error.errors:
        found = _FIELD.fullmatch(each.field)
        if found is None or int(found[1]) >= len(chunk.lines):
            return error
        line = chunk.lines[int(found[1])].number
        told.append(f"line {line}: {found[2] or 'message'}: {each.message}")
    if not told:
        return error
    more = f"; and {len(told) - 5} more" if len(told) > 5 else ""
    refused = f"{'; '.join(told[:5])}{more}".rstrip(".")
    return CommandError(f"The API refuses {refused}. Nothing of them was sent.")
