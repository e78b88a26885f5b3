"""Events of a business, such as a course, and who registered for them."""

from __future__ import annotations

from chatgrow_client.calls import Call, Query, delete, get, model, patch, path, post_once
from chatgrow_client.group import Group, Transport, listing, method
from chatgrow_client.models import (
    EventChange,
    EventList,
    EventView,
    NewEvent,
    NewRegistration,
    RegistrationList,
    RegistrationView,
)
from chatgrow_client.pages import Pages

_ALL, _ONE = "/api/events", "/api/events/{}"


class BusinessEvents(Group[Transport]):
    """Events to which customers come; `client.events` is another thing."""

    @method
    def create(self, new: NewEvent, *, idempotency_key: str | None = None) -> Call[EventView]:
        """Create an event."""
        return post_once(_ALL, model(EventView), new, key=idempotency_key)

    @listing
    def list(self, *, page_size: int | None = None) -> Pages[EventView]:
        """List the events."""
        query: Query = {"limit": page_size}
        return Pages(get(_ALL, model(EventList), query))

    @method
    def get(self, event_id: str) -> Call[EventView]:
        """Return an event."""
        return get(path(_ONE, event_id), model(EventView))

    @method
    def change(self, event_id: str, change: EventChange) -> Call[EventView]:
        """Change what is given."""
        return patch(path(_ONE, event_id), model(EventView), change)

    @method
    def cancel(self, event_id: str) -> Call[None]:
        """Cancel an event."""
        return delete(path(_ONE, event_id))

    @method
    def register(
        self, event_id: str, customer: str, *, idempotency_key: str | None = None
    ) -> Call[RegistrationView]:
        """Register a customer for an event."""
        where = path(f"{_ONE}/registrations", event_id)
        body = NewRegistration(customer=customer)
        return post_once(where, model(RegistrationView), body, key=idempotency_key)

    @listing
    def registrations(
        self, event_id: str, *, page_size: int | None = None
    ) -> Pages[RegistrationView]:
        """List who registered for an event."""
        query: Query = {"limit": page_size}
        where = path(f"{_ONE}/registrations", event_id)
        return Pages(get(where, model(RegistrationList), query))

    @method
    def unregister(self, event_id: str, registration_id: str) -> Call[None]:
        """Take a registration back."""
        return delete(path(f"{_ONE}/registrations/{{}}", event_id, registration_id))
