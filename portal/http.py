"""In which thread a request's blocking work runs, and what becomes of its database connection.

Not for what a request may do: that is in the layers of settings.MIDDLEWARE and in the views.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import connections

from portal.key_routes import is_key_route


class Http(ASGIHandler):
    """Django, with one rule added.

    A page may hash a password for half a second, so it has a thread of its own, as in Django.
    Programs ask often and briefly: they, like the sockets, share the process's one thread for the
    database and the connection that stays open there; opening one costs more than most queries.
    """

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        if is_key_route(scope["path"]):
            await self.handle(scope, receive, send)
            return
        async with ThreadSensitiveContext():
            try:
                await self.handle(scope, receive, send)
            finally:
                # The thread ends here, and would take an open connection with it (threat H11).
                await sync_to_async(connections.close_all)()
