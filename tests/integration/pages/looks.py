"""How a page is looked at by two people: in English on a desktop, and in Hebrew on a phone."""

from __future__ import annotations

from typing import Literal

import pytest

from tests.people import DESKTOP, PHONE


def in_both_languages(
    dark: Literal["English", "Hebrew"], **told: tuple[str, str]
) -> pytest.MarkDecorator:
    """Run a test for both, one of them in the `dark`; `told` is what differs, English first.

    The test takes `locale`, `viewport`, `dark`, and what is `told`. What a page does is tried in
    English anyway, so `make slow` looks at it in English, and every change in Hebrew.
    """
    english, hebrew = ([values[language] for values in told.values()] for language in (0, 1))
    return pytest.mark.parametrize(
        ("locale", "viewport", "dark", *told),
        [
            pytest.param(
                *("en-GB", DESKTOP, dark == "English", *english),
                marks=pytest.mark.slow,
                id="English on a desktop",
            ),
            pytest.param(*("he-IL", PHONE, dark == "Hebrew", *hebrew), id="Hebrew on a phone"),
        ],
    )
