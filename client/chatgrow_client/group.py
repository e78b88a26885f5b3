"""Groups of calls, such as `client.messages`, whose methods are written once for both clients.

A method describes what is to be done. What a caller gets depends on the client that the group
belongs to: `client.messages.get(…)` of a `Client` returns the message, that of an `AsyncClient`
something to await. The types say the same.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, Callable, Generic, Protocol, TypeVar, Union, overload

from typing_extensions import Concatenate, ParamSpec, Self

from chatgrow_client.calls import Call
from chatgrow_client.pages import Pages
from chatgrow_client.repeating import Script
from chatgrow_client.transports import AsyncTransport, SyncTransport, Todo

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S")
A = TypeVar("A")
S_co = TypeVar("S_co", covariant=True)
A_co = TypeVar("A_co", covariant=True)
Transport = TypeVar("Transport", bound=Union[SyncTransport, AsyncTransport])


class Group(Generic[Transport]):
    """Calls that belong together."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _attempts(self, call: Call[T]) -> Script[T]:
        """Return the steps of a call, for a method that consists of several calls."""
        return self._transport.repeater.attempts(call)

    def _open(self, described: Stream[S, A]) -> S | A:
        """Open something for the client that this group belongs to."""
        if isinstance(self._transport, SyncTransport):
            return described.sync(self._transport)
        return described.asynchronous(self._transport)


class method(Generic[P, T]):  # noqa: N801  used as a decorator
    """Make a method of a description of a call, or of a script of several steps."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Todo[T]]) -> None:
        self._describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, group: None, owner: Any) -> Self: ...
    @overload
    def __get__(self, group: Group[SyncTransport], owner: Any) -> Callable[P, T]: ...
    @overload
    def __get__(
        self, group: Group[AsyncTransport], owner: Any
    ) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, group: Group[Any] | None, owner: Any) -> Any:
        """Return the method of a group."""
        return self if group is None else _bound(group, self._describe, group._transport.run)


class listing(Generic[P, T]):  # noqa: N801  used as a decorator
    """Make a method that iterates over a list of a description of its pages."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Pages[T]]) -> None:
        self._describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, group: None, owner: Any) -> Self: ...
    @overload
    def __get__(self, group: Group[SyncTransport], owner: Any) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(
        self, group: Group[AsyncTransport], owner: Any
    ) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, group: Group[Any] | None, owner: Any) -> Any:
        """Return the method of a group."""
        return self if group is None else _bound(group, self._describe, group._transport.walk)


class Stream(Protocol[S_co, A_co]):
    """Something that stays open, and is used in another way by each client."""

    def sync(self, transport: SyncTransport) -> S_co:
        """Return what a `Client` gives."""

    def asynchronous(self, transport: AsyncTransport) -> A_co:
        """Return what an `AsyncClient` gives."""


class stream(Generic[P, S, A]):  # noqa: N801  used as a decorator
    """Make a method that opens what its description says."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Stream[S, A]]) -> None:
        self._describe = describe
        self.__doc__ = describe.__doc__

    @overload
    def __get__(self, group: None, owner: Any) -> Self: ...
    @overload
    def __get__(self, group: Group[SyncTransport], owner: Any) -> Callable[P, S]: ...
    @overload
    def __get__(self, group: Group[AsyncTransport], owner: Any) -> Callable[P, A]: ...
    def __get__(self, group: Group[Any] | None, owner: Any) -> Any:
        """Return the method of a group."""
        return self if group is None else _bound(group, self._describe, group._open)


def _bound(group: Group[Any], describe: Callable[..., Any], do: Callable[[Any], Any]) -> Any:
    described = describe.__get__(group)

    @functools.wraps(described)
    def run(*args: Any, **kwargs: Any) -> Any:
        return do(described(*args, **kwargs))

    return run
