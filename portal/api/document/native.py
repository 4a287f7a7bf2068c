"""The shapes of Ollama's own dialect: questions and answers. Not for models: managing.py there."""

from typing import Annotated, Any, Literal

from django.utils.translation import gettext_noop as noop
from msgspec import UNSET, UnsetType, field

from portal.api.document.about import Asked, Told, about

Effort = Literal["low", "medium", "high", "max"]
Image = Annotated[str, about("A picture in base64, without a data: prefix.")]

_LOADING = noop("Accepted and not used: how a model is loaded is the administrator's to decide.")
_MODEL = noop("The name of a model, such as qwen2.5:0.5b. Without a tag, :latest is meant.")
_FORMAT = noop('"json" for any JSON object, or a JSON Schema that the answer keeps to.')
_KEEP_ALIVE = noop(
    "How long the model stays loaded: seconds, or a duration such as 10m. With an empty question, 0"
    " asks to let it go, which is for those who manage models."
)
_STREAM = noop("Line by line as it is written. false: all of it at once.")
_THINK = noop("Whether a model that can think does so first, and for some models how hard.")
_TRUNCATE = noop("false: a question that is too long is refused, not shortened.")
_SHIFT = noop("false: an answer ends where the context is full.")
_LOGPROBS = noop("Tell how likely each token was.")
_TOP_LOGPROBS = noop("With logprobs: how many alternatives to name with each token.")
_RENDER = noop("Answer with the prompt as the model would read it, and write nothing.")


class Options(Asked, kw_only=True):
    """How to choose the words of an answer."""

    temperature: Annotated[
        float | UnsetType,
        about("How freely the words are chosen; 0 always takes the likeliest. Without it 0.8."),
    ] = UNSET
    top_k: Annotated[
        int | UnsetType, about("Choose among this many of the likeliest. Without it 40.")
    ] = UNSET
    top_p: Annotated[
        float | UnsetType,
        about("Choose among the likeliest that together reach this share. Without it 0.9."),
    ] = UNSET
    min_p: Annotated[
        float | UnsetType,
        about("Leave out what is less likely than this share of the likeliest. Without it 0."),
    ] = UNSET
    typical_p: Annotated[
        float | UnsetType,
        about("Prefer words that are about as surprising as expected. 1 turns it off."),
    ] = UNSET
    repeat_penalty: Annotated[
        float | UnsetType, about("Above 1, words that were just used become less likely.")
    ] = UNSET
    repeat_last_n: Annotated[
        int | UnsetType,
        about("How far back repetition is looked for: 0 nowhere, -1 over the whole context."),
    ] = UNSET
    presence_penalty: Annotated[
        float | UnsetType, about("Above 0, words that occurred at all become less likely.")
    ] = UNSET
    frequency_penalty: Annotated[
        float | UnsetType, about("Above 0, words become less likely the more often they occurred.")
    ] = UNSET
    seed: Annotated[
        int | UnsetType,
        about("The same seed with the same question chooses the same words. -1 is chance."),
    ] = UNSET
    num_predict: Annotated[
        int | UnsetType, about("The most tokens to write. -1 is as many as there is room for.")
    ] = UNSET
    stop: Annotated[
        list[str] | UnsetType, about("Texts at which the answer ends; they are not part of it.")
    ] = UNSET
    num_ctx: Annotated[int | UnsetType, about(_LOADING, is_ignored=True)] = UNSET
    num_batch: Annotated[int | UnsetType, about(_LOADING, is_ignored=True)] = UNSET
    num_gpu: Annotated[int | UnsetType, about(_LOADING, is_ignored=True)] = UNSET
    main_gpu: Annotated[int | UnsetType, about(_LOADING, is_ignored=True)] = UNSET
    num_thread: Annotated[int | UnsetType, about(_LOADING, is_ignored=True)] = UNSET
    num_keep: Annotated[int | UnsetType, about(_LOADING, is_ignored=True)] = UNSET
    draft_num_predict: Annotated[int | UnsetType, about(_LOADING, is_ignored=True)] = UNSET
    use_mmap: Annotated[bool | UnsetType, about(_LOADING, is_ignored=True)] = UNSET


class Function(Asked, kw_only=True):
    """What a tool is called with."""

    name: Annotated[str, about("The name the model calls it by.")]
    description: Annotated[
        str | UnsetType, about("What it does and when to use it, for the model.")
    ] = UNSET
    parameters: Annotated[dict[str, Any] | UnsetType, about("A JSON Schema of its arguments.")] = (
        UNSET
    )


class Tool(Asked, kw_only=True):
    """Something that the client can do for the model."""

    type: Literal["function"] | UnsetType = UNSET
    function: Annotated[Function, about("The function that the model may ask for.")]


class CalledFunction(Asked, kw_only=True):
    """A call that a model made."""

    name: Annotated[str, about("The function that is called.", min_length=1, max_length=512)]
    arguments: Annotated[dict[str, Any], about("Its arguments, by name.")]


