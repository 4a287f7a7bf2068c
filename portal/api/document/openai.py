"""The shapes of OpenAI's chat, embedding and listing doors. Not for its other ones: openai_more."""

from typing import Annotated, Any, Literal

from django.utils.translation import gettext_noop as noop
from msgspec import UNSET, UnsetType

from portal.api.document.about import Asked, Told, about

MODEL = noop("The name of a model that /v1/models lists.")
IGNORED = noop("Accepted and not used.")
STREAM = noop("Event by event as it is written. Without it, all at once.")
SEED = noop("The same seed with the same question chooses the same words. -1 is chance.")
STOP = noop("Texts at which the answer ends; they are not part of it.")
MAX_TOKENS = noop("The most tokens to write.")
PRESENCE = noop("Above 0, words that occurred at all become less likely.")
FREQUENCY = noop("Above 0, words become less likely the more often they occurred.")
TEMPERATURE = noop("How freely the words are chosen; 0 always takes the likeliest. Without it 1.")
TOP_P = noop("Choose among the likeliest that together reach this share. Without it 1.")

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "ultra", "max"]


class ImageAddress(Asked):
    """A picture in an object of its own."""

    url: Annotated[str, about("A data: URL with a picture in base64; nothing is ever fetched.")]


class Part(Asked, kw_only=True):
    """One part of a message: its text, or a picture."""

    type: Literal["text", "image_url", "input_audio"]
    text: Annotated[str | UnsetType, about("With the type text: what was said.")] = UNSET
    image_url: Annotated[
        str | ImageAddress | UnsetType, about("With the type image_url: a picture.")
    ] = UNSET
    input_audio: Annotated[
        dict[str, Any] | UnsetType, about("Refused: no model here can hear.")
    ] = UNSET


class OpenAICalledFunction(Asked):
    """A call that a model made."""

    name: Annotated[str, about("The function that is called.", min_length=1, max_length=512)]
    arguments: Annotated[str, about("Its arguments as the text of a JSON object.")]


class OpenAICall(Asked, kw_only=True):
    """A call in an earlier answer."""

    id: Annotated[str | UnsetType, about("What its result refers to.")] = UNSET
    type: Literal["function"] | UnsetType = UNSET
    function: OpenAICalledFunction


class OpenAIMessage(Asked, kw_only=True):
    """One turn of a conversation."""

    role: Annotated[
        Literal["system", "developer", "user", "assistant", "tool"], about("Whose turn it is.")
    ]
    content: Annotated[
        str | list[Part] | UnsetType,
        about("What was said: a text, or its parts. May be absent beside tool_calls only."),
    ] = UNSET
    reasoning: Annotated[
        str | UnsetType, about("What the model thought before this answer of an earlier turn.")
    ] = UNSET
    tool_calls: Annotated[
        list[OpenAICall] | UnsetType, about("The calls the model made in this turn.")
    ] = UNSET
    name: Annotated[
        str | UnsetType, about("With the role tool: the function whose result this is.")
    ] = UNSET
    tool_call_id: Annotated[
        str | UnsetType, about("With the role tool: the call whose result this is.")
    ] = UNSET


class OpenAIFunction(Asked, kw_only=True):
    """What a tool is called with."""

    name: Annotated[str, about("The name the model calls it by.")]
    description: Annotated[
        str | UnsetType, about("What it does and when to use it, for the model.")
    ] = UNSET
    parameters: Annotated[dict[str, Any] | UnsetType, about("A JSON Schema of its arguments.")] = (
        UNSET
    )


class OpenAITool(Asked, kw_only=True):
    """Something that the client can do for the model."""

    type: Literal["function"] | UnsetType = UNSET
    function: OpenAIFunction


class StreamOptions(Asked):
    """What a stream brings beside the text."""

    include_usage: Annotated[bool, about("End with an event that counts the tokens.")] = False


class Schema(Asked, kw_only=True):
    """A JSON Schema with a name."""

    name: str | UnsetType = UNSET
    schema: Annotated[dict[str, Any], about("The JSON Schema that the answer keeps to.")]


