"""What every step of the check works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.demo.progress import Progress
from tests.live_check.findings import Findings
from tests.live_check.options import Options
from tests.live_check.person import Person
from tests.live_check.private import Private
from tests.live_check.system import System
from tests.live_check.watch import Watch

if TYPE_CHECKING:
    from tests.live_check.sending import Sent


class StepFailedError(Exception):
    """The check cannot go on; the text says why, for the person and not for the report."""

    def __init__(self, step: str, text: str) -> None:
        super().__init__(text)
        self.step = step


@dataclass
class Run:
    """One run of the check."""

    system: System
    watch: Watch
    person: Person
    findings: Findings
    private: Private
    progress: Progress
    options: Options
    sent: list[Sent] = field(default_factory=list)
    own_number: str | None = field(default=None)
    other_number: str | None = field(default=None)
