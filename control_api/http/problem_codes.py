"""The codes of all errors: the HTTP status of each, and what its reader can do about it.

`docs/api.md` has this table, written by `scripts/write_docs.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True)
class ProblemCode:
    """What a code means for HTTP, and for whoever gets it."""

    status: HTTPStatus
    advice: str
    """What is wrong, where the name does not say it, and what to do: a sentence or two."""


_REQUEST: Mapping[str, ProblemCode] = {
    "invalid_fields": ProblemCode(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Correct the fields that `errors` names, then send the request again.",
    ),
    "invalid_parameter": ProblemCode(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Correct the query parameter, header or part of the path that `errors` names.",
    ),
    "malformed_json": ProblemCode(
        HTTPStatus.BAD_REQUEST, "Send valid JSON in UTF-8; `detail` says where it breaks off."
    ),
    "malformed_body": ProblemCode(
        HTTPStatus.BAD_REQUEST,
        "The body ended early, or is not encoded as its headers say. Send it again in full.",
    ),
    "unsupported_media_type": ProblemCode(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "Set `Content-Type` to the type of the body, usually `application/json`.",
    ),
    "request_entity_too_large": ProblemCode(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Send less at a time, for example a bulk in parts."
    ),
    "request_timeout": ProblemCode(
        HTTPStatus.REQUEST_TIMEOUT,
        "The body took too long (`BODY_TIMEOUT`). Send it again over a faster line.",
    ),
    "range_not_satisfiable": ProblemCode(
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        "Ask for a range inside the file; `size` is its length in bytes.",
    ),
    "idempotency_key_reused": ProblemCode(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "This `Idempotency-Key` belongs to another request, or to something that was removed. "
        "Use a new key for a new request.",
    ),
    "host_not_allowed": ProblemCode(
        HTTPStatus.MISDIRECTED_REQUEST,
        "Use one of the API's own names. If this is one, list it in `ALLOWED_HOSTS`.",
    ),
    "origin_not_allowed": ProblemCode(
        HTTPStatus.FORBIDDEN, "List the origin of your browser application in `CORS_ORIGINS`."
    ),
    "foreign_origin": ProblemCode(
        HTTPStatus.FORBIDDEN,
        "A page of another site sent this. Open the page of the API itself and try there.",
    ),
    "csrf": ProblemCode(
        HTTPStatus.FORBIDDEN,
        "Reload the page. A program uses an API key or an access token instead of cookies.",
    ),
}
_CALLER: Mapping[str, ProblemCode] = {
    "unauthorized": ProblemCode(
        HTTPStatus.UNAUTHORIZED,
        "Send a valid key in `X-Api-Key`, or a valid access token. A revoked or expired key never "
        "works again.",
    ),
    "invalid_credentials": ProblemCode(
        HTTPStatus.UNAUTHORIZED, "Check the e-mail address and the password."
    ),
    "invalid_refresh_token": ProblemCode(
        HTTPStatus.UNAUTHORIZED, "The token was used before or has expired. Sign in again."
    ),
    "sign_in_expired": ProblemCode(
        HTTPStatus.UNAUTHORIZED, "Sign in with the password again (`SIGN_IN_EXPIRES_IN`)."
    ),
    "forbidden": ProblemCode(
        HTTPStatus.FORBIDDEN,
        "The key lacks the scope, or the person is not an administrator. `detail` says what is "
        "needed.",
    ),
    "setup_token_required": ProblemCode(
        HTTPStatus.FORBIDDEN,
        "The first registration needs `setupToken`: see “Setting up” on this page.",
    ),
    "metrics_closed": ProblemCode(
        HTTPStatus.FORBIDDEN, "Set `METRICS_TOKEN`, and have Prometheus send it."
    ),
    "user_exists": ProblemCode(
        HTTPStatus.CONFLICT, "This address has an account. Sign in, or use another address."
    ),
    "user_not_found": ProblemCode(
        HTTPStatus.NOT_FOUND, "No user has this id or address; `GET /api/users` lists them."
    ),
    "user_has_connections": ProblemCode(
        HTTPStatus.CONFLICT, "Delete the connections of this user first."
    ),
    "api_key_not_found": ProblemCode(
        HTTPStatus.NOT_FOUND, "Look up the id with `GET /api/api-keys`."
    ),
}
_CONNECTIONS: Mapping[str, ProblemCode] = {
    "connection_not_found": ProblemCode(
        HTTPStatus.NOT_FOUND,
        "Create the connection first, or use another key: a key sees the connections of its owner.",
    ),
    "connection_exists": ProblemCode(
        HTTPStatus.CONFLICT, "Use the connection that exists, or choose another id."
    ),
    "wrong_state": ProblemCode(
        HTTPStatus.CONFLICT,
        "The connection's `state` does not allow this; `allowedCommands` of its status says what "
        "is possible.",
    ),
    "no_qr_code": ProblemCode(
        HTTPStatus.CONFLICT, "No phone can be linked now; `state` and `reason` say why."
    ),
    "no_pairing_code": ProblemCode(
        HTTPStatus.CONFLICT, "WhatsApp gave no code. Try again, or scan the QR code."
    ),
    "pairing_refused": ProblemCode(
        HTTPStatus.CONFLICT, "Check the phone number: WhatsApp gives no code for it."
    ),
    "pairing_not_available": ProblemCode(
        HTTPStatus.CONFLICT, "WhatsApp offers no codes for this number. Scan the QR code."
    ),
    "pairing_rate_limited": ProblemCode(
        HTTPStatus.TOO_MANY_REQUESTS, "Wait for `Retry-After`, or scan the QR code now."
    ),
    "already_linked": ProblemCode(
        HTTPStatus.CONFLICT, "Log the connection out before you link another phone."
    ),
    "number_already_linked": ProblemCode(
        HTTPStatus.CONFLICT, "Log out the connection that has this number first."
    ),
    "other_number": ProblemCode(
        HTTPStatus.CONFLICT, "Use the phone for which the link was made, or ask for another link."
    ),
    "link_unknown": ProblemCode(
        HTTPStatus.NOT_FOUND, "Copy the whole address of the link, or ask for a new link."
    ),
    "link_expired": ProblemCode(HTTPStatus.GONE, "Ask for a new link."),
    "link_used": ProblemCode(
        HTTPStatus.GONE, "A phone is linked. Ask for a new link to link another one."
    ),
    "pace_limited": ProblemCode(
        HTTPStatus.TOO_MANY_REQUESTS,
        "A number check counts like a message. Wait for `Retry-After`, or change the pace.",
    ),
    "number_check_failed": ProblemCode(
        HTTPStatus.SERVICE_UNAVAILABLE, "WhatsApp gave no clear answer. Try again later."
    ),
    "number_check_timed_out": ProblemCode(
        HTTPStatus.GATEWAY_TIMEOUT, "The worker did not answer. Try again."
    ),
    "page_failed": ProblemCode(
        HTTPStatus.SERVICE_UNAVAILABLE, "WhatsApp Web could not do it. Try again."
    ),
    "page_timed_out": ProblemCode(
        HTTPStatus.GATEWAY_TIMEOUT, "The worker did not answer. Try again."
    ),
}
_MESSAGES: Mapping[str, ProblemCode] = {
    "message_not_found": ProblemCode(
        HTTPStatus.NOT_FOUND,
        "Check the id. Messages are removed after `MESSAGE_RETENTION` or `RECEIVED_RETENTION`.",
    ),
    "wrong_status": ProblemCode(
        HTTPStatus.CONFLICT, "`messageStatus` does not allow this. Read the message again."
    ),
    "expired_already": ProblemCode(
        HTTPStatus.UNPROCESSABLE_ENTITY, "Give an `expiresAt` in the future."
    ),
    "reply_to_not_found": ProblemCode(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "`replyTo` needs the id of a message that this connection has sent or received.",
    ),
    "not_own_message": ProblemCode(
        HTTPStatus.CONFLICT, "Only messages that you sent can be edited or revoked."
    ),
    "not_editable": ProblemCode(
        HTTPStatus.CONFLICT, "Only texts and captions can be edited. Send a new message."
    ),
    "edit_window_over": ProblemCode(
        HTTPStatus.CONFLICT, "WhatsApp takes no more edits. Send a new message."
    ),
    "revoke_window_over": ProblemCode(
        HTTPStatus.CONFLICT, "WhatsApp no longer deletes this message."
    ),
    "message_revoked": ProblemCode(
        HTTPStatus.CONFLICT, "The message was deleted for everybody. Nothing can be done to it."
    ),
    "queue_full": ProblemCode(
        HTTPStatus.TOO_MANY_REQUESTS,
        "Nothing of the request was accepted. Send it again when messages have gone out.",
    ),
    "text_key_missing": ProblemCode(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The operator has to put the missing key back into `SESSION_ENCRYPTION_KEYS`. Then repeat "
        "the request.",
    ),
}
_FILES: Mapping[str, ProblemCode] = {
    "media_not_found": ProblemCode(
        HTTPStatus.NOT_FOUND, "Files are removed some time after their last use. Upload it again."
    ),
    "media_too_large": ProblemCode(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "Send a smaller file; `limit` is the most bytes (`MEDIA_MAX_SIZE`).",
    ),
    "media_empty": ProblemCode(
        HTTPStatus.UNPROCESSABLE_ENTITY, "Send the content: this file has 0 bytes."
    ),
    "media_unsuitable": ProblemCode(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "WhatsApp does not show this type that way. Convert the file, or send it as a `document`.",
    ),
    "media_quota_exceeded": ProblemCode(
        HTTPStatus.CONFLICT, "Wait until old files are removed, or raise `MEDIA_QUOTA`."
    ),
    "media_key_missing": ProblemCode(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The operator has to set `SESSION_ENCRYPTION_KEYS` for the API and the workers.",
    ),
    "media_damaged": ProblemCode(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "The stored file cannot be decrypted. Upload it again; the operator restores MongoDB.",
    ),
    "no_file_to_fetch": ProblemCode(
        HTTPStatus.CONFLICT,
        "The message has no file, or its file is stored or being fetched (`state`).",
    ),
}
_WEBHOOKS: Mapping[str, ProblemCode] = {
    "webhook_not_found": ProblemCode(
        HTTPStatus.NOT_FOUND, "Look up the id with `GET /api/webhooks`."
    ),
    "delivery_not_found": ProblemCode(
        HTTPStatus.NOT_FOUND,
        "Look up the ids with `GET /api/webhooks/{id}/deliveries`; they are kept for "
        "`WEBHOOK_RETENTION`.",
    ),
    "url_not_allowed": ProblemCode(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Give an `https://` address with a host name. The operator can allow others with "
        "`WEBHOOK_ALLOWED_HOSTS`.",
    ),
    "address_not_allowed": ProblemCode(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The address is not on the internet. The operator can allow it: `WEBHOOK_ALLOWED_HOSTS`, "
        "`MEDIA_ALLOWED_HOSTS` or `PROXY_ALLOWED_HOSTS`.",
    ),
    "no_encryption_keys": ProblemCode(
        HTTPStatus.CONFLICT,
        "The operator has to set `SESSION_ENCRYPTION_KEYS`, since secrets are stored encrypted.",
    ),
}
_BUSINESS: Mapping[str, ProblemCode] = {
    "customer_not_found": ProblemCode(
        HTTPStatus.NOT_FOUND, "Look up the id with `GET /api/customers`."
    ),
    "appointment_not_found": ProblemCode(
        HTTPStatus.NOT_FOUND, "Look up the id with `GET /api/appointments`."
    ),
    "event_not_found": ProblemCode(HTTPStatus.NOT_FOUND, "Look up the id with `GET /api/events`."),
    "registration_not_found": ProblemCode(
        HTTPStatus.NOT_FOUND, "Look up the id with `GET /api/events/{id}/registrations`."
    ),
    "subscriber_not_found": ProblemCode(
        HTTPStatus.NOT_FOUND, "Look up the id with `GET /api/subscribers`."
    ),
    "template_not_found": ProblemCode(
        HTTPStatus.NOT_FOUND, "Look up the id with `GET /api/templates`."
    ),
    "automation_not_found": ProblemCode(
        HTTPStatus.NOT_FOUND, "Look up the id with `GET /api/automations`."
    ),
    "campaign_not_found": ProblemCode(
        HTTPStatus.NOT_FOUND, "Look up the id with `GET /api/campaigns`."
    ),
    "already_exists": ProblemCode(
        HTTPStatus.CONFLICT,
        "Another record has the same phone number or `externalId`. Change that one; `id` names it.",
    ),
    "not_possible_now": ProblemCode(
        HTTPStatus.CONFLICT,
        "`recordStatus` does not allow this change; nothing was changed. Read the record again.",
    ),
    "in_use": ProblemCode(
        HTTPStatus.CONFLICT, "Other records use it. Change or delete those first."
    ),
    "template_invalid": ProblemCode(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Correct the text of the template; `detail` says where it is wrong.",
    ),
    "template_unsuitable": ProblemCode(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Whoever would get this template has no values for `variables`. Choose another one, or "
        "give them a `default` in it.",
    ),
    "template_value_missing": ProblemCode(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Fill in the value that `detail` names, or give it a `default` in the template.",
    ),
    "file_unreadable": ProblemCode(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Nothing was stored. Save the table as CSV, with a first line that names the columns.",
    ),
}
_LIMITS: Mapping[str, ProblemCode] = {
    "rate_limited": ProblemCode(
        HTTPStatus.TOO_MANY_REQUESTS, "Wait for `Retry-After`, then go on more slowly."
    ),
    "too_many_attempts": ProblemCode(
        HTTPStatus.TOO_MANY_REQUESTS,
        "Wait for `Retry-After` before you try another password or token.",
    ),
    "too_many_waiting_requests": ProblemCode(
        HTTPStatus.TOO_MANY_REQUESTS,
        "End a request that waits for a code or an answer before you begin another one.",
    ),
    "too_many_streams": ProblemCode(
        HTTPStatus.TOO_MANY_REQUESTS, "Close a stream of events before you open another one."
    ),
    "quota_exceeded": ProblemCode(
        HTTPStatus.CONFLICT,
        "You have as many as one owner may have (`limit`). Delete one, or ask the administrator.",
    ),
    "too_busy": ProblemCode(
        HTTPStatus.SERVICE_UNAVAILABLE, "Nothing was done. Try again after `Retry-After`."
    ),
    "store_unavailable": ProblemCode(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "MongoDB or Redis does not answer. Repeat a send with the same `Idempotency-Key`; the text "
        "above this table tells how to repeat other requests.",
    ),
}
SECTIONS: Mapping[str, Mapping[str, ProblemCode]] = {
    "The request": _REQUEST,
    "Who asks": _CALLER,
    "Connections and linking": _CONNECTIONS,
    "Messages": _MESSAGES,
    "Files": _FILES,
    "Webhooks": _WEBHOOKS,
    "The business side": _BUSINESS,
    "Limits and outages": _LIMITS,
}
"""All codes, in the order in which the documents show them."""
STATUS_OF_CODE: Mapping[str, HTTPStatus] = {
    code: known.status for codes in SECTIONS.values() for code, known in codes.items()
}
