"""Which requests the client repeats, and for how long."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from chatgrow_client import (
    Client,
    NoAnswerError,
    ProblemError,
    RequestError,
    RetryPolicy,
    TooManyRequestsError,
    UnavailableError,
    UnexpectedAnswerError,
)
from chatgrow_client.calls import IDEMPOTENCY_KEY, Call, delete, get, model, post, post_once
from chatgrow_client.models import Accepted, React
from tests.unit.client.playing import Stage, problem

POLICY = RetryPolicy(
    tries=5,
    within=timedelta(seconds=60),
    first_pause=timedelta(seconds=1),
    longest_pause=timedelta(seconds=4),
)
DONE = httpx.Response(202, json={"messageId": "m", "status": "queued"})
CUT = httpx.ReadError("cut")
UNAVAILABLE = problem(503, "store_unavailable")


def _keyed() -> Call[Accepted]:
    return post_once("/send", model(Accepted), React(emoji="!"))


def _unkeyed() -> Call[Accepted]:
    return post("/send", model(Accepted), React(emoji="!"))


@pytest.mark.parametrize(
    "failure",
    [
        CUT,
        httpx.ReadTimeout("late"),
        httpx.RemoteProtocolError("gone"),
        httpx.ConnectError("refused"),
        UNAVAILABLE,
        problem(429, "rate_limited", 1),
        httpx.Response(502, text="<html>"),
    ],
)
def test_a_send_is_repeated_under_one_key_with_one_body(
    failure: httpx.Response | httpx.TransportError,
) -> None:
    stage = Stage([failure, failure, DONE])
    accepted = stage.play(stage.repeater(POLICY).attempts(_keyed()))
    assert accepted.message_id == "m"
    assert len({each.headers[IDEMPOTENCY_KEY] for each in stage.sent}) == 1
    assert len({each.content.pieces() for each in stage.sent if each.content}) == 1
    assert len(stage.sent) == 3


def test_each_send_has_a_key_of_its_own_unless_it_is_given_one() -> None:
    keys = {_keyed().idempotency_key for _ in range(100)}
    assert len(keys) == 100
    named = post_once("/send", model(Accepted), React(emoji="!"), key="order 17")
    assert named.idempotency_key == "order 17"


@pytest.mark.parametrize("failure", [CUT, UNAVAILABLE, httpx.Response(502, text="<html>")])
def test_what_may_have_been_done_is_not_done_again_without_a_key(
    failure: httpx.Response | httpx.TransportError,
) -> None:
    stage = Stage([failure, DONE])
    with pytest.raises(RequestError) as raised:
        stage.play(stage.repeater(POLICY).attempts(_unkeyed()))
    assert raised.value.tries == len(stage.sent) == 1


@pytest.mark.parametrize(
    "refusal", [httpx.ConnectError("no"), problem(429, "rate_limited"), problem(503, "too_busy")]
)
def test_what_was_certainly_not_done_is_done_without_a_key(
    refusal: httpx.Response | httpx.TransportError,
) -> None:
    stage = Stage([refusal, DONE])
    assert stage.play(stage.repeater(POLICY).attempts(_unkeyed())).message_id == "m"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 500])
def test_an_error_that_stays_is_raised_at_once(status: int) -> None:
    stage = Stage([problem(status, "some_code")])
    with pytest.raises(ProblemError) as raised:
        stage.play(stage.repeater(POLICY).attempts(_keyed()))
    assert (raised.value.status, raised.value.code) == (status, "some_code")
    assert len(stage.sent) == 1


def test_pauses_double_up_to_the_longest_and_tries_are_bounded() -> None:
    stage = Stage([CUT])
    call = _keyed()
    with pytest.raises(NoAnswerError) as raised:
        stage.play(stage.repeater(POLICY).attempts(call))
    assert [each.total_seconds() for each in stage.pauses] == [1, 2, 4, 4]
    assert raised.value.tries == 5
    assert raised.value.idempotency_key == call.idempotency_key
    assert raised.value.maybe_done


def test_the_time_that_the_api_names_is_waited_for() -> None:
    stage = Stage([problem(429, "rate_limited", 20), DONE])
    stage.play(stage.repeater(POLICY).attempts(_keyed()))
    assert stage.now() == 21


def test_a_time_beyond_the_bound_is_not_waited_for() -> None:
    stage = Stage([problem(429, "rate_limited", 900)])
    with pytest.raises(TooManyRequestsError) as raised:
        stage.play(stage.repeater(POLICY).attempts(_keyed()))
    assert raised.value.retry_after == timedelta(minutes=15)
    assert stage.pauses == []


def test_the_whole_is_bounded_in_time() -> None:
    stage = Stage([UNAVAILABLE])
    policy = RetryPolicy(tries=1000, within=timedelta(seconds=10), first_pause=timedelta(seconds=2))
    with pytest.raises(UnavailableError):
        stage.play(stage.repeater(policy).attempts(_keyed()))
    assert stage.now() <= 10


def test_a_deletion_whose_first_answer_was_lost_is_done() -> None:
    stage = Stage([CUT, problem(404, "webhook_not_found")])
    stage.play(stage.repeater(POLICY).attempts(delete("/webhooks/w")))
    assert len(stage.sent) == 2


def test_a_deletion_of_what_is_not_there_is_an_error() -> None:
    stage = Stage([problem(429, "rate_limited", 0), problem(404, "webhook_not_found")])
    with pytest.raises(ProblemError, match="webhook_not_found"):
        stage.play(stage.repeater(POLICY).attempts(delete("/webhooks/w")))


def test_a_health_that_is_bad_is_an_answer() -> None:
    checks = {"mongo": "down", "redis": "ok", "workers": 1}
    told = {"status": "unavailable", "version": "1", "checks": checks, "away": ["mongo"]}
    network = httpx.MockTransport(lambda _: httpx.Response(503, json=told))
    with Client("http://localhost", transport=network) as client:
        assert client.service.health().away == ["mongo"]


def test_an_answer_that_is_not_of_this_api_is_told() -> None:
    stage = Stage([httpx.Response(200, text="<html>")])
    with pytest.raises(UnexpectedAnswerError):
        stage.play(stage.repeater(POLICY).attempts(get("/messages", model(Accepted))))
    assert len(stage.sent) == 1
