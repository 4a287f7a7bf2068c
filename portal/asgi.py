"""What wraps what, outermost first. Not for the rules of any of them."""

import os
from typing import cast

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.production")
django.setup(set_prefix=False)

# After Django is set up: these read models and settings.
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402 - see above
from channels.sessions import SessionMiddlewareStack  # noqa: E402 - see above

from portal import bodies, checks, long_frames  # noqa: E402 - see above
from portal.api.addresses import Application, KeyOutOfPath  # noqa: E402 - see above
from portal.chat.routing import websocket_urlpatterns  # noqa: E402 - see above
from portal.gate import OwnPagesOnly, lifespan  # noqa: E402 - see above
from portal.http import Http  # noqa: E402 - see above

checks.refuse_unsafe_start()
bodies.install()
long_frames.install()

application = ProtocolTypeRouter(
    {
        # A key leaves the address before anything else can write it down. Host, headers, session
        # and routes of HTTP are the layers of settings.MIDDLEWARE.
        "http": KeyOutOfPath(cast(Application, Http())),
        "websocket": OwnPagesOnly(SessionMiddlewareStack(URLRouter(websocket_urlpatterns))),
        "lifespan": lifespan,
    }
)
