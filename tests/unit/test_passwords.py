"""How much work a password is: the same whether or not somebody has an account."""

from __future__ import annotations

from typing import Any

import bcrypt
import pytest

from control_api.credentials.passwords import Passwords

PASSWORD = "correct horse battery"


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the work of each hash that is computed."""
    done: list[int] = []
    check, hash_ = bcrypt.checkpw, bcrypt.hashpw

    def _counted(compute: Any, given: bytes, salt: bytes) -> Any:
        done.append(2 ** int(salt.split(b"$")[2]))
        return compute(given, salt)

    monkeypatch.setattr(bcrypt, "checkpw", lambda given, kept: _counted(check, given, kept))
    monkeypatch.setattr(bcrypt, "hashpw", lambda given, salt: _counted(hash_, given, salt))
    return done


@pytest.mark.parametrize("before", [4, 5, 6, 7])
@pytest.mark.parametrize("now", [4, 6])
async def test_a_wrong_password_is_the_same_work_for_every_account_and_for_none(
    work: list[int], before: int, now: int
) -> None:
    kept, costliest = await Passwords(before).hash(PASSWORD), await Passwords(6).hash(PASSWORD)
    passwords = Passwords(now, costliest=max(kept, costliest))
    told = []
    for hash_ in (kept, costliest, await passwords.hash(PASSWORD), None):
        work.clear()
        assert not await passwords.matches("wrong", hash_)
        told.append(sum(work))
    assert len(set(told)) == 1
    assert await passwords.matches(PASSWORD, kept)


async def test_a_hash_made_with_another_amount_of_work_is_outdated() -> None:
    kept = await Passwords(4).hash(PASSWORD)
    assert not Passwords(4).is_outdated(kept)
    assert Passwords(5).is_outdated(kept)
