"""`python -m business import-subscribers`: what cannot work is said in words."""

from __future__ import annotations

import sys

import pytest

from tests.integration.processes.programs import Ended

NOBODY = "postgresql://user:secret@127.0.0.1:1/shop"


@pytest.mark.parametrize(
    ("address", "code", "says"),
    [
        ("", 78, "Set DATABASE_URL"),
        ("postgresql://...", 78, "Set DATABASE_URL"),
        ("mysql://user:secret@127.0.0.1/shop", 78, "DATABASE_URL is not an address"),
        ("postgresql://user:secret/word@127.0.0.1/shop", 78, "Percent-encode the password"),
        (NOBODY, 69, "PostgreSQL (DATABASE_URL) does not answer"),
    ],
)
def test_an_address_that_does_not_work_is_told(
    ended: Ended, address: str, code: int, says: str
) -> None:
    found, errors = ended("business", "import-subscribers", DATABASE_URL=address)
    assert (found, says in errors) == (code, True), errors
    assert "secret" not in errors
    assert "Traceback" not in errors


def test_the_missing_driver_is_told(ended: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    for name in ("table", "report", "rounds"):
        monkeypatch.delitem(sys.modules, f"business.postgres.{name}", raising=False)
    code, errors = ended("business", "import-subscribers", DATABASE_URL=NOBODY)
    assert code == 78
    assert "requirements/postgres.txt" in errors


def test_an_unknown_owner_is_told(ended: Ended) -> None:
    command = ("import-subscribers", "--owner", "nobody@example.com")
    code, errors = ended("business", *command, DATABASE_URL=NOBODY)
    assert code == 78
    assert "nobody@example.com" in errors


@pytest.mark.parametrize("option", [("--watch", "soon"), ("--map", "shoe=size"), ("--fast",)])
def test_options_that_cannot_be_read_are_refused(ended: Ended, option: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as exit_code:
        ended("business", "import-subscribers", *option)
    assert exit_code.value.code == 2
