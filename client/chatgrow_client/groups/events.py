"""Events: what happens, as it happens."""

from __future__ import annotations

from datetime import timedelta

from chatgrow_client.calls import as_it_comes, path
from chatgrow_client.following import Following
from chatgrow_client.group import Group, Transport, stream

_ALL = "/api/whatsapp/events"
_OF_ONE = "/api/whatsapp/connections/{}/events"
_SILENT_FOR = timedelta(seconds=45)
"""The API says at least every 15 seconds that it is there."""


class Events(Group[Transport]):
    """Follow what happens to connections and messages."""

    @stream
    def follow(
        self,
        connection_id: str | None = None,
        *,
        last_event_id: str | None = None,
        give_up_after: timedelta | None = None,
    ) -> Following:
        """Follow the events of one connection or of all; an iterator that does not end.

        It begins with the present state of each connection or, with the `id` of an event, with
        what happened after that. A cut connection is made again, and nothing is missed; where
        events are gone, there is a `gap`, and the states after it. Only an error that does not
        pass by itself is raised, such as a revoked key, or any after `give_up_after`.
        """
        where = path(_OF_ONE, connection_id) if connection_id is not None else _ALL
        return Following(as_it_comes(where, _SILENT_FOR), last_event_id, give_up_after)
