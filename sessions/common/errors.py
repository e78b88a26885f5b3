"""The errors of the domain, each with a stable code that the HTTP API returns."""

from typing import ClassVar


class DomainError(Exception):
    """A refusal with a stable `code`, and a text for the caller: `text`, if it never varies."""

    code: ClassVar[str] = "error"
    text: ClassVar[str] = ""

    def __init__(self, text: str = "") -> None:
        super().__init__(text or self.text)


class ConnectionNotFoundError(DomainError):
    """No connection of this owner has that id."""

    code = "connection_not_found"

    def __init__(self, connection_id: str) -> None:
        super().__init__(f"There is no connection {connection_id!r}.")


class ConnectionExistsError(DomainError):
    """The owner already has a connection with that id."""

    code = "connection_exists"

    def __init__(self, connection_id: str) -> None:
        super().__init__(f"A connection {connection_id!r} exists already.")


class MessageNotFoundError(DomainError):
    """No message of this owner has that id."""

    code = "message_not_found"

    def __init__(self, message_id: str) -> None:
        super().__init__(f"There is no message {message_id!r}.")


class WrongStatusError(DomainError):
    """The message's present status does not allow this."""

    code = "wrong_status"

    def __init__(self, message_id: str, status: str) -> None:
        super().__init__(f"Message {message_id} is {status}; this cannot be done to it now.")
        self.members = {"messageStatus": str(status)}


class WrongStateError(DomainError):
    """The connection's present state does not allow this."""

    code = "wrong_state"

    def __init__(self, state: str, reason: str | None) -> None:
        super().__init__(f"The connection is {state}; this cannot be done to it now.")
        self.members = {"state": str(state), **({"reason": str(reason)} if reason else {})}


class IllegalMoveError(DomainError):
    """The table of legal moves does not allow this change of state."""

    code = "illegal_move"


class LeaseLostError(DomainError):
    """The caller no longer owns the connection, so nothing was written."""

    code = "lease_lost"


class InvalidRecipientError(DomainError, ValueError):
    """The text is neither a phone number that can exist nor a WhatsApp id."""

    code = "invalid_recipient"


class ConfigurationError(Exception):
    """The configuration cannot work: a person has to fix it, and starting again cannot help."""


class StoreUnavailableError(DomainError):
    """A server that we depend on does not answer."""

    code = "store_unavailable"
