"""A gate in front of a server: shut, it lets nothing through and says nothing, as a frozen one."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Event, Thread
from urllib.parse import unquote, urlsplit

_CHUNK = 65_536
_LOOK_SECONDS = 0.05


class Gate:
    """Passes bytes on in both ways while it is open.

    In threads, not in the test's event loop: a driver may block that one until it is answered.
    """

    def __init__(self, to: str) -> None:
        self._to = to
        self._open = Event()
        self._open.set()
        self._ended = Event()
        self.holds = False  # whether something has waited since the gate was shut
        self._threads: list[Thread] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]

    def shut(self) -> None:
        """Let nothing through from now on; connections stay."""
        self.holds = False
        self._open.clear()

    def open(self) -> None:
        """Let everything through, what has waited first."""
        self._open.set()

    def start(self) -> None:
        """Begin to serve."""
        self._run(self._accept)

    def end(self) -> None:
        """End all connections."""
        self._ended.set()
        self._open.set()
        for thread in self._threads:
            thread.join()
        self._server.close()

    def _run(self, work: Callable[..., None], *arguments: object) -> None:
        thread = Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ended.is_set():
            if select.select([self._server], [], [], _LOOK_SECONDS)[0]:
                self._run(self._serve, self._server.accept()[0])

    def _serve(self, here: socket.socket) -> None:
        with ExitStack() as stack:
            stack.enter_context(here)
            there = stack.enter_context(connected(self._to))
            other = {here: there, there: here}
            with suppress(OSError):
                while not self._ended.is_set():
                    for one in select.select(list(other), [], [], _LOOK_SECONDS)[0]:
                        data = one.recv(_CHUNK)
                        if not data:
                            return
                        self.holds = self.holds or not self._open.is_set()
                        self._open.wait()
                        other[one].sendall(data)


@contextmanager
def gate_before(uri: str) -> Iterator[Gate]:
    """Open a gate before the server of an address like `redis://127.0.0.1:1234/0` or `unix:///redis.sock`."""
    gate = Gate(uri)
    gate.start()
    try:
        yield gate
    finally:
        gate.end()


def connected(uri: str) -> socket.socket:
    """Connect to the server of an address."""
    parts = urlsplit(uri)
    if parts.hostname and parts.port:
        return socket.create_connection((parts.hostname, parts.port))
    there = socket.socket(socket.AF_UNIX)
    # Of MongoDB, the path stands in the place of the host; its letters are not to be made small.
    there.connect(unquote(parts.path if parts.scheme == "unix" else parts.netloc))
    return there