class Call(Asked, kw_only=True):
    """A call in an earlier answer."""

    id: Annotated[str | UnsetType, about("What its result refers to.")] = UNSET
    function: Annotated[CalledFunction, about("Which function, and with what.")]


class Message(Asked, kw_only=True):
    """One turn of a conversation."""

    role: Annotated[Literal["system", "user", "assistant", "tool"], about("Whose turn it is.")]
    content: Annotated[str | UnsetType, about("What was said.")] = UNSET
    thinking: Annotated[
        str | UnsetType, about("What the model thought before this answer of an earlier turn.")
    ] = UNSET
    images: Annotated[list[Image] | UnsetType, about("Pictures, for models that can see.")] = UNSET
    tool_calls: Annotated[
        list[Call] | UnsetType, about("The calls the model made in this turn.")
    ] = UNSET
    tool_name: Annotated[
        str | UnsetType, about("With the role tool: the function whose result this is.")
    ] = UNSET
    tool_call_id: Annotated[
        str | UnsetType, about("With the role tool: the call whose result this is.")
    ] = UNSET


class ChatRequest(Asked, kw_only=True):
    """A body of /api/chat."""

    model: Annotated[str, about(_MODEL)]
    messages: Annotated[
        list[Message] | UnsetType,
        about("The conversation so far. Empty: the model is only loaded, or let go."),
    ] = UNSET
    tools: Annotated[list[Tool] | UnsetType, about("What the model may ask the client to do.")] = (
        UNSET
    )
    format: Annotated[Literal["", "json"] | dict[str, Any] | UnsetType, about(_FORMAT)] = UNSET
    options: Annotated[Options | UnsetType, about("How to choose the words.")] = UNSET
    stream: Annotated[bool, about(_STREAM)] = True
    keep_alive: Annotated[float | str | UnsetType, about(_KEEP_ALIVE)] = UNSET
    think: Annotated[bool | Effort | UnsetType, about(_THINK)] = UNSET
    truncate: Annotated[bool, about(_TRUNCATE)] = True
    shift: Annotated[bool, about(_SHIFT)] = True
    logprobs: Annotated[bool, about(_LOGPROBS)] = False
    top_logprobs: Annotated[int, about(_TOP_LOGPROBS, ge=0, le=20)] = 0
    debug_render_only: Annotated[bool, about(_RENDER)] = field(
        name="_debug_render_only", default=False
    )


class GenerateRequest(Asked, kw_only=True):
    """A body of /api/generate."""

    model: Annotated[str, about(_MODEL)]
    prompt: Annotated[
        str, about("The text to answer. Empty: the model is only loaded, or let go.")
    ] = ""
    suffix: Annotated[
        str | UnsetType, about("Text that follows the gap, for models that fill in between.")
    ] = UNSET
    system: Annotated[str | UnsetType, about("In place of the model's own system prompt.")] = UNSET
    template: Annotated[
        str | UnsetType,
        about("In place of the model's own template. Needs a key that manages models."),
    ] = UNSET
    context: Annotated[
        list[int] | UnsetType, about("The context of an earlier answer, to go on from there.")
    ] = UNSET
    raw: Annotated[
        bool, about("The prompt is read as it is, without template, system prompt or context.")
    ] = False
    images: Annotated[list[Image] | UnsetType, about("Pictures, for models that can see.")] = UNSET
    format: Annotated[Literal["", "json"] | dict[str, Any] | UnsetType, about(_FORMAT)] = UNSET
    options: Annotated[Options | UnsetType, about("How to choose the words.")] = UNSET
    stream: Annotated[bool, about(_STREAM)] = True
    keep_alive: Annotated[float | str | UnsetType, about(_KEEP_ALIVE)] = UNSET
    think: Annotated[bool | Effort | UnsetType, about(_THINK)] = UNSET
    truncate: Annotated[bool, about(_TRUNCATE)] = True
    shift: Annotated[bool, about(_SHIFT)] = True
    logprobs: Annotated[bool, about(_LOGPROBS)] = False
    top_logprobs: Annotated[int, about(_TOP_LOGPROBS, ge=0, le=20)] = 0
    debug_render_only: Annotated[bool, about(_RENDER)] = field(
        name="_debug_render_only", default=False
    )


class EmbedRequest(Asked, kw_only=True):
    """A body of /api/embed."""

    model: Annotated[str, about(_MODEL)]
    input: Annotated[
        str | list[str] | UnsetType, about("One text or several; each gets its vector, in order.")
    ] = UNSET
    truncate: Annotated[bool, about("false: a text that is too long is refused, not cut.")] = True
    dimensions: Annotated[
        int, about("Keep only the first of this many numbers, and make the length one again.")
    ] = 0
    keep_alive: Annotated[float | str | UnsetType, about(_LOADING)] = UNSET
    options: Annotated[Options | UnsetType, about(_LOADING)] = UNSET


