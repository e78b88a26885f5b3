"""Appointments of customers."""

from __future__ import annotations

from datetime import datetime

from chatgrow_client.calls import Call, Query, delete, get, model, patch, path, post_once
from chatgrow_client.group import Group, Transport, listing, method
from chatgrow_client.models import (
    AppointmentChange,
    AppointmentList,
    AppointmentStatus,
    AppointmentView,
    NewAppointment,
    Reschedule,
)
from chatgrow_client.pages import Pages

_ALL, _ONE = "/api/appointments", "/api/appointments/{}"


class Appointments(Group[Transport]):
    """Book appointments, and tell what becomes of them; the messages follow by themselves."""

    @method
    def create(
        self, new: NewAppointment, *, idempotency_key: str | None = None
    ) -> Call[AppointmentView]:
        """Book an appointment."""
        return post_once(_ALL, model(AppointmentView), new, key=idempotency_key)

    @listing
    def list(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        status: AppointmentStatus | None = None,
        customer: str | None = None,
        page_size: int | None = None,
    ) -> Pages[AppointmentView]:
        """List the appointments that start in this time, or all."""
        query: Query = {
            "from": since,
            "to": until,
            "status": status,
            "customer": customer,
            "limit": page_size,
        }
        return Pages(get(_ALL, model(AppointmentList), query))

    @method
    def get(self, appointment_id: str) -> Call[AppointmentView]:
        """Return an appointment."""
        return get(path(_ONE, appointment_id), model(AppointmentView))

    @method
    def change(self, appointment_id: str, change: AppointmentChange) -> Call[AppointmentView]:
        """Change what is given."""
        return patch(path(_ONE, appointment_id), model(AppointmentView), change)

    @method
    def remove(self, appointment_id: str) -> Call[None]:
        """Remove an appointment."""
        return delete(path(_ONE, appointment_id))

    @method
    def confirm(
        self, appointment_id: str, *, idempotency_key: str | None = None
    ) -> Call[AppointmentView]:
        """Note that the customer will come."""
        return _told(appointment_id, "confirm", idempotency_key)

    @method
    def cancel(
        self, appointment_id: str, *, idempotency_key: str | None = None
    ) -> Call[AppointmentView]:
        """Cancel an appointment."""
        return _told(appointment_id, "cancel", idempotency_key)

    @method
    def complete(
        self, appointment_id: str, *, idempotency_key: str | None = None
    ) -> Call[AppointmentView]:
        """Note that it took place."""
        return _told(appointment_id, "complete", idempotency_key)

    @method
    def no_show(
        self, appointment_id: str, *, idempotency_key: str | None = None
    ) -> Call[AppointmentView]:
        """Note that the customer did not come."""
        return _told(appointment_id, "no-show", idempotency_key)

    @method
    def reschedule(
        self,
        appointment_id: str,
        starts_at: datetime,
        ends_at: datetime | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Call[AppointmentView]:
        """Move an appointment to another time."""
        body = Reschedule.of(starts_at=starts_at, ends_at=ends_at)
        where = path(f"{_ONE}/reschedule", appointment_id)
        return post_once(where, model(AppointmentView), body, key=idempotency_key)


def _told(appointment_id: str, what: str, key: str | None) -> Call[AppointmentView]:
    return post_once(path(f"{_ONE}/{what}", appointment_id), model(AppointmentView), key=key)
