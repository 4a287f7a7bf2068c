"""POST /v1/messages: the dialect of Anthropic, event by event. Not for reading requests.

An answer is a list of blocks: what was thought, what was said, what is to be called. The object of
an answer that is one piece is made by the same steps as the events of one that streams.
"""

import json
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from inference import protocol
from portal.accounts.models import Person
from portal.api import eventstream, streaming, suggesting
from portal.api.anthropic import messages_reading
from portal.api.anthropic.messages_reading import MessagesRequest
from portal.api.door import body_of
from portal.api.errors import Refused, anthropic_body
from portal.api.openai.chat import as_json

Kind = Literal["thinking", "text"]
_DELTAS: dict[Kind, str] = {"thinking": "thinking_delta", "text": "text_delta"}


async def messages(request: HttpRequest, person: Person) -> HttpResponseBase:
    asked = messages_reading.read(body_of(request))
    answer = await suggesting.begun(person, asked.question)
    events = Events(answer_id=answer.generation_id, asked=asked)
    if asked.is_streaming:
        return await eventstream.opened(answer, events)
    said, end = await streaming.whole(answer)
    return as_json(events.whole(said, end))


class Events:
    """Named events. Blocks are counted from 0, and one is closed before the next begins."""

    content_type = eventstream.CONTENT_TYPE

    def __init__(self, *, answer_id: UUID, asked: MessagesRequest) -> None:
        self._id = f"msg_{answer_id.hex[:24]}"
        self._asked = asked
        self._has_begun = self._has_called = False
        self._blocks: list[dict[str, Any]] = []
        # The kind of the last block and its text so far, while something is added to it.
        self._open: Kind | None = None
        self._texts: list[str] = []

    def heartbeat(self) -> str:
        return self._opening() or eventstream.HEARTBEAT

    def said(self, said: streaming.Said) -> str:
        events = self._opening()
        if said.thinking and self._asked.shows_thinking:
            events += self._written("thinking", said.thinking)
        if said.text:
            events += self._written("text", said.text)
        for call in said.calls:
            events += self._closing() + self._called(call)
        return events

    def finished(self, end: protocol.End) -> str:
        events = self._opening() + self._closing()
        delta = {"stop_reason": self._reason(end)}
        return (
            events
            + _event("message_delta", delta=delta, usage=_usage(end))
            + _event("message_stop")
        )

    def refused(self, refused: Refused) -> str:
        return eventstream.event("error", anthropic_body(refused))

    def whole(self, said: streaming.Said, end: protocol.End) -> dict[str, Any]:
        self.said(said)
        self._closing()
        return {
            **self._message(self._blocks or None),
            "stop_reason": self._reason(end),
            "usage": _usage(end),
        }

    def _opening(self) -> str:
        if self._has_begun:
            return ""
        self._has_begun = True
        usage = {"input_tokens": self._asked.prompt_tokens, "output_tokens": 0}
        return _event("message_start", message={**self._message([]), "usage": usage})

    def _message(self, content: list[dict[str, Any]] | None) -> dict[str, Any]:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._asked.question.model_name,
            "content": content,
        }

    def _written(self, kind: Kind, text: str) -> str:
        events = "" if self._open == kind else self._closing() + self._begun(kind)
        self._texts.append(text)
        return events + self._delta({"type": _DELTAS[kind], kind: text})

    def _begun(self, kind: Kind) -> str:
        self._open, self._texts = kind, []
        # Their clients insist on a signature, which only a model of theirs could give.
        signed = {"signature": ""} if kind == "thinking" else {}
        return self._added({"type": kind, kind: "", **signed})

    def _called(self, call: protocol.ToolCall) -> str:
        self._has_called = True
        block = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        events = self._added(block)
        block["input"] = json.loads(call.arguments)
        events += self._delta({"type": "input_json_delta", "partial_json": call.arguments})
        return events + self._stopped()

    def _added(self, block: dict[str, Any]) -> str:
        self._blocks.append(block)
        return _event("content_block_start", index=self._index, content_block=block)

    def _delta(self, delta: dict[str, Any]) -> str:
        return _event("content_block_delta", index=self._index, delta=delta)

    def _closing(self) -> str:
        if self._open is None:
            return ""
        self._blocks[-1][self._open] = "".join(self._texts)
        self._open = None
        return self._stopped()

    def _stopped(self) -> str:
        return _event("content_block_stop", index=self._index)

    @property
    def _index(self) -> int:
        return len(self._blocks) - 1

    def _reason(self, end: protocol.End) -> str:
        if self._has_called:
            return "tool_use"
        return "max_tokens" if end.why == "length" else "end_turn"


def _event(name: str, /, **fields: Any) -> str:
    return eventstream.event(name, {"type": name, **fields})


def _usage(end: protocol.End) -> dict[str, int]:
    stats = end.stats or protocol.Stats()
    return {"input_tokens": stats.prompt_tokens, "output_tokens": stats.answer_tokens}
