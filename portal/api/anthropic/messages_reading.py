"""What a body of /v1/messages asks for, read and checked. Not for what is answered: messages.py."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from inference import protocol
from portal.api import asking, calling, images
from portal.api.errors import Refused
from portal.api.go.goreading import Fields, NotReadable, go_type_of, kind_of
from portal.api.ollama.chat import known_role
from portal.api.openai.responses_reading import SEARCH_OFF
from portal.chat.prompts import Wishes

_EFFORTS: dict[str, protocol.ThinkLevel] = {
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "max",
}
_CHARS_A_TOKEN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesRequest:
    """A body of /v1/messages, read and checked. `prompt_tokens` is a guess, by its length."""

    question: asking.Question
    prompt_tokens: int
    is_streaming: bool
    shows_thinking: bool


def read(value: object) -> MessagesRequest:
    fields = Fields(value, struct="MessagesRequest", go_type="anthropic.MessagesRequest")
    model_name, max_tokens = fields.text("model"), fields.whole("max_tokens")
    items = fields.items("messages", go_type="[]anthropic.MessageParam")
    if not model_name:
        raise Refused(status=400, message="model is required")
    if max_tokens is None or max_tokens <= 0:
        raise Refused(status=400, message="max_tokens is required and must be positive")
    if not items:
        raise Refused(status=400, message="messages is required")
    messages, tools, think = _messages(fields, items), _tools(fields), _think(fields)
    return MessagesRequest(
        question=asking.Question(
            model_name=model_name,
            messages=messages,
            options=_options(fields),
            wishes=Wishes(tools=tools, think=think),
            thinks_if_able=True,
        ),
        prompt_tokens=(len(tools) + sum(map(_length, messages))) // _CHARS_A_TOKEN,
        is_streaming=bool(fields.flag("stream")),
        shows_thinking=think is not False,
    )


def _options(fields: Fields) -> dict[str, Any]:
    """What is not said is the model's own to decide, as in Ollama's own dialect."""
    stops = fields.items("stop_sequences", go_type="[]string")
    for each in stops:
        if not isinstance(each, str):
            place = "Go struct field MessagesRequest.stop_sequences of type string"
            raise NotReadable(f"json: cannot unmarshal {kind_of(each)} into {place}")
    return {
        "num_predict": fields.whole("max_tokens"),
        "temperature": fields.real("temperature"),
        "top_p": fields.real("top_p"),
        "top_k": fields.whole("top_k"),
        "stop": list(stops) or None,
    }


def _think(fields: Fields) -> bool | protocol.ThinkLevel | None:
    kind = _below(fields, "thinking", go_type="anthropic.ThinkingConfig").text("type")
    if kind in ("enabled", "disabled"):
        return kind == "enabled"
    config = _below(fields, "output_config", go_type="anthropic.OutputConfig")
    return _EFFORTS.get(config.text("effort"))


def _below(fields: Fields, name: str, *, go_type: str) -> Fields:
    return fields.inner(name, fields.mapping(name, go_type=go_type), go_type=go_type)


def _tools(fields: Fields) -> str:
    """Functions, as the other dialects have them. A search, which would go to the internet, is
    left out; where it is all there is to call it is refused, or it would be made up."""
    functions: list[dict[str, Any]] = []
    items = fields.items("tools", go_type="[]anthropic.Tool")
    for item in items:
        tool = fields.inner("tools", item, go_type="anthropic.Tool")
        if tool.text("type").startswith("web_search"):
            continue
        described = {
            "description": tool.anything("description"),
            "parameters": tool.anything("input_schema"),
        }
        known = {name: value for name, value in described.items() if value is not None}
        functions.append({"type": "function", "function": {"name": tool.text("name"), **known}})
    if items and not functions:
        raise Refused(status=403, message=SEARCH_OFF)
    return calling.tools_of(Fields({"tools": functions}, struct=""), go_type="[]api.Tool")


def _length(message: protocol.Message) -> int:
    calls = sum(len(call.name) + len(call.arguments) for call in message.tool_calls)
    return len(message.content) + len(message.thinking) + calls


# ── Messages ────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Turn:
    """One message of theirs, block by block."""

    texts: list[str] = field(default_factory=list)
    pictures: list[bytes] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    calls: list[protocol.ToolCall] = field(default_factory=list)
    results: list[protocol.Message] = field(default_factory=list)

    def messages(self, role: str) -> list[protocol.Message]:
        """Results are of calls before this turn of a user, and of calls in this one of a model."""
        if len(self.calls) > calling.MAX_CALLS:
            raise Refused(status=400, message="too many tool calls in one message")
        if not (self.texts or self.pictures or self.thoughts or self.calls):
            return self.results
        spoken = protocol.Message(
            role=known_role(role),
            content="".join(self.texts),
            thinking="".join(self.thoughts),
            images=tuple(self.pictures),
            tool_calls=tuple(self.calls),
        )
        is_models = spoken.role == "assistant"
        return [spoken, *self.results] if is_models else [*self.results, spoken]


def _messages(fields: Fields, items: Sequence[Any]) -> tuple[protocol.Message, ...]:
    messages = []
    system = _joined_texts(fields.anything("system"))
    if system:
        messages.append(protocol.Message(role="system", content=system))
    for item in items:
        message = fields.inner("messages", item, go_type="anthropic.MessageParam")
        role, content = message.text("role"), message.anything("content")
        if isinstance(content, str):
            messages.append(protocol.Message(role=known_role(role), content=content))
        elif isinstance(content, list):
            messages += _turn(message, content).messages(role)
        else:
            kind = go_type_of(content)
            raise Refused(status=400, message=f"invalid message content type: {kind}")
    if not messages:
        raise Refused(status=400, message="messages is required")
    return tuple(calling.with_names(messages))


def _turn(message: Fields, blocks: Sequence[Any]) -> _Turn:
    """Blocks of kinds that nobody knows here are passed over."""
    turn = _Turn()
    for each in blocks:
        if not isinstance(each, dict):
            raise Refused(status=400, message="invalid content block format")
        block = message.inner("content", each, go_type="anthropic.ContentBlock")
        reader = _READERS.get(block.text("type"))
        if reader is not None:
            reader(turn, block)
    return turn


def _text(turn: _Turn, block: Fields) -> None:
    turn.texts.append(block.text("text"))


def _thinking(turn: _Turn, block: Fields) -> None:
    turn.thoughts.append(block.text("thinking"))


def _image(turn: _Turn, block: Fields) -> None:
    turn.pictures.append(_picture(block))
    turn.texts.append(images.PLACE)


def _picture(block: Fields) -> bytes:
    source = _below(block, "source", go_type="anthropic.ImageSource")
    kind = source.text("type")
    if kind != "base64":
        message = f"invalid image source type: {kind}. Only base64 images are supported."
        raise Refused(status=400, message=message)
    try:
        return images.native(source.text("data"), field="ImageSource.data")
    except Refused as refused:
        if refused.status != 400:
            raise
        message = f"invalid base64 image data: {refused.message}"
        raise Refused(status=400, message=message) from None


def _call(turn: _Turn, block: Fields) -> None:
    for name in ("id", "name"):
        if not block.text(name):
            message = f"tool_use block missing required '{name}' field"
            raise Refused(status=400, message=message)
    call_id = calling.short_text(block, "id")
    turn.calls.append(calling.call_with_object(block, field="input", call_id=call_id))


def _result(turn: _Turn, block: Fields) -> None:
    """Text, or blocks: a program that reads files for a model brings pictures here too."""
    content = block.anything("content")
    if not isinstance(content, list):
        _answer(turn, block, text=_joined_texts(content))
        return
    inside = _Turn()
    for each in content:
        part = each if isinstance(each, dict) else {}
        if part.get("type") == "image":
            _image(inside, block.inner("content", part, go_type="anthropic.ContentBlock"))
        else:
            inside.texts.append(_joined_texts([part]))
    _answer(turn, block, text="".join(inside.texts), pictures=inside.pictures)


def _found(turn: _Turn, block: Fields) -> None:
    """What a search found that was made elsewhere, a line each."""
    pages = block.anything("content")
    lines = [
        f"- {page.get('title', '')}: {page.get('url', '')}"
        for page in (pages if isinstance(pages, list) else ())
        if isinstance(page, dict)
    ]
    _answer(turn, block, text="\n".join(lines))


def _answer(turn: _Turn, block: Fields, *, text: str, pictures: Sequence[bytes] = ()) -> None:
    call_id = calling.short_text(block, "tool_use_id")
    turn.results.append(
        protocol.Message(role="tool", content=text, images=tuple(pictures), tool_call_id=call_id)
    )


_READERS: dict[str, Callable[[_Turn, Fields], None]] = {
    "text": _text,
    "image": _image,
    "thinking": _thinking,
    "tool_use": _call,
    "server_tool_use": _call,
    "tool_result": _result,
    "web_search_tool_result": _found,
}


def _joined_texts(value: object) -> str:
    """A text, or those of the text blocks in a list."""
    if isinstance(value, str):
        return value
    blocks = value if isinstance(value, list) else []
    texts = [
        block.get("text", "")
        for block in blocks
        if isinstance(block, dict) and block.get("type") == "text"
    ]
    return "".join(text for text in texts if isinstance(text, str))
