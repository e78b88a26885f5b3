"""Do what scripts ask for over HTTP: one transport that blocks, and one for asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, Union

import httpx

from chatgrow_client.calls import Call
from chatgrow_client.contents import in_a_thread
from chatgrow_client.pages import Page, Pages
from chatgrow_client.repeating import Pause, Repeater, Script, Step

T = TypeVar("T")
Todo = Union[Call[T], Script[T]]
"""What a method of a group describes: one call, or several steps."""
Outcome = Union[httpx.Response, httpx.TransportError, None]
"""What a step led to; nothing for a pause."""


@dataclass(frozen=True)
class SyncTransport:
    """Does what a `Client` is asked for, on behalf of an owner if one is named."""

    http: httpx.Client
    repeater: Repeater
    owner: str | None = None

    def run(self, todo: Todo[T]) -> T:
        """Do all steps and return the result; raise what they raise."""
        script = steps_of(todo, self.repeater)
        try:
            step = next(script)
            while True:
                step = _advance(script, self._do(step))
        except StopIteration as end:
            result: T = end.value
            return result

    def walk(self, pages: Pages[T]) -> Iterator[T]:
        """Yield what is on all pages; a page is asked for when its first item is."""
        call: Call[Page[T]] | None = pages.first
        while call is not None:
            page = self.run(call)
            yield from page.items
            call = pages.next(call, page)

    def pause(self, length: timedelta) -> None:
        """Wait."""
        time.sleep(length.total_seconds())

    def _do(self, step: Step) -> Outcome:
        if isinstance(step, Pause):
            self.pause(step.length)
            return None
        try:
            return self._send(step)
        except httpx.TransportError as error:
            return error

    def _send(self, call: Call[Any]) -> httpx.Response:
        content = None if call.content is None else call.content.pieces()
        request = _request(self.http, call, content, self.owner)
        response = self.http.send(request, stream=call.streamed)
        if call.streamed and not response.is_success:
            with closing(response):
                response.read()
        return response


@dataclass(frozen=True)
class AsyncTransport:
    """Does what an `AsyncClient` is asked for, on behalf of an owner if one is named."""

    http: httpx.AsyncClient
    repeater: Repeater
    owner: str | None = None

    async def run(self, todo: Todo[T]) -> T:
        """Do all steps and return the result; raise what they raise."""
        script = steps_of(todo, self.repeater)
        try:
            step = next(script)
            while True:
                step = _advance(script, await self._do(step))
        except StopIteration as end:
            result: T = end.value
            return result

    async def walk(self, pages: Pages[T]) -> AsyncIterator[T]:
        """Yield what is on all pages; a page is asked for when its first item is."""
        call: Call[Page[T]] | None = pages.first
        while call is not None:
            page = await self.run(call)
            for item in page.items:
                yield item
            call = pages.next(call, page)

    async def pause(self, length: timedelta) -> None:
        """Wait."""
        await asyncio.sleep(length.total_seconds())

    async def _do(self, step: Step) -> Outcome:
        if isinstance(step, Pause):
            await self.pause(step.length)
            return None
        try:
            return await self._send(step)
        except httpx.TransportError as error:
            return error

    async def _send(self, call: Call[Any]) -> httpx.Response:
        content = None if call.content is None else call.content.pieces()
        if content is None or isinstance(content, bytes):
            request = _request(self.http, call, content, self.owner)
        else:
            request = _request(self.http, call, in_a_thread(content), self.owner)
        response = await self.http.send(request, stream=call.streamed)
        if call.streamed and not response.is_success:
            await response.aread()
            await response.aclose()
        return response


def steps_of(todo: Todo[T], repeater: Repeater) -> Script[T]:
    """Return the steps: those of a script, or a call with its repetitions."""
    return todo if isinstance(todo, Generator) else repeater.attempts(todo)


def _advance(script: Script[Any], outcome: Outcome) -> Step:
    """Tell a script what its last step led to; return the next one."""
    if isinstance(outcome, Exception):
        return script.throw(outcome)
    return script.send(outcome)


def _request(
    http: httpx.Client | httpx.AsyncClient,
    call: Call[Any],
    content: bytes | Iterator[bytes] | AsyncIterator[bytes] | None,
    owner: str | None,
) -> httpx.Request:
    described = {} if call.content is None else call.content.headers
    query = {**call.query, **({"owner": owner} if owner else {})}
    seconds = None if call.timeout is None else call.timeout.total_seconds()
    return http.build_request(
        call.method,
        call.path,
        params=query or None,
        headers={**described, **call.headers},
        content=content,
        timeout=httpx.USE_CLIENT_DEFAULT if seconds is None else seconds,
    )
