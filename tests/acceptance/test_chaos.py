"""A short chaos; `make chaos SEED=…` runs a long one."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.chaos.run import Size, run_chaos

SHORT = Size(connections=2, workers=2, messages=60, blows=12, patience=timedelta(minutes=3))


@pytest.mark.slow
@pytest.mark.timeout(420)
async def test_what_was_accepted_is_delivered_once_and_in_order(tmp_path: Path) -> None:
    verdict = await run_chaos(20_260_301, SHORT, tmp_path)
    assert verdict.delivered == verdict.accepted, (verdict.statuses, verdict.blows)
