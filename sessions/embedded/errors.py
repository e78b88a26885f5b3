"""What can keep an embedded server from starting; each text is meant for the operator to read."""

from typing import ClassVar


class EmbeddedServerError(Exception):
    """An embedded server cannot be had; `exit_code` is what the launcher ends with."""

    exit_code: ClassVar[int] = 69


class MissingPartError(EmbeddedServerError):
    """A wheel, a library or a folder that can be used is missing: starting again cannot help."""

    exit_code: ClassVar[int] = 78