class ResponseFormat(Asked, kw_only=True):
    """What form the answer has."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: Annotated[Schema | UnsetType, about("With the type json_schema.")] = UNSET


class Reasoning(Asked):
    """How hard the model thinks."""

    effort: Effort | UnsetType = UNSET


class ChatCompletionRequest(Asked, kw_only=True):
    """A body of /v1/chat/completions."""

    model: Annotated[str, about(MODEL)]
    messages: Annotated[list[OpenAIMessage], about("The conversation so far.", min_length=1)]
    stream: Annotated[bool, about(STREAM)] = False
    stream_options: StreamOptions | UnsetType = UNSET
    max_tokens: Annotated[int | UnsetType, about(MAX_TOKENS)] = UNSET
    temperature: Annotated[float | UnsetType, about(TEMPERATURE)] = UNSET
    top_p: Annotated[float | UnsetType, about(TOP_P)] = UNSET
    seed: Annotated[int | UnsetType, about(SEED)] = UNSET
    frequency_penalty: Annotated[float | UnsetType, about(FREQUENCY)] = UNSET
    presence_penalty: Annotated[float | UnsetType, about(PRESENCE)] = UNSET
    stop: Annotated[str | list[str] | UnsetType, about(STOP)] = UNSET
    response_format: Annotated[ResponseFormat | UnsetType, about("What form the answer has.")] = (
        UNSET
    )
    reasoning: Annotated[Reasoning | UnsetType, about("How hard the model thinks.")] = UNSET
    reasoning_effort: Annotated[Effort | UnsetType, about("How hard the model thinks.")] = UNSET
    tools: Annotated[
        list[OpenAITool] | UnsetType, about("What the model may ask the client to do.")
    ] = UNSET
    logprobs: Annotated[bool, about("Tell how likely each token was.")] = False
    top_logprobs: Annotated[
        int, about("With logprobs: how many alternatives to name with each token.", ge=0, le=20)
    ] = 0
    max_completion_tokens: Annotated[int | UnsetType, about(IGNORED, is_ignored=True)] = UNSET
    tool_choice: Annotated[Any, about(IGNORED, is_ignored=True)] = UNSET
    parallel_tool_calls: Annotated[Any, about(IGNORED, is_ignored=True)] = UNSET
    n: Annotated[Any, about(IGNORED, is_ignored=True)] = UNSET
    logit_bias: Annotated[Any, about(IGNORED, is_ignored=True)] = UNSET
    user: Annotated[Any, about(IGNORED, is_ignored=True)] = UNSET


class OpenAIEmbeddingsRequest(Asked, kw_only=True):
    """A body of /v1/embeddings."""

    model: Annotated[str, about(MODEL)]
    input: Annotated[str | list[str], about("One text or several; each gets its vector, in order.")]
    dimensions: Annotated[
        int, about("Keep only the first of this many numbers, and make the length one again.")
    ] = 0
    encoding_format: Annotated[
        Literal["float", "base64"],
        about("Numbers, or their bytes (32-bit, little-endian) in base64."),
    ] = "float"
    user: Annotated[Any, about(IGNORED, is_ignored=True)] = UNSET


class DocumentText(Asked):
    """A text in an object of its own."""

    text: str


class RerankRequest(Asked, kw_only=True):
    """A body of /v1/rerank."""

    model: Annotated[str, about(MODEL)]
    query: Annotated[str, about("What is looked for.", min_length=1)]
    documents: Annotated[
        list[str | DocumentText], about("The texts to put in order.", min_length=1)
    ]
    top_n: Annotated[int | UnsetType, about("Tell of the best of this number only.")] = UNSET


# ── Answers ─────────────────────────────────────────────────────────────────────────────────────


class OpenAIToken(Told, kw_only=True):
    """A token that could have stood there."""

    token: str
    logprob: float
    bytes: list[int] | None


class OpenAITokenLogprob(Told, kw_only=True):
    """A token that was written, and how likely it was."""

    token: str
    logprob: Annotated[float, about("The natural logarithm of its probability.")]
    bytes: list[int] | None
    top_logprobs: Annotated[
        list[OpenAIToken], about("The likeliest in its place, likeliest first.")
    ]


class Logprobs(Told):
    """How likely the tokens were."""

    content: list[OpenAITokenLogprob]


class OpenAIToldFunction(Told):
    """What the model wants called."""

    name: str
    arguments: Annotated[str, about("Its arguments as the text of a JSON object.")]


class OpenAIToldCall(Told, kw_only=True):
    """A call that the model asks the client to make."""

    id: Annotated[str, about("To be sent back with the result.")]
    index: Annotated[int, about("Counts the calls of one answer from 0.")]
    type: Literal["function"]
    function: OpenAIToldFunction


class Completed(Told, kw_only=True):
    """What the model says."""

    role: str
    content: str
    reasoning_content: Annotated[str | UnsetType, about("What it thought first.")] = UNSET
    reasoning: Annotated[
        str | UnsetType, about("The same under the name that other clients read.")
    ] = UNSET
    tool_calls: Annotated[
        list[OpenAIToldCall] | UnsetType, about("What it asks the client to do.")
    ] = UNSET


class Choice(Told, kw_only=True):
    """The answer. There is always one."""

    index: int
    message: Completed
    finish_reason: Annotated[str, about("Why it ended: stop, length or tool_calls.")]
    logprobs: Logprobs | UnsetType = UNSET


class Usage(Told, kw_only=True):
    """How much was read and written."""

    prompt_tokens: Annotated[int, about("Tokens of the question.")]
    completion_tokens: Annotated[int, about("Tokens of the answer.")]
    total_tokens: int


class ChatCompletion(Told, kw_only=True):
    """An answer of /v1/chat/completions."""

    id: str
    object: Literal["chat.completion"]
    created: Annotated[int, about("When, in seconds since 1970.")]
    model: Annotated[str, about("The model as the client named it.")]
    system_fingerprint: str
    choices: list[Choice]
    usage: Usage


class Delta(Told, kw_only=True):
    """What was added."""

    role: str | UnsetType = UNSET
    content: str | UnsetType = UNSET
    reasoning_content: str | UnsetType = UNSET
    reasoning: str | UnsetType = UNSET
    tool_calls: list[OpenAIToldCall] | UnsetType = UNSET


class ChunkChoice(Told, kw_only=True):
    """What was added to the answer."""

    index: int
    delta: Delta
    finish_reason: str | None
    logprobs: Logprobs | UnsetType = UNSET


class ChatCompletionChunk(Told, kw_only=True):
    """One event of an answer of /v1/chat/completions; the last one is the text [DONE]."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChunkChoice]
    usage: Usage | UnsetType = UNSET


