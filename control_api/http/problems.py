"""Turn all errors into HTTP responses: problem+json of RFC 9457."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web
from loguru import logger
from pydantic import ValidationError

from control_api.http.problem_codes import STATUS_OF_CODE
from sessions.common.errors import DomainError, StoreUnavailableError
from sessions.common.field_errors import in_words
from sessions.storage.mongo import NO_ANSWER, STORE_DOWN

PROBLEM_TYPE = "application/problem+json"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_RETRY_AFTER_SECONDS = 2
_READS = ("GET", "HEAD", "OPTIONS")
_MOST_READ = 10_000
"""The most errors that are read: this takes 0.1 s, in which the event loop serves nobody else."""
_MOST_LISTED = 1000
"""The most errors in a response: one for each message of the largest bulk request."""
_MOST_NAMED = 50
_LONGEST_FIELD = 100
_TEXTS = {
    HTTPStatus.NOT_FOUND: "There is nothing at this path.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This path does not take this method.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than we take.",
}
# A write that MongoDB did not confirm may have been done.
_OUTCOME_UNKNOWN = (
    "so whether this was done is not known. Repeat a send with the same Idempotency-Key; look "
    "before you repeat anything else that must not be done twice."
)


class MalformedJsonError(DomainError):
    """The body is not JSON."""

    code = "malformed_json"


class UnsupportedMediaTypeError(DomainError):
    """The body is not declared as JSON."""

    code = "unsupported_media_type"


class MalformedBodyError(DomainError):
    """The body ended early, or is not encoded as its headers say."""

    code = "malformed_body"


class SlowBodyError(DomainError):
    """The body did not arrive in time."""

    code = "request_timeout"


class InvalidParameterError(DomainError):
    """A query parameter has an invalid value."""

    code = "invalid_parameter"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.fields = [{"field": field, "message": message}]


class RangeError(DomainError):
    """No byte of the file is in the range that was asked for."""

    code = "range_not_satisfiable"

    def __init__(self, size: int) -> None:
        super().__init__(f"Ask for one range of bytes of the file, which has {size}.")
        self.members = {"size": size}
        self.headers = {"Content-Range": f"bytes */{size}"}


class AddressRefusedError(InvalidParameterError):
    """A field names a host that the caller may not use."""

    code = "address_not_allowed"


class InvalidFieldsError(DomainError):
    """Fields of a request have values that their model does not accept."""

    code = "invalid_fields"

    def __init__(self, error: ValidationError) -> None:
        count = error.error_count()
        is_read = count <= _MOST_READ
        self.fields = fields_of(error) if is_read else [_too_many(count)]
        shown = self.fields[:_MOST_NAMED]
        names = ", ".join(dict.fromkeys(item["field"] for item in shown))
        more = count - len(shown) if is_read else 0
        super().__init__(f"Invalid: {names}{f', and {more} more' if more else ''}.")


class NoGoodMessageError(DomainError):
    """Not one message of a bulk is good."""

    code = "invalid_fields"

    def __init__(self, errors: Mapping[int, ValidationError]) -> None:
        super().__init__("Not one of these messages is good.")
        self.fields = [
            each | {"field": f"messages.{place}.{each['field']}"}
            for place, fields in fields_of_each(errors).items()
            for each in fields
        ][:_MOST_LISTED]


def fields_of_each(errors: Mapping[int, ValidationError]) -> dict[int, list[dict[str, str]]]:
    """Return what is wrong with each of several messages, by place; of very many, how many."""
    counts = {place: error.error_count() for place, error in errors.items()}
    if sum(counts.values()) > _MOST_READ:
        return {place: [_too_many(count)] for place, count in counts.items()}
    return {place: fields_of(error)[:_MOST_NAMED] for place, error in errors.items()}


def fields_of(error: ValidationError) -> list[dict[str, str]]:
    """Return what is wrong with each field, without the values."""
    found = error.errors(include_url=False, include_input=False)
    return [
        {
            "field": ".".join(map(str, item["loc"]))[:_LONGEST_FIELD] or "(body)",
            "message": in_words(item),
        }
        for item in found[:_MOST_LISTED]
    ]


def _too_many(count: int) -> dict[str, str]:
    return {"field": "(body)", "message": f"There are {count} errors in it, too many to list."}


class NotIdentifiedError(StoreUnavailableError):
    """MongoDB could not say who the caller is, so nothing was done."""

    def __init__(self, failure: Exception) -> None:
        super().__init__(f"{_what_is_wrong(failure)}; nothing was done. Try again.")
        self.failure = failure


class UnauthorizedError(DomainError):
    """The request has no credentials, or unknown ones."""

    code = "unauthorized"


class BadCredentialsError(DomainError):
    """The user does not exist or the password is wrong; the response does not say which."""

    code = "invalid_credentials"
    text = "E-mail address or password is wrong."


class ForbiddenError(DomainError):
    """The caller is known, but not allowed to do this."""

    code = "forbidden"


class SetupTokenError(DomainError):
    """There is no administrator yet, and the request has no valid setup token."""

    code = "setup_token_required"
    text = (
        "The first registration makes the administrator. Give as setupToken the first API "
        "key, or what the file setup.token in the data directory of the API holds."
    )


class OriginNotAllowedError(DomainError):
    """A page of an origin that is not in CORS_ORIGINS wants to use the API."""

    code = "origin_not_allowed"


class HostNotAllowedError(DomainError):
    """The request names a host that is not ours."""

    code = "host_not_allowed"
    text = (
        "The Host header names a host that this API does not serve. If it is one of yours, "
        "name it in PUBLIC_URL or ALLOWED_HOSTS."
    )


class _TryLaterError(DomainError):
    """The request is refused for now; it may be repeated after some seconds."""

    def __init__(self, detail: str, seconds: int) -> None:
        super().__init__(detail)
        self.members = {"retryAfterSeconds": seconds}


class RateLimitedError(_TryLaterError):
    """The caller has reached a rate limit; more requests are allowed after some seconds."""

    code = "rate_limited"

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many requests. More are allowed in {seconds} s.", seconds)


class TooManyPairingCodesError(_TryLaterError):
    """Too many pairing codes, each of which alerts a phone, were requested."""

    code = "rate_limited"

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"Too many pairing codes were asked for. Try again in {seconds} s.", seconds
        )


class TooManyAttemptsError(_TryLaterError):
    """Too many wrong passwords; another may be tried after some seconds."""

    code = "too_many_attempts"

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many failed attempts to sign in. Try again in {seconds} s.", seconds)


class TooManyStreamsError(_TryLaterError):
    """The owner has too many open streams of events."""

    code = "too_many_streams"

    def __init__(self, most: int) -> None:
        detail = f"No more than {most} streams of events at a time; close one first."
        super().__init__(detail, _RETRY_AFTER_SECONDS)


class TooManyWaitingError(_TryLaterError):
    """Too many requests of the owner are waiting."""

    code = "too_many_waiting_requests"

    def __init__(self, most: int) -> None:
        detail = f"No more than {most} requests of one owner may wait at a time; end one first."
        super().__init__(detail, _RETRY_AFTER_SECONDS)


class NoQrCodeError(DomainError):
    """The connection shows no QR code now; its state says why."""

    code = "no_qr_code"

    def __init__(self, state: str, reason: str | None) -> None:
        super().__init__(f"The connection shows no QR code: it is {state}.")
        self.members = {"state": state, **({"reason": reason} if reason else {})}


class AlreadyLinkedError(DomainError):
    """The connection is linked to a phone; log it out before linking another one."""

    code = "already_linked"

    def __init__(self, state: str | None = None, reason: str | None = None) -> None:
        super().__init__("The connection has a phone. Log it out before you link another one.")
        told = {"state": state, "reason": reason}
        self.members = {name: value for name, value in told.items() if value}


class NumberAlreadyLinkedError(DomainError):
    """The number is linked to a connection here, whose login another pairing code would end."""

    code = "number_already_linked"

    def __init__(self, connection_id: str | None = None) -> None:
        where = f"connection {connection_id!r}" if connection_id else "another connection here"
        super().__init__(
            f"This number is linked to {where}. A pairing code would end that login: log it out "
            "first."
        )
        self.members = {"connectionId": connection_id} if connection_id else {}


class OtherNumberError(DomainError):
    """The link is for another phone number, which the response does not name."""

    code = "other_number"
    text = "This link is for a phone with another number."


class PairingError(DomainError):
    """There is no pairing code; the text says why."""

    code = "no_pairing_code"

    def __init__(self, detail: str, whatsapp_code: str | None = None) -> None:
        super().__init__(detail)
        self.members = {"whatsappCode": whatsapp_code} if whatsapp_code else {}


class PairingRefusedError(PairingError):
    """WhatsApp refuses a pairing code for this number."""

    code = "pairing_refused"


class PairingNotAvailableError(PairingError):
    """WhatsApp does not offer pairing codes to this number yet."""

    code = "pairing_not_available"


class PairingRateLimitedError(_TryLaterError):
    """WhatsApp limits the pairing codes of this number; we ask again after some seconds."""

    code = "pairing_rate_limited"

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"WhatsApp gives this number no more pairing codes for now. Try again in {seconds} s, "
            "or scan the QR code.",
            seconds,
        )


def problem(
    status: HTTPStatus,
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> web.Response:
    """Build a problem+json response; `code` is the stable name for clients."""
    body = {
        "type": f"urn:chatgrow:problem:{code}",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
        "code": code,
        **members,
    }
    return web.Response(
        text=json.dumps(body, ensure_ascii=False),
        status=status,
        content_type=PROBLEM_TYPE,
        headers=headers,
    )


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into a problem; log unexpected ones, and do not show their details."""
    try:
        return await handler(request)
    except NotIdentifiedError as error:
        _log_refusal(error.failure)
        return _unavailable(str(error))
    except StoreUnavailableError as error:
        return _unavailable(str(error))
    except DomainError as error:
        return _domain_problem(error)
    except STORE_DOWN as error:
        _log_refusal(error)
        return _store_down(request, _what_is_wrong(error))
    except web.HTTPException as error:
        return http_problem(error)
    except Exception:  # noqa: BLE001  unexpected: a 500 without details
        return _failure()


