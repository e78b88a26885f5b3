"""The API's services with some of them replaced."""

from __future__ import annotations

import copy

from control_api.services import Services


def services_with(services: Services, **changes: object) -> Services:
    """Return the services as they are, but for these."""
    copied = copy.copy(services)
    vars(copied).update(changes)
    return copied