class EmbeddingsRequest(Asked, kw_only=True):
    """A body of /api/embeddings."""

    model: Annotated[str, about(_MODEL)]
    prompt: Annotated[str | UnsetType, about("The text to make a vector of.")] = UNSET
    keep_alive: Annotated[float | str | UnsetType, about(_LOADING)] = UNSET
    options: Annotated[Options | UnsetType, about(_LOADING)] = UNSET


# ── Answers ─────────────────────────────────────────────────────────────────────────────────────


class Alternative(Told, kw_only=True):
    """A token that could have stood there."""

    token: str
    logprob: float
    bytes: list[int] | UnsetType = UNSET


class TokenLogprob(Told, kw_only=True):
    """A token that was written, and how likely it was."""

    token: str
    logprob: Annotated[float, about("The natural logarithm of its probability.")]
    bytes: Annotated[list[int] | UnsetType, about("The token's text in UTF-8.")] = UNSET
    top_logprobs: Annotated[
        list[Alternative] | UnsetType, about("The likeliest in its place, likeliest first.")
    ] = UNSET


class ToldFunction(Told, kw_only=True):
    """What the model wants called."""

    index: Annotated[int, about("Counts the calls of one answer from 0.")]
    name: str
    arguments: dict[str, Any]


class ToldCall(Told, kw_only=True):
    """A call that the model asks the client to make."""

    id: Annotated[str, about("To be sent back with the result.")]
    function: ToldFunction


class Answered(Told, kw_only=True):
    """What the model says, so far or altogether."""

    role: str
    content: str
    thinking: Annotated[str | UnsetType, about("What it thought first.")] = UNSET
    tool_calls: Annotated[list[ToldCall] | UnsetType, about("What it asks the client to do.")] = (
        UNSET
    )


class DebugInfo(Told, kw_only=True):
    """The prompt itself, where only that was asked for."""

    rendered_template: str
    image_count: int | UnsetType = UNSET


class Counted(Told, kw_only=True):
    """Counts and times, in nanoseconds; what is 0 is absent."""

    total_duration: Annotated[
        int | UnsetType, about("From the question to the end, in nanoseconds.")
    ] = UNSET
    load_duration: Annotated[
        int | UnsetType, about("Until the model was ready, in nanoseconds.")
    ] = UNSET
    prompt_eval_count: Annotated[int | UnsetType, about("Tokens of the question.")] = UNSET
    prompt_eval_duration: Annotated[
        int | UnsetType, about("Reading the question, in nanoseconds.")
    ] = UNSET
    eval_count: Annotated[int | UnsetType, about("Tokens of the answer.")] = UNSET
    eval_duration: Annotated[int | UnsetType, about("Writing the answer, in nanoseconds.")] = UNSET


class ChatReply(Counted, kw_only=True):
    """An answer of /api/chat, or one line of it."""

    model: Annotated[str, about("The model as the client named it.")]
    created_at: Annotated[str, about("When, in RFC 3339.")]
    message: Answered
    done: Annotated[bool, about("true on the last line, and only there.")]
    done_reason: Annotated[
        str | UnsetType, about("Why it ended: stop, length, load or unload.")
    ] = UNSET
    debug_info: DebugInfo | UnsetType = field(name="_debug_info", default=UNSET)
    logprobs: list[TokenLogprob] | UnsetType = UNSET


class GenerateReply(Counted, kw_only=True):
    """An answer of /api/generate, or one line of it."""

    model: Annotated[str, about("The model as the client named it.")]
    created_at: Annotated[str, about("When, in RFC 3339.")]
    response: Annotated[str, about("What the model says, so far or altogether.")]
    thinking: Annotated[str | UnsetType, about("What it thought first.")] = UNSET
    done: Annotated[bool, about("true on the last line, and only there.")]
    done_reason: Annotated[
        str | UnsetType, about("Why it ended: stop, length, load or unload.")
    ] = UNSET
    context: Annotated[
        list[int] | UnsetType, about("To be sent with the next question, to go on from here.")
    ] = UNSET
    debug_info: DebugInfo | UnsetType = field(name="_debug_info", default=UNSET)
    logprobs: list[TokenLogprob] | UnsetType = UNSET


class EmbedReply(Told, kw_only=True):
    """Vectors of length one."""

    model: Annotated[str, about("The model as the client named it.")]
    embeddings: Annotated[list[list[float]], about("One vector for each text, in order.")]
    total_duration: Annotated[
        int | UnsetType, about("From the question to the end, in nanoseconds.")
    ] = UNSET
    load_duration: Annotated[
        int | UnsetType, about("Until the model was ready, in nanoseconds.")
    ] = UNSET
    prompt_eval_count: Annotated[int | UnsetType, about("Tokens of all texts.")] = UNSET


class EmbeddingsReply(Told, kw_only=True):
    """One vector, as the model made it."""

    embedding: list[float]


class Error(Told, kw_only=True):
    """Why there is no answer."""

    error: Annotated[str, about("What went wrong, in words.")]
    signin_url: str | UnsetType = UNSET
