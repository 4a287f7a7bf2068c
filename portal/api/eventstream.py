"""Server-sent events that carry names, as two dialects want them. Not for what stands in them."""

from typing import Any

from django.http.response import HttpResponseBase

from portal.api import streaming
from portal.api.go import gojson

CONTENT_TYPE = "text/event-stream"
# Readers pass over it; whoever waits for a place in the queue is not given up by a proxy.
HEARTBEAT = ": working\n\n"


def event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {gojson.dumps_ascii(data)}\n\n"


async def opened(answer: streaming.Answer, form: streaming.Form) -> HttpResponseBase:
    """As `open_stream`, with the two headers that these dialects add."""
    response = await streaming.open_stream(answer, form)
    response["Cache-Control"] = "no-cache"
    response["Connection"] = "keep-alive"
    return response
