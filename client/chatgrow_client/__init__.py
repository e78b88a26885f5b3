"""A client of the ChatGrow worker: send WhatsApp messages once, and follow what becomes of them."""

from chatgrow_client.client import AsyncClient, Client
from chatgrow_client.errors import (
    ChatGrowError,
    ConflictError,
    ConnectionWaitError,
    ForbiddenError,
    InvalidRequestError,
    MessageEndedError,
    MessageWaitError,
    NoAnswerError,
    NotFoundError,
    ProblemError,
    RequestError,
    TooManyRequestsError,
    UnauthorizedError,
    UnavailableError,
    UnexpectedAnswerError,
    WaitTimeoutError,
    WebhookVerificationError,
    WrongDirectionError,
)
from chatgrow_client.following import AsyncEventStream, Event, EventStream
from chatgrow_client.repeating import NO_RETRIES, RetryPolicy
from chatgrow_client.version import __version__
from chatgrow_client.webhook_signatures import verify_webhook

__all__ = [
    "NO_RETRIES",
    "AsyncClient",
    "AsyncEventStream",
    "ChatGrowError",
    "Client",
    "ConflictError",
    "ConnectionWaitError",
    "Event",
    "EventStream",
    "ForbiddenError",
    "InvalidRequestError",
    "MessageEndedError",
    "MessageWaitError",
    "NoAnswerError",
    "NotFoundError",
    "ProblemError",
    "RequestError",
    "RetryPolicy",
    "TooManyRequestsError",
    "UnauthorizedError",
    "UnavailableError",
    "UnexpectedAnswerError",
    "WaitTimeoutError",
    "WebhookVerificationError",
    "WrongDirectionError",
    "__version__",
    "verify_webhook",
]