class Vector(Told, kw_only=True):
    """The vector of one text."""

    object: Literal["embedding"]
    embedding: list[float] | str
    index: int


class ReadUsage(Told, kw_only=True):
    """How much was read."""

    prompt_tokens: int
    total_tokens: int


class OpenAIEmbeddings(Told, kw_only=True):
    """Vectors of length one."""

    object: Literal["list"]
    data: list[Vector]
    model: str
    usage: ReadUsage


class Ranked(Told):
    """One text and how well it fits."""

    index: Annotated[int, about("Which of the texts, counted from 0.")]
    relevance_score: Annotated[float, about("The higher, the better it fits the query.")]


class Ranking(Told, kw_only=True):
    """The texts, best first."""

    model: str
    object: Literal["list"]
    usage: ReadUsage
    results: list[Ranked]


class Architecture(Told):
    """What a model takes in."""

    input_modalities: Annotated[list[str], about("text, and image for models that can see.")]


class OpenAIModel(Told, kw_only=True):
    """A model that this key's owner may use."""

    id: Annotated[str, about("What to send as model.")]
    object: Literal["model"]
    created: Annotated[int, about("When it came, in seconds since 1970.")]
    owned_by: str
    name: str
    context_length: Annotated[int, about("How many tokens it can read and write together.")]
    architecture: Architecture


class OpenAIModels(Told):
    """The models that this key's owner may use."""

    object: Literal["list"]
    data: list[OpenAIModel]


class Complaint(Told, kw_only=True):
    """What went wrong."""

    message: Annotated[str, about("What went wrong, in words.")]
    type: str
    param: str | None
    code: Annotated[str | None, about("A word that programs can act upon.")]


class OpenAIError(Told):
    """Why there is no answer."""

    error: Complaint
