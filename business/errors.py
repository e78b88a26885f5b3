"""What the business side refuses; each error has a stable code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sessions.common.errors import DomainError


class NotThereError(DomainError):
    """No record of this owner has that id."""

    what = "record"
    code = "error"

    def __init__(self, record_id: str) -> None:
        super().__init__(f"There is no {self.what} {record_id!r}.")


class CustomerNotFoundError(NotThereError):
    """No customer of this owner has that id."""

    what, code = "customer", "customer_not_found"


class AppointmentNotFoundError(NotThereError):
    """No appointment of this owner has that id."""

    what, code = "appointment", "appointment_not_found"


class EventNotFoundError(NotThereError):
    """No event of this owner has that id."""

    what, code = "event", "event_not_found"


class RegistrationNotFoundError(NotThereError):
    """No registration for this event has that id."""

    what, code = "registration", "registration_not_found"


class SubscriberNotFoundError(NotThereError):
    """No subscriber of this owner has that id."""

    what, code = "subscriber", "subscriber_not_found"


class TemplateNotFoundError(NotThereError):
    """No template of this owner, and no ready-made one, has that id."""

    what, code = "template", "template_not_found"


class AutomationNotFoundError(NotThereError):
    """No automation of this owner has that id."""

    what, code = "automation", "automation_not_found"


class CampaignNotFoundError(NotThereError):
    """No campaign of this owner has that id."""

    what, code = "campaign", "campaign_not_found"


class ExistsError(DomainError):
    """Another record of this owner has the same number or the same external id."""

    code = "already_exists"

    def __init__(self, what: str, record_id: str) -> None:
        super().__init__(f"This {what} exists already: {record_id}.")
        self.members = {"id": record_id}


_IS: Mapping[str, str] = {"no_show": "a no-show", "draft": "a draft"}
"""What a record is in a status, where the status itself does not say it in English."""
_BECOMES: Mapping[str, str] = {
    "booked": "moved",
    "no_show": "marked as a no-show",
    "running": "started",
}
"""What is done to a record to bring it into a status, where that is another word."""


class WrongStateOfRecordError(DomainError):
    """The table of statuses does not allow this change now; nothing was changed."""

    code = "not_possible_now"

    def __init__(self, what: str, status: str, wish: str = "changed") -> None:
        now, deed = _IS.get(status, status), _BECOMES.get(wish, wish)
        is_so = f"is already {now}" if status == wish else f"is {now}, so it cannot be {deed}"
        super().__init__(f"The {what} {is_so}.")
        self.members = {"recordStatus": status}


class InUseError(DomainError):
    """Other records need this one."""

    code = "in_use"


class TemplateInvalidError(DomainError):
    """The text of a template cannot be read, or has a variable that does not exist.

    It names the variable, and the language of the text where there are several.
    """

    code = "template_invalid"

    def __init__(
        self, detail: str, variable: str | None = None, language: str | None = None
    ) -> None:
        super().__init__(detail)
        named = {"variable": variable, "language": language}
        self.members = {name: value for name, value in named.items() if value}


class TemplateUnsuitableError(DomainError):
    """A template needs values that those who would get it never have."""

    code = "template_unsuitable"

    def __init__(self, variables: Sequence[str], sender: str) -> None:
        super().__init__(f"The template needs {', '.join(variables)}, which {sender} never has.")
        self.members = {"variables": list(variables)}


class ValueMissingError(DomainError):
    """A template needs a value that this customer or appointment does not have."""

    code = "template_value_missing"

    def __init__(self, detail: str, variable: str | None = None) -> None:
        super().__init__(detail)
        self.members = {"variable": variable} if variable else {}


class FileUnreadableError(DomainError):
    """A file is not a table that we can read; no line of it was stored."""

    code = "file_unreadable"


class RepeatedRequestError(DomainError):
    """The key came before with another request, or what it made has been deleted since."""

    code = "idempotency_key_reused"
