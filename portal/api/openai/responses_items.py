"""The objects of /v1/responses: an answer, and each kind of item in it. Not for their order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from inference import protocol
from portal.api.openai.responses_reading import ResponsesRequest

Kind = Literal["reasoning", "message"]
PREFIXES = {"reasoning": "rs", "message": "msg", "function_call": "fc"}
# How the events are called that write an item of a kind, and where in it they write.
DELTAS: dict[Kind, tuple[str, dict[str, Any]]] = {
    "reasoning": ("response.reasoning_summary_text", {"summary_index": 0}),
    "message": ("response.output_text", {"content_index": 0, "logprobs": []}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How far an answer has come. Without an end it goes on, or has failed."""

    created_at: int
    completed_at: int | None
    output: Sequence[dict[str, Any]]
    end: protocol.End | None
    error: dict[str, Any] | None

    @property
    def status(self) -> str:
        if self.error is not None:
            return "failed"
        return "in_progress" if self.end is None else "completed"


def part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def begun(kind: Kind, item_id: str) -> dict[str, Any]:
    """An item of which nothing is written yet."""
    if kind == "reasoning":
        return {"id": item_id, "type": kind, "summary": []}
    return _message(item_id, status="in_progress", content=[])


def whole(kind: Kind, item_id: str, text: str) -> dict[str, Any]:
    if kind == "reasoning":
        summary = [{"type": "summary_text", "text": text}]
        # Clients send it back as it is, and it becomes what was thought before the next words.
        return {"id": item_id, "type": kind, "summary": summary, "encrypted_content": text}
    return _message(item_id, status="completed", content=[part(text)])


def call(item_id: str, called: protocol.ToolCall) -> dict[str, Any]:
    return {
        "id": item_id,
        "type": "function_call",
        "status": "completed",
        "call_id": called.id,
        "name": called.name,
        "arguments": called.arguments,
    }


def response(response_id: str, asked: ResponsesRequest, state: State) -> dict[str, Any]:
    """The whole object. What we have no use for stands in it as their clients expect it."""
    echo = asked.echo
    error = state.error
    return {
        "id": response_id,
        "object": "response",
        "created_at": state.created_at,
        "completed_at": state.completed_at,
        "status": state.status,
        "incomplete_details": _incomplete_details(state.end),
        "model": asked.question.model_name,
        "previous_response_id": None,
        "instructions": echo.instructions,
        "output": list(state.output),
        "error": error and {"code": error["code"] or "server_error", "message": error["message"]},
        "tools": list(echo.tools),
        "tool_choice": "auto",
        "truncation": "disabled",
        "parallel_tool_calls": True,
        "text": dict(echo.text),
        "top_p": echo.top_p,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "top_logprobs": 0,
        "temperature": echo.temperature,
        "reasoning": echo.reasoning and dict(echo.reasoning),
        "usage": _usage(state.end),
        "max_output_tokens": echo.max_output_tokens,
        "max_tool_calls": None,
        "store": False,
        "background": False,
        "service_tier": "default",
        "metadata": {},
        "safety_identifier": None,
        "prompt_cache_key": None,
    }


def _message(item_id: str, *, status: str, content: list[Any]) -> dict[str, Any]:
    return {
        "id": item_id,
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }


def _incomplete_details(end: protocol.End | None) -> dict[str, str] | None:
    """The answer counts as completed even when it was cut short; here it says so."""
    is_cut = end is not None and end.why == "length"
    return {"reason": "max_output_tokens"} if is_cut else None


def _usage(end: protocol.End | None) -> dict[str, Any] | None:
    if end is None:
        return None
    stats = end.stats or protocol.Stats()
    return {
        "input_tokens": stats.prompt_tokens,
        "output_tokens": stats.answer_tokens,
        "total_tokens": stats.prompt_tokens + stats.answer_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
