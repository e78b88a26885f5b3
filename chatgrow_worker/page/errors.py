"""How a page can let us down."""

from sessions.connections.states import Reason


class PageBrokenError(Exception):
    """The page or its browser is of no more use; `reason` says how it showed."""

    def __init__(self, reason: Reason, text: str = "") -> None:
        super().__init__(text or str(reason))
        self.reason = reason


class PageCallError(Exception):
    """The page answered a call with an error; `name` and `code` are WhatsApp's or wa-js's own.

    `status` is the number that WhatsApp's server answered, where the error has one.
    """

    def __init__(
        self, name: str, code: str | None, message: str, status: int | None = None
    ) -> None:
        super().__init__(f"{name} {code or status or ''}: {message}")
        self.name = name
        self.code = code
        self.message = message
        self.status = status


class LineDeadError(PageCallError):
    """The page has no line to WhatsApp: what was asked for can neither be done nor judged now."""

    def __init__(self) -> None:
        super().__init__("LineDeadError", None, "the page has lost its line to WhatsApp")


class PageNotLoadedError(PageCallError):
    """Our side of the bridge is not there: the page is between two documents."""

    def __init__(self) -> None:
        super().__init__("NotLoaded", None, "the page has not loaded")