def _failure() -> web.Response:
    logger.exception("A handler failed")
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "Something failed on our side."
    )


def _domain_problem(error: DomainError) -> web.Response:
    status = STATUS_OF_CODE.get(error.code)
    if status is None:
        return _failure()
    members: dict[str, Any] = dict(getattr(error, "members", {}))
    if fields := getattr(error, "fields", None):
        members["errors"] = fields
    headers: dict[str, str] = dict(getattr(error, "headers", {}))
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if "retryAfterSeconds" in members:
        headers["Retry-After"] = str(members["retryAfterSeconds"])
    return problem(status, error.code, str(error), headers, **members)


def _log_refusal(error: Exception) -> None:
    if not isinstance(error, NO_ANSWER):
        logger.opt(exception=error).error("MongoDB refused what a handler asked of it")


def _what_is_wrong(error: Exception) -> str:
    answers = not isinstance(error, NO_ANSWER)
    return "MongoDB refuses now" if answers else "MongoDB does not answer"


def _store_down(request: web.Request, what: str) -> web.Response:
    """Say that a read can be repeated, or that a change may have been done."""
    read = request.method in _READS
    return _unavailable(f"{what}. Try again." if read else f"{what}, {_OUTCOME_UNKNOWN}")


def _unavailable(detail: str) -> web.Response:
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "store_unavailable",
        detail,
        {"Retry-After": str(_RETRY_AFTER_SECONDS)},
        retryAfterSeconds=_RETRY_AFTER_SECONDS,
    )


def http_problem(error: web.HTTPException) -> web.Response:
    """Turn an error of aiohttp into a problem."""
    status = HTTPStatus(error.status)
    headers = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
    return problem(status, status.name.lower(), _TEXTS.get(status, error.reason), headers)
