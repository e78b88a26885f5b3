"""What acceptance tests share: a stack, unless they need settings of their own, and MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from typing import TYPE_CHECKING, Any

import pytest
from ulid import ULID

from sessions.storage.mongo import open_database
from tests import evidence
from tests.conftest import PATIENCE
from tests.lasting_stack import LastingStack

if TYPE_CHECKING:
    from sessions.embedded import ServerUris
    from tests.stack_client import StackClient


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the tests that share a linked connection follow one another: it is linked once."""
    items.sort(key=lambda item: item.get_closest_marker("linked") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put what a stack has and what its programs said into the report of a test that failed."""
    report = yield
    if report.failed and report.when == "call" and isinstance(item, pytest.Function):
        lent: dict[str, Any] = item.funcargs
        if "system" in lent:
            report.sections += evidence.of_stack(lent["system"])
        if "tmp_path" in lent:
            report.sections += evidence.of_logs(lent["tmp_path"])
    return report


@pytest.fixture(scope="package")
async def lasting_stack(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[LastingStack]:
    """Keep one supervised stack while acceptance tests run."""
    stack = LastingStack(lambda: tmp_path_factory.mktemp("stack"))
    yield stack
    await stack.end()


@pytest.fixture
async def system(
    request: pytest.FixtureRequest, lasting_stack: LastingStack
) -> AsyncIterator[StackClient]:
    """Give a test a supervised stack that has nothing in it; whatever it does there may stay.

    One that is marked `linked` has the connection `main`, and leaves it linked.
    """
    if request.node.get_closest_marker("linked"):
        yield await lasting_stack.lend_linked()
        await lasting_stack.take_back_linked()
    else:
        yield await lasting_stack.lend()
        await lasting_stack.take_back()


@pytest.fixture
async def mongo_option(servers: ServerUris) -> AsyncIterator[tuple[str, str]]:
    """Give a stack with settings of its own a database, where MongoDB is not what is tested."""
    uri = servers.mongo.replace("/chatgrow", f"/stack-{ULID()}")
    yield "--mongo", uri
    async with open_database(uri, PATIENCE) as database:
        await database.client.drop_database(database.name)
