"""Numbers of one line that are written in two ways."""

import pytest

from sessions.common.number_forms import same_line


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+5511987654321", "+551187654321"),
        ("+5215512345678", "+525512345678"),
        ("+5491123456789", "+541123456789"),
    ],
)
def test_both_ways_to_write_a_line_are_found(one: str, other: str) -> None:
    assert same_line(one) == same_line(other) == {one, other}


def test_a_number_of_another_country_is_one_line_alone() -> None:
    assert same_line("+972501234567") == {"+972501234567"}
