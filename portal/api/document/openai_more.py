"""The shapes of /v1/completions and /v1/responses. Not for chat completions: openai.py."""

from typing import Annotated, Any, Literal

from django.utils.translation import gettext_noop as noop
from msgspec import UNSET, UnsetType

from portal.api.document.about import Asked, Told, about
from portal.api.document.openai import (
    FREQUENCY,
    IGNORED,
    MAX_TOKENS,
    MODEL,
    PRESENCE,
    SEED,
    STOP,
    STREAM,
    TEMPERATURE,
    TOP_P,
    Effort,
    StreamOptions,
    Usage,
)

_KIND = noop("What kind of item it is.")


class CompletionRequest(Asked, kw_only=True):
    """A body of /v1/completions."""

    model: Annotated[str, about(MODEL)]
    prompt: Annotated[str, about("The text to go on with. Empty: the model is only loaded.")] = ""
    suffix: Annotated[
        str | UnsetType, about("Text that follows the gap, for models that fill in between.")
    ] = UNSET
    stream: Annotated[bool, about(STREAM)] = False
    stream_options: StreamOptions | UnsetType = UNSET
    max_tokens: Annotated[int | UnsetType, about(MAX_TOKENS)] = UNSET
    temperature: Annotated[float | UnsetType, about(TEMPERATURE)] = UNSET
    top_p: Annotated[float | UnsetType, about(TOP_P)] = UNSET
    seed: Annotated[int | UnsetType, about(SEED)] = UNSET
    frequency_penalty: Annotated[float | UnsetType, about(FREQUENCY)] = UNSET
    presence_penalty: Annotated[float | UnsetType, about(PRESENCE)] = UNSET
    stop: Annotated[str | list[str] | UnsetType, about(STOP)] = UNSET
    logprobs: Annotated[
        int | UnsetType, about("Accepted and checked; this door tells no probabilities.")
    ] = UNSET


class CompletionChoice(Told, kw_only=True):
    """The answer. There is always one."""

    text: Annotated[str, about("What the model says, so far or altogether.")]
    index: int
    finish_reason: Annotated[str | None, about("Why it ended: stop, length or load.")]


class Completion(Told, kw_only=True):
    """An answer of /v1/completions, or one event of it; the last one is the text [DONE]."""

    id: str
    object: Literal["text_completion"]
    created: Annotated[int, about("When, in seconds since 1970.")]
    model: Annotated[str, about("The model as the client named it.")]
    system_fingerprint: str
    choices: list[CompletionChoice]
    usage: Usage | UnsetType = UNSET


# ── /v1/responses ───────────────────────────────────────────────────────────────────────────────


class InputPart(Asked, kw_only=True):
    """One part of what was said: its text, or a picture."""

    type: Annotated[
        Literal["input_text", "output_text", "text", "input_image"],
        about("What kind of part it is."),
    ]
    text: Annotated[str | UnsetType, about("What was said.")] = UNSET
    image_url: Annotated[
        str | UnsetType, about("A data: URL with a picture in base64; nothing is ever fetched.")
    ] = UNSET


class InputItem(Asked, kw_only=True):
    """One thing that was said or done before. Which fields count depends on its type."""

    type: Annotated[
        Literal["message", "function_call", "function_call_output", "reasoning", "web_search_call"],
        about(_KIND),
    ] = "message"
    role: Annotated[
        Literal["system", "developer", "user", "assistant"] | UnsetType,
        about("Whose turn it is."),
    ] = UNSET
    content: Annotated[
        str | list[InputPart] | UnsetType, about("What was said: a text, or its parts.")
    ] = UNSET
    call_id: Annotated[str | UnsetType, about("The call, or the call this answers.")] = UNSET
    name: Annotated[str | UnsetType, about("The function that was called.")] = UNSET
    arguments: Annotated[str | UnsetType, about("Its arguments as the text of a JSON object.")] = (
        UNSET
    )
    output: Annotated[str | list[InputPart] | UnsetType, about("What the function returned.")] = (
        UNSET
    )
    encrypted_content: Annotated[
        str | UnsetType, about("What the model thought, as an earlier answer told it.")
    ] = UNSET


