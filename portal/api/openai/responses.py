"""POST /v1/responses: OpenAI's newer dialect, event by event. Not for reading requests.

An answer is a list of items: what was thought, what was said, what is to be called. The object of
an answer that is one piece is made by the same steps as the events of one that streams.
"""

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from inference import protocol
from portal import clock
from portal.accounts.models import Person
from portal.api import compressed, eventstream, streaming, suggesting
from portal.api.errors import Refused, openai_body
from portal.api.openai import responses_items, responses_reading
from portal.api.openai.chat import as_json
from portal.api.openai.responses_reading import ResponsesRequest


async def responses(request: HttpRequest, person: Person) -> HttpResponseBase:
    asked = responses_reading.read(compressed.body_of(request))
    answer = await suggesting.begun(person, asked.question)
    events = Events(answer_id=answer.generation_id, asked=asked)
    if asked.is_streaming:
        return await eventstream.opened(answer, events)
    said, end = await streaming.whole(answer)
    return as_json(events.whole(said, end))


class Events:
    """Named events, numbered from 0. Each item is announced, written, and shown whole."""

    content_type = eventstream.CONTENT_TYPE

    def __init__(self, *, answer_id: UUID, asked: ResponsesRequest) -> None:
        self._id = answer_id.hex
        self._asked = asked
        self._created_at = int(clock.now().timestamp())
        self._count = 0
        self._has_begun = self._has_called = False
        self._output: list[dict[str, Any]] = []
        # The item that is being written, and its text so far.
        self._open: responses_items.Kind | None = None
        self._texts: list[str] = []

    def heartbeat(self) -> str:
        return self._opening() or eventstream.HEARTBEAT

    def said(self, said: streaming.Said) -> str:
        events = self._opening()
        if said.thinking and self._asked.shows_thinking:
            events += self._written("reasoning", said.thinking)
        if said.text and not self._has_called:
            events += self._written("message", said.text)
        for call in said.calls:
            events += self._closing() + self._called(call)
        return events

    def finished(self, end: protocol.End) -> str:
        events = self._opening() + self._closing()
        if not any(item["type"] != "reasoning" for item in self._output):
            events += self._begun("message") + self._closing()
        return events + self._event("response.completed", response=self._response(end))

    def refused(self, refused: Refused) -> str:
        """Told twice: some clients look at the answer's own state, others at a bare error."""
        error = openai_body(refused)["error"]
        failed = self._response(None, error=error)
        events = self._opening() + self._event("response.failed", response=failed)
        told = {name: error[name] for name in ("code", "message", "param")}
        return events + self._event("error", **told, error=error)

    def whole(self, said: streaming.Said, end: protocol.End) -> dict[str, Any]:
        self.said(said)
        self.finished(end)
        return self._response(end)

    def _opening(self) -> str:
        if self._has_begun:
            return ""
        self._has_begun = True
        response = self._response(None)
        return self._event("response.created", response=response) + self._event(
            "response.in_progress", response=response
        )

    def _written(self, kind: responses_items.Kind, text: str) -> str:
        events = "" if self._open == kind else self._closing() + self._begun(kind)
        self._texts.append(text)
        name, place = responses_items.DELTAS[kind]
        return events + self._event(f"{name}.delta", **self._place(), **place, delta=text)

    def _begun(self, kind: responses_items.Kind) -> str:
        self._open, self._texts = kind, []
        item = responses_items.begun(kind, self._item_id(kind))
        events = self._event("response.output_item.added", output_index=self._index, item=item)
        if kind == "message":
            part = responses_items.part("")
            events += self._event(
                "response.content_part.added", **self._place(), content_index=0, part=part
            )
        return events

    def _closing(self) -> str:
        """What is being written is whole now."""
        if self._open is None:
            return ""
        kind, text, place = self._open, "".join(self._texts), self._place()
        name, where = responses_items.DELTAS[kind]
        events = self._event(f"{name}.done", **place, **where, text=text)
        if kind == "message":
            part = responses_items.part(text)
            events += self._event("response.content_part.done", **place, content_index=0, part=part)
        self._open = None
        return events + self._shown(responses_items.whole(kind, self._item_id(kind), text))

    def _called(self, call: protocol.ToolCall) -> str:
        self._has_called = True
        item = responses_items.call(self._item_id("function_call"), call)
        place = {"item_id": item["id"], "output_index": self._index}
        added = {**item, "status": "in_progress", "arguments": ""}
        name = "response.function_call_arguments"
        return (
            self._event("response.output_item.added", output_index=self._index, item=added)
            + self._event(f"{name}.delta", **place, delta=call.arguments)
            + self._event(f"{name}.done", **place, name=call.name, arguments=call.arguments)
            + self._shown(item)
        )

    def _shown(self, item: dict[str, Any]) -> str:
        index = self._index
        self._output.append(item)
        return self._event("response.output_item.done", output_index=index, item=item)

    @property
    def _index(self) -> int:
        return len(self._output)

    def _item_id(self, kind: str) -> str:
        return f"{responses_items.PREFIXES[kind]}_{self._id}{self._index}"

    def _place(self) -> dict[str, Any]:
        kind = self._open or "message"
        return {"item_id": self._item_id(kind), "output_index": self._index}

    def _event(self, name: str, /, **fields: Any) -> str:
        number, self._count = self._count, self._count + 1
        return eventstream.event(name, {"type": name, "sequence_number": number, **fields})

    def _response(
        self, end: protocol.End | None, *, error: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        state = responses_items.State(
            created_at=self._created_at,
            completed_at=int(clock.now().timestamp()) if end is not None else None,
            output=list(self._output),
            end=end,
            error=error,
        )
        return responses_items.response(f"resp_{self._id}", self._asked, state)
