"""The forms in which the text of a QR code can be given."""

from enum import StrEnum


class QrForm(StrEnum):
    """How the text begins and ends; the phone needs the parts in between."""

    PAGE = "page"
    """As WhatsApp Web's own screen draws it now, by the gates of the page."""
    URL = "url"
    """As an address, which the camera of the phone can open too."""
    SHORT = "short"
    """The parts alone, as it was before 2026."""
