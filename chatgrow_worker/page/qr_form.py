"""The forms of a QR code's text."""

from enum import StrEnum


class QrForm(StrEnum):
    """How the text begins and ends; the parts in between are the same."""

    PAGE = "page"
    """The form that WhatsApp Web's own screen shows, which depends on its feature gates."""
    URL = "url"
    """A URL, which the phone's camera app can open, too."""
    SHORT = "short"
    """Only the parts, as before 2026."""
