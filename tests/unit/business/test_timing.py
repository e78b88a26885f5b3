"""Offsets by the local clock over changes of the clocks, delivery hours and quiet hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from business.timing import at_hour, due, shifted
from sessions.connections.pacing import QuietHours

JERUSALEM = "Asia/Jerusalem"
NEW_YORK = "America/New_York"
LORD_HOWE = "Australia/Lord_Howe"
ZONES = (JERUSALEM, NEW_YORK, LORD_HOWE)
NIGHT = QuietHours(start="22:00", end="07:00", time_zone=JERUSALEM)


def local(zone: str, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


# Both changes of 2027: forward, then back. Lord Howe's clocks change by half an hour.
CHANGES = [
    (JERUSALEM, "2027-03-26T10:00"),
    (JERUSALEM, "2027-10-31T10:00"),
    (NEW_YORK, "2027-03-14T10:00"),
    (NEW_YORK, "2027-11-07T10:00"),
    (LORD_HOWE, "2027-04-04T10:00"),
    (LORD_HOWE, "2027-10-03T10:00"),
]


@pytest.mark.parametrize(("zone", "starts"), CHANGES)
def test_days_keep_the_local_hour_over_a_change_of_clocks(zone: str, starts: str) -> None:
    anchor = local(zone, starts)
    before = shifted(anchor, "1d", ZoneInfo(zone), back=True).astimezone(ZoneInfo(zone))
    assert (before.hour, before.minute) == (10, 0)
    assert before.date() == anchor.date() - timedelta(days=1)
    # The day was not 24 hours long, or this would show nothing.
    assert anchor.astimezone(UTC) - before.astimezone(UTC) != timedelta(days=1)


@pytest.mark.parametrize(("zone", "starts"), CHANGES)
def test_hours_are_exact_over_a_change_of_clocks(zone: str, starts: str) -> None:
    anchor = local(zone, starts)
    before = shifted(anchor, "24h", ZoneInfo(zone), back=True)
    assert anchor.astimezone(UTC) - before == timedelta(hours=24)


def test_a_time_that_the_clocks_leave_out_becomes_the_one_that_they_show() -> None:
    anchor = local(NEW_YORK, "2027-03-15T02:30")
    before = shifted(anchor, "1d", ZoneInfo(NEW_YORK), back=True).astimezone(ZoneInfo(NEW_YORK))
    assert (before.day, before.hour, before.minute) == (14, 3, 30)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001  made aware below
    st.sampled_from(ZONES),
    st.integers(0, 23),
    st.booleans(),
)
def test_a_delivery_hour_moves_in_one_direction_by_less_than_a_day(
    moment: datetime, zone: str, hour: int, back: bool
) -> None:
    anchor = moment.replace(tzinfo=UTC)
    moved = at_hour(anchor, f"{hour:02}:00", ZoneInfo(zone), back=back)
    assert (moved <= anchor) if back else (moved >= anchor)
    assert abs(moved - anchor) <= timedelta(hours=25)
    shown = moved.astimezone(ZoneInfo(zone))
    left_out = shown.replace(hour=hour, minute=0, second=0, microsecond=0)
    is_real = left_out.astimezone(UTC).astimezone(ZoneInfo(zone)).hour == hour
    assert shown.hour == hour or not is_real


@pytest.mark.parametrize(
    ("back", "offset", "hour", "expected"),
    [
        (True, "1d", "18:00", "2027-06-09T18:00"),
        (True, "2d", "08:00", "2027-06-08T08:00"),
        (True, "1w", "23:00", "2027-06-03T23:00"),
        (True, "24h", "18:00", "2027-06-08T18:00"),
        (True, "2h", "18:00", "2027-06-09T18:00"),
        (True, "0d", "18:00", "2027-06-09T18:00"),
        (True, "0d", "08:00", "2027-06-10T08:00"),
        (False, "1d", "09:00", "2027-06-11T09:00"),
        (False, "24h", "09:00", "2027-06-12T09:00"),
        (False, "0d", "09:00", "2027-06-11T09:00"),
        (False, None, "18:00", "2027-06-10T18:00"),
    ],
)
def test_days_name_a_day_for_the_delivery_hour_and_hours_a_moment(
    back: bool, offset: str | None, hour: str, expected: str
) -> None:
    anchor = local(JERUSALEM, "2027-06-10T10:00")
    moved = due(anchor, offset, hour, ZoneInfo(JERUSALEM), None, back=back)
    assert moved == local(JERUSALEM, expected)


@pytest.mark.parametrize(
    ("back", "expected"), [(True, "2027-06-01T21:45"), (False, "2027-06-02T07:00")]
)
def test_quiet_hours_move_a_message_earlier_before_and_later_after(
    back: bool, expected: str
) -> None:
    night = local(JERUSALEM, "2027-06-02T03:00")
    assert due(night, None, None, ZoneInfo(JERUSALEM), NIGHT, back=back) == local(
        JERUSALEM, expected
    )


def test_outside_the_quiet_hours_nothing_moves() -> None:
    day = local(JERUSALEM, "2027-06-02T12:00")
    assert due(day, None, None, ZoneInfo(JERUSALEM), NIGHT, back=True) == day


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001  made aware below
    st.sampled_from(ZONES),
    st.booleans(),
)
def test_nothing_is_due_in_the_quiet_hours(moment: datetime, zone: str, back: bool) -> None:
    anchor = moment.replace(tzinfo=UTC)
    quiet = QuietHours(start="22:00", end="07:00", time_zone=zone)
    moved = due(anchor, "3h", "23:00", ZoneInfo(zone), quiet, back=back)
    assert quiet.end_after(moved) is None
