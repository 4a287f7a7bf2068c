"""What the portal asks of a runner: a model to load, a request to answer. Not for answers."""

import hashlib
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from inference.protocol.plain import (
    MAX_EXCERPTS,
    MAX_IMAGES,
    MAX_INPUTS,
    MAX_TOP_LOGPROBS,
    VERSION,
    Count,
    Image,
    Lane,
    Name,
    Number,
    Plain,
    Role,
    Sha256,
    ShortText,
    Task,
    Text,
    ThinkLevel,
    Tokens,
    encode,
)


class ToolCall(Plain, frozen=True, kw_only=True):
    """A function that the model wants called. `arguments` is a JSON object as text."""

    name: Name
    arguments: Text = "{}"
    id: ShortText = ""


class Excerpt(Plain, frozen=True, kw_only=True):
    """From `start` to `end` a message's text is that of a document.

    Less of it may be read, from its beginning, where a context is too small for all of it.
    `missing` characters behind `end` were left out already.
    """

    start: Count
    end: Count
    missing: Count = 0


class Message(Plain, frozen=True, kw_only=True):
    """One turn of the conversation as the model will read it.

    `role` is system, user, assistant or tool, or another one that the model's template knows.
    `images` are encoded picture files (PNG, JPEG, …), base64 on the wire. `tool_name` and
    `tool_call_id` say whose result a message of the role "tool" is. `excerpts` stand in the order
    of the text, and do not overlap.
    """

    role: Role
    content: Text
    thinking: Text = ""
    images: Annotated[tuple[Image, ...], Meta(max_length=MAX_IMAGES)] = ()
    tool_calls: Annotated[tuple[ToolCall, ...], Meta(max_length=256)] = ()
    tool_name: ShortText = ""
    tool_call_id: ShortText = ""
    excerpts: Annotated[tuple[Excerpt, ...], Meta(max_length=MAX_EXCERPTS)] = ()

    def __post_init__(self) -> None:
        read = 0
        for excerpt in self.excerpts:
            if not read <= excerpt.start <= excerpt.end <= len(self.content):
                raise ValueError("an excerpt is not in its message")
            read = excerpt.end


class Options(Plain, frozen=True, kw_only=True):
    """How to sample one answer. Names, defaults and meanings are Ollama's; ranges are ours.

    `seed` None draws a random one. `num_predict` None means until the context is full.
    """

    num_predict: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=100)] = 0.8
    top_k: Annotated[int, Meta(ge=0, le=1_000_000)] = 40
    top_p: Annotated[float, Meta(ge=0, le=1)] = 0.9
    min_p: Annotated[float, Meta(ge=0, le=1)] = 0.0
    typical_p: Annotated[float, Meta(ge=0, le=1)] = 1.0
    repeat_last_n: Annotated[int, Meta(ge=-1, le=1_000_000)] = 64
    repeat_penalty: Annotated[float, Meta(ge=0, le=100)] = 1.0
    presence_penalty: Annotated[float, Meta(ge=-100, le=100)] = 0.0
    frequency_penalty: Annotated[float, Meta(ge=-100, le=100)] = 0.0
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] | None = None
    stop: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=1_000)], ...], Meta(max_length=32)
    ] = ()


class ModelSpec(Plain, frozen=True, kw_only=True):
    """What a runner must load. Two names with equal specs share one runner and one queue.

    `weights` is the sha256 of the GGUF blob; `context_length` is in tokens per sequence;
    `template` replaces the GGUF's own Jinja template when an administrator has pinned one.
    `projector` lets it see pictures, `adapters` are LoRA blobs laid over the weights in order;
    `gpu_layers` None means as many as fit. `task` says what it is loaded for.
    """

    weights: Sha256
    context_length: Annotated[int, Meta(ge=4, le=16_777_216)]
    template: Text | None = None
    task: Task = "answer"
    projector: Sha256 | None = None
    adapters: Annotated[tuple[Sha256, ...], Meta(max_length=16)] = ()
    gpu_layers: Annotated[int, Meta(ge=0, le=100_000)] | None = None

    @property
    def queue(self) -> str:
        """The name of the queue for this spec: 32 hexadecimal digits, equal for equal specs."""
        return hashlib.sha256(encode(self)).hexdigest()[:32]


class Format(Plain, frozen=True, kw_only=True):
    """The answer must be JSON: any object, or what the JSON Schema in `schema` (text) allows."""

    schema: Annotated[str, Meta(max_length=200_000)] | None = None


class Completion(Plain, frozen=True, kw_only=True):
    """The one message is a prompt to go on with, rather than a turn of a talk.

    `is_raw`: the model reads it as it stands, the marks in it as well. With a `suffix` the answer
    belongs in front of that. `context` are tokens of earlier, to be read before it;
    `wants_context` asks for those of this one.
    """

    is_raw: bool = False
    suffix: Text = ""
    context: Tokens = ()
    wants_context: bool = False


class Request(Plain, frozen=True, kw_only=True):
    """One attempt to answer, as it waits in the queue.

    `person` is opaque: fairness and prefix reuse are by it; one of `weight` 2 counts as much as two
    others where many wait. `so_far` is the text kept from an
    earlier attempt; the runner sends it again as its first piece and goes on after it. `deaths`
    counts the runners that died with this request in their batch: above zero it starts alone.
    `expires_at` (unix seconds) is when nobody wants the answer any more if it has not begun.

    `published` counts the leading messages that an administrator wrote for everybody: what the
    model made of them may be shared between people. `tools` is a JSON array as the client wrote it.
    `think` None leaves it to the model. `logprobs` is how many alternatives to name with each
    token, 0 for the chosen one alone, None for nothing.

    A model whose task is "embed" or "rerank" is given `inputs` (and a `query` to rank them by)
    instead of messages; `truncate` cuts those that are too long, else the request fails.
    `max_input_tokens` bounds an input below what the context could hold.

    `go_template` is the blob whose template, in Go's language, writes the prompt instead of the
    one in the weights; `template` is such a template itself, as it was asked for or as the runner
    has read it. Old messages are left out where all do not fit, unless `truncate` is off;
    with `shift` a single one that is too long is cut in its middle. `is_shown`: the prompt itself
    is the answer, as text, and nothing is computed.
    """

    version: Literal[1] = VERSION
    generation_id: UUID
    attempt: Number
    person: Name
    weight: Annotated[float, Meta(ge=0.01, le=100)] = 1.0
    lane: Lane
    model: ModelSpec
    model_name: Name
    messages: Annotated[tuple[Message, ...], Meta(max_length=20_000)] = ()
    options: Options = Options()
    so_far: Text = ""
    deaths: Count = 0
    expires_at: Annotated[float, Meta(ge=0)]
    published: Count = 0
    format: Format | None = None
    tools: Annotated[str, Meta(max_length=1_000_000)] = ""
    think: bool | ThinkLevel | None = None
    logprobs: Annotated[int, Meta(ge=0, le=MAX_TOP_LOGPROBS)] | None = None
    inputs: Annotated[tuple[Text, ...], Meta(max_length=MAX_INPUTS)] = ()
    query: Text = ""
    truncate: bool = True
    max_input_tokens: Annotated[int, Meta(ge=0, le=2**31)] | None = None
    go_template: Sha256 | None = None
    template: Annotated[str, Meta(max_length=1_000_000)] | None = None
    completion: Completion | None = None
    shift: bool = False
    is_shown: bool = False

    def __post_init__(self) -> None:
        if bool(self.messages) != (self.model.task == "answer"):
            raise ValueError("messages are for answers, and an answer needs some")
