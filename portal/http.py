"""In which thread a request's blocking work runs, and what becomes of its database connection.

Not for what a request may do: that is in the layers of settings.MIDDLEWARE and in the views.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_started
from django.db import close_old_connections, connections, reset_queries

from portal.chat.pressure import UNSENT, Unsent
from portal.key_routes import is_key_route

# Of tabs without a socket: brief like a program's, or as long as a socket.
LIKE_SOCKETS = frozenset({"/page/frames/", "/page/line/"})


class Http(ASGIHandler):
    """Django, with one rule added.

    A page may hash a password for half a second, so it has a thread of its own, as in Django.
    Programs ask often and briefly: they, like the sockets, share the process's one thread for the
    database and the connection that stays open there; opening one costs more than most queries.
    """

    def __init__(self) -> None:
        super().__init__()
        # Every request would wait for its thread once more, only to hear of this: the connections
        # of pages are new ones, and `database_sync_to_async` looks after that of programs. Without
        # DEBUG, which refuses to start, nothing is kept of queries that had to be reset.
        for receiver in (close_old_connections, reset_queries):
            request_started.disconnect(receiver)

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        if scope["path"] in LIKE_SOCKETS:
            scope = {**scope, UNSENT: Unsent(send)}
        if scope["path"] in LIKE_SOCKETS or is_key_route(scope["path"]):
            await self.handle(scope, receive, send)
            return
        async with ThreadSensitiveContext():
            try:
                await self.handle(scope, receive, send)
            finally:
                # The thread ends here, and would take an open connection with it (threat H11).
                await sync_to_async(connections.close_all)()
