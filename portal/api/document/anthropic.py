"""The shapes of Anthropic's dialect: /v1/messages. Not for the others."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType

from portal.api.document.about import Asked, Told, about
from portal.api.document.openai import IGNORED, MAX_TOKENS, MODEL, STREAM


class Source(Asked, kw_only=True):
    """Where a picture comes from."""

    type: Literal["base64"]
    media_type: Annotated[
        Any, about("Accepted and not used: the bytes say it themselves.", is_ignored=True)
    ] = UNSET
    data: Annotated[str, about("A picture in base64, without a data: prefix.")]


class Block(Asked, kw_only=True):
    """One part of a turn. Which fields count depends on its type."""

    type: Annotated[
        Literal["text", "image", "tool_use", "tool_result", "thinking"],
        about("What kind of part it is."),
    ]
    text: Annotated[str | UnsetType, about("With the type text: what was said.")] = UNSET
    source: Annotated[Source | UnsetType, about("With the type image: a picture.")] = UNSET
    id: Annotated[str | UnsetType, about("With the type tool_use: the name of the call.")] = UNSET
    name: Annotated[
        str | UnsetType, about("With the type tool_use: the function that is called.")
    ] = UNSET
    input: Annotated[
        dict[str, Any] | UnsetType, about("With the type tool_use: its arguments.")
    ] = UNSET
    tool_use_id: Annotated[
        str | UnsetType, about("With the type tool_result: the call whose result this is.")
    ] = UNSET
    content: Annotated[
        str | list[dict[str, Any]] | UnsetType,
        about("With the type tool_result: what the function returned."),
    ] = UNSET
    thinking: Annotated[
        str | UnsetType, about("What the model thought before this answer of an earlier turn.")
    ] = UNSET


class AnthropicMessage(Asked, kw_only=True):
    """One turn of a conversation."""

    role: Annotated[Literal["user", "assistant", "system"], about("Whose turn it is.")]
    content: Annotated[str | list[Block], about("What was said: a text, or its parts.")]


class AnthropicTool(Asked, kw_only=True):
    """Something that the client can do for the model."""

    type: Annotated[
        str | UnsetType, about("One that begins with web_search is left out: nothing leaves here.")
    ] = UNSET
    name: Annotated[str, about("The name the model calls it by.")]
    description: Annotated[
        str | UnsetType, about("What it does and when to use it, for the model.")
    ] = UNSET
    input_schema: Annotated[
        dict[str, Any] | UnsetType, about("A JSON Schema of its arguments.")
    ] = UNSET


class Thinking(Asked, kw_only=True):
    """Whether the model thinks first."""

    type: Literal["enabled", "disabled", "adaptive"]
    budget_tokens: Annotated[Any, about(IGNORED, is_ignored=True)] = UNSET


class OutputConfig(Asked):
    """How much trouble the model takes."""

    effort: Literal["low", "medium", "high", "xhigh", "max"] | UnsetType = UNSET


class SystemBlock(Asked):
    """One part of a system prompt."""

    type: Literal["text"]
    text: str


class MessagesRequest(Asked, kw_only=True):
    """A body of /v1/messages."""

    model: Annotated[str, about(MODEL)]
    max_tokens: Annotated[int, about(MAX_TOKENS, ge=1)]
    messages: Annotated[list[AnthropicMessage], about("The conversation so far.", min_length=1)]
    system: Annotated[str | list[SystemBlock] | UnsetType, about("The system prompt.")] = UNSET
    stream: Annotated[bool, about(STREAM)] = False
    temperature: Annotated[
        float | UnsetType,
        about("How freely the words are chosen; 0 always takes the likeliest. Without it 0.8."),
    ] = UNSET
    top_p: Annotated[
        float | UnsetType,
        about("Choose among the likeliest that together reach this share. Without it 0.9."),
    ] = UNSET
    top_k: Annotated[
        int | UnsetType, about("Choose among this many of the likeliest. Without it 40.")
    ] = UNSET
    stop_sequences: Annotated[
        list[str] | UnsetType, about("Texts at which the answer ends; they are not part of it.")
    ] = UNSET
    tools: Annotated[
        list[AnthropicTool] | UnsetType, about("What the model may ask the client to do.")
    ] = UNSET
    thinking: Annotated[Thinking | UnsetType, about("Whether the model thinks first.")] = UNSET
    output_config: Annotated[OutputConfig | UnsetType, about("How hard the model thinks.")] = UNSET
    tool_choice: Annotated[Any, about(IGNORED, is_ignored=True)] = UNSET
    metadata: Annotated[Any, about(IGNORED, is_ignored=True)] = UNSET


class ToldBlock(Told, kw_only=True):
    """One part of an answer."""

    type: Literal["text", "thinking", "tool_use"]
    text: str | UnsetType = UNSET
    thinking: str | UnsetType = UNSET
    signature: str | UnsetType = UNSET
    id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    input: dict[str, Any] | UnsetType = UNSET


class AnthropicUsage(Told):
    """How much was read and written."""

    input_tokens: int
    output_tokens: int


class AnthropicReply(Told, kw_only=True):
    """An answer of /v1/messages."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: Annotated[str, about("The model as the client named it.")]
    content: list[ToldBlock] | None
    stop_reason: Annotated[str | None, about("Why it ended: end_turn, max_tokens or tool_use.")]
    usage: AnthropicUsage


class AnthropicEvent(Asked):
    """One event of an answer of /v1/messages; the other fields depend on its type."""

    type: Annotated[str, about("Such as content_block_delta; the same as its event name.")]


class AnthropicComplaint(Told):
    """What went wrong."""

    type: Annotated[str, about("A word that programs can act upon.")]
    message: Annotated[str, about("What went wrong, in words.")]


class AnthropicError(Told, kw_only=True):
    """Why there is no answer."""

    type: Literal["error"]
    error: AnthropicComplaint
    request_id: str
