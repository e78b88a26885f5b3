"""Many cases in one test, and of very many combinations a share."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import wraps
from typing import Any, TypeVar

import pytest

Test = Callable[..., Awaitable[None]]
_Place = TypeVar("_Place")
_Value = TypeVar("_Value")
SHARES = pytest.mark.parametrize(
    "whole",
    [False, pytest.param(True, marks=(pytest.mark.slow, pytest.mark.timeout(600)))],
    ids=["share", "whole"],
)
"""With every change each place meets one value, which the next place has not; `make slow` tries all
combinations."""


def share(
    places: Iterable[_Place], values: Iterable[_Value], whole: bool
) -> Iterator[tuple[_Place, _Value]]:
    """Yield all combinations, or each place with one value: the next place with the next one."""
    values = list(values)
    for number, place in enumerate(places):
        for value in values if whole else [values[number % len(values)]]:
            yield place, value


def in_one_test(names: str | Sequence[str], cases: Iterable[Any]) -> Callable[[Test], Test]:
    """Run a test once for all cases, as `pytest.mark.parametrize` runs it once for each.

    It is for what leaves nothing behind, and wants the same to be there. A case that fails is told
    by its values, and the others are tried all the same.
    """
    values = ((each,) for each in cases) if isinstance(names, str) else cases
    listed = (names,) if isinstance(names, str) else names
    chosen = [dict(zip(listed, each, strict=True)) for each in values]

    def decorate(test: Test) -> Test:
        @wraps(test)
        async def tries(subtests: pytest.Subtests, **given: Any) -> None:
            for each in chosen:
                with subtests.test(**each):
                    await test(**given, **each)

        _takes(tries, test, without=chosen[0])
        return tries

    return decorate


def _takes(tries: Test, test: Test, without: Iterable[str]) -> None:
    """Say which fixtures it takes: those of the test, but for what the cases give."""
    asked = inspect.signature(test)
    subtests = inspect.Parameter("subtests", inspect.Parameter.KEYWORD_ONLY)
    others = [each for name, each in asked.parameters.items() if name not in {*without}]
    vars(tries)["__signature__"] = asked.replace(parameters=[*others, subtests])
