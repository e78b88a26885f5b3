"""The errors of pages and of calls in them."""

from sessions.connections.states import Reason


class PageBrokenError(Exception):
    """The page or its browser does not work any more; `reason` says why."""

    def __init__(self, reason: Reason, text: str = "") -> None:
        super().__init__(text or str(reason))
        self.reason = reason


class PageCallError(Exception):
    """A call in the page raised an error; `name` and `code` are WhatsApp's or wa-js's own.

    `status` is the status code of WhatsApp's server, if the error has one.
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
    """The page has no line to WhatsApp, so the call could not be done, nor fail for good."""

    def __init__(self) -> None:
        super().__init__("LineDeadError", None, "the page has lost its line to WhatsApp")


class PageNotLoadedError(PageCallError):
    """Our script is not in the page: it is loading a document."""

    def __init__(self) -> None:
        super().__init__("NotLoaded", None, "the page has not loaded")
