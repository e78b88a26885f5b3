"""Which of the browser's savings may be switched on, by what the starts with them have shown."""

from __future__ import annotations

from tests.live_check.findings import Findings, Start
from tests.live_check.system import DEFAULT_SAVINGS


def savings_advice(findings: Findings) -> list[str]:
    """Return a sentence for each set of savings that was tried beside the default."""
    default = next((start for start in findings.starts if start.savings == DEFAULT_SAVINGS), None)
    tried = {start.savings: start for start in findings.starts if start.savings != DEFAULT_SAVINGS}
    return [_advise(start, default) for start in tried.values()]


def _advise(start: Start, default: Start | None) -> str:
    name = f"BROWSER_SAVINGS={start.savings}"
    if not start.works:
        return f"{name}: leave it; the page did not come up or did not send."
    if default is None or not (default.settled_mb and start.settled_mb):
        return f"{name}: it works; nothing to compare its memory with."
    difference = start.settled_mb - default.settled_mb
    than = f"{abs(difference)} MB {'more' if difference > 0 else 'less'} than the default"
    if start.savings == "none":
        return f"{name}: works, {than}."
    return f"{name}: may be switched on; {than}."
