"""A gate in front of a server: shut, it lets nothing through and says nothing, as a frozen one."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Event, Thread

_CHUNK = 65_536
_LOOK_SECONDS = 0.05


class Gate:
    """Passes bytes on in both ways while it is open.

    In threads, not in the test's event loop: a driver may block that one until it is answered.
    """

    def __init__(self, to: int) -> None:
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
            there = stack.enter_context(socket.create_connection(("127.0.0.1", self._to)))
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
    """Open a gate before the server of an address like `redis://127.0.0.1:1234/0`."""
    gate = Gate(port_of(uri))
    gate.start()
    try:
        yield gate
    finally:
        gate.end()


def port_of(uri: str) -> int:
    """Return the port in an address."""
    return int(uri.split("://", 1)[1].split("/", 1)[0].rsplit(":", 1)[1])