class ResponsesTool(Asked, kw_only=True):
    """Something that the client can do for the model."""

    type: Literal["function", "namespace", "web_search"]
    name: Annotated[str | UnsetType, about("The name the model calls it by.")] = UNSET
    description: Annotated[
        str | UnsetType, about("What it does and when to use it, for the model.")
    ] = UNSET
    parameters: Annotated[dict[str, Any] | UnsetType, about("A JSON Schema of its arguments.")] = (
        UNSET
    )
    tools: Annotated[
        list[dict[str, Any]] | UnsetType, about("With the type namespace: its members.")
    ] = UNSET


class TextFormat(Asked, kw_only=True):
    """What form the answer has."""

    type: Literal["text", "json_object", "json_schema"]
    name: str | UnsetType = UNSET
    schema: Annotated[
        dict[str, Any] | UnsetType, about("The JSON Schema that the answer keeps to.")
    ] = UNSET


class TextWish(Asked):
    """How the text is written."""

    format: TextFormat | UnsetType = UNSET


class ResponsesReasoning(Asked):
    """How hard the model thinks."""

    effort: Effort | UnsetType = UNSET


class ResponsesRequest(Asked, kw_only=True):
    """A body of /v1/responses."""

    model: Annotated[str, about(MODEL)]
    input: Annotated[str | list[InputItem], about("A question, or all that was said so far.")]
    instructions: Annotated[str | UnsetType, about("The system prompt.")] = UNSET
    stream: Annotated[bool, about(STREAM)] = False
    max_output_tokens: Annotated[int | UnsetType, about(MAX_TOKENS)] = UNSET
    temperature: Annotated[float | UnsetType, about(TEMPERATURE)] = UNSET
    top_p: Annotated[
        float | UnsetType, about("Choose among the likeliest that together reach this share.")
    ] = UNSET
    text: Annotated[TextWish | UnsetType, about("What form the answer has.")] = UNSET
    reasoning: Annotated[ResponsesReasoning | UnsetType, about("How hard the model thinks.")] = (
        UNSET
    )
    reasoning_effort: Annotated[Effort | UnsetType, about("How hard the model thinks.")] = UNSET
    tools: Annotated[
        list[ResponsesTool] | UnsetType, about("What the model may ask the client to do.")
    ] = UNSET
    tool_choice: Annotated[Any, about(IGNORED, is_ignored=True)] = UNSET
    previous_response_id: Annotated[
        Any, about("Accepted and not used: nothing is stored.", is_ignored=True)
    ] = UNSET
    store: Annotated[Any, about("Accepted and not used: nothing is stored.", is_ignored=True)] = (
        UNSET
    )


class OutputItem(Told, kw_only=True):
    """One thing that the model says or does. Which fields it has depends on its type."""

    id: str
    type: Annotated[Literal["message", "reasoning", "function_call"], about(_KIND)]
    status: str | UnsetType = UNSET
    role: str | UnsetType = UNSET
    content: list[dict[str, Any]] | UnsetType = UNSET
    summary: list[dict[str, Any]] | UnsetType = UNSET
    encrypted_content: str | UnsetType = UNSET
    call_id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET


class ResponsesUsage(Told, kw_only=True):
    """How much was read and written."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: dict[str, int]
    output_tokens_details: dict[str, int]


class Response(Told, kw_only=True):
    """An answer of /v1/responses. What is not said here is null, empty or the default."""

    id: str
    object: Literal["response"]
    created_at: int
    completed_at: int | None
    status: str
    incomplete_details: dict[str, Any] | None
    model: Annotated[str, about("The model as the client named it.")]
    previous_response_id: str | None
    instructions: str | None
    output: Annotated[list[OutputItem], about("What the model says and does, in order.")]
    error: dict[str, Any] | None
    tools: list[Any]
    tool_choice: Any
    truncation: str
    parallel_tool_calls: bool
    text: dict[str, Any]
    top_p: float | None
    presence_penalty: float
    frequency_penalty: float
    top_logprobs: int
    temperature: float | None
    reasoning: dict[str, Any] | None
    usage: ResponsesUsage | None
    max_output_tokens: int | None
    max_tool_calls: int | None
    store: bool
    background: bool
    service_tier: str
    metadata: dict[str, Any]
    safety_identifier: str | None
    prompt_cache_key: str | None


class ResponseEvent(Asked, kw_only=True):
    """One event of an answer of /v1/responses; the other fields depend on its type."""

    type: Annotated[str, about("Such as response.output_text.delta; the same as its event name.")]
    sequence_number: Annotated[int, about("Counts the events from 0.")]
