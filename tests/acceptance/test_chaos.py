"""A short chaos; `make chaos SEED=…` runs a long one."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.chaos.run import Size, run_chaos

SHORT = Size(
    connections=2, workers=2, messages=60, blows=14, patience=timedelta(minutes=7), received=42
)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_all_that_is_sent_and_received_goes_through_once(tmp_path: Path) -> None:
    verdict = await run_chaos(20_260_301, SHORT, tmp_path)
    assert verdict.delivered == verdict.accepted, (verdict.statuses, verdict.blows)
    assert not verdict.wrong, (verdict.wrong, verdict.blows)
