"""What can be asked at each address, in words, with an example. Not for the shapes of bodies.

The addresses themselves, their methods and scopes come from the doors; a test holds this list to
them, and plays each example through its door.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_noop as noop

from portal.api.document import anthropic, managing, native, openai, openai_more
from portal.api.document.examples import (
    ANTHROPIC_REPLY,
    CHAT_REPLY,
    COMPLETION,
    COMPLETION_REPLY,
    DIGEST,
    EMBEDDINGS,
    GENERATE_REPLY,
    LOADED,
    MODEL,
    OPENAI_MODEL,
    QUESTION,
    RANKING,
    RESPONSE,
    SHOWN,
    TAG,
)

ASK = noop("Ollama: ask")
MODELS = noop("Ollama: models")
MANAGE = noop("Ollama: manage models")
OPENAI = noop("OpenAI")
ANTHROPIC = noop("Anthropic")
TAGS = {
    ASK: noop("Questions and answers as Ollama's clients know them."),
    MODELS: noop("Which models there are, what they are, and which are in memory."),
    MANAGE: noop("For those who manage models, with a key that says so."),
    OPENAI: noop("The same models for clients that speak OpenAI's dialect."),
    ANTHROPIC: noop("The same models for clients that speak Anthropic's dialect."),
}
LINES = "application/x-ndjson"
EVENTS = "text/event-stream"
COMMON_ERRORS = (400, 401, 403, 404, 413, 429, 500, 503)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one address. `reply` is absent where the answer has no body.

    `streamed` is the shape of each line or event, where the answer may come in many.
    """

    method: str
    path: str
    tag: str
    summary: str
    description: str = ""
    request: type | None = None
    example: Mapping[str, Any] = field(default_factory=dict)
    takes_file: bool = False
    reply: type | None = None
    reply_example: Mapping[str, Any] = field(default_factory=dict)
    streamed: type | None = None
    media: str = LINES
    statuses: tuple[int, ...] = (200,)
    more_errors: tuple[int, ...] = ()

    @property
    def errors(self) -> tuple[int, ...]:
        return tuple(sorted({*COMMON_ERRORS, *self.more_errors}))


OPERATIONS = (
    # ── Ollama: questions and answers ───────────────────────────────────────────────────────────
    Operation(
        method="POST",
        path="/api/chat",
        tag=ASK,
        summary=noop("Go on with a conversation"),
        description=noop(
            "Without messages, the model is only loaded, or with keep_alive 0 let go. A stream that"
            " ends without a line of done: true was cut off; its last line then says why."
        ),
        request=native.ChatRequest,
        example={"model": MODEL, "messages": [QUESTION]},
        reply=native.ChatReply,
        reply_example=CHAT_REPLY,
        streamed=native.ChatReply,
    ),
    Operation(
        method="POST",
        path="/api/generate",
        tag=ASK,
        summary=noop("Answer a prompt"),
        description=noop("One prompt and its answer, without a conversation around it."),
        request=native.GenerateRequest,
        example={"model": MODEL, "prompt": "Why is the sky blue?", "stream": False},
        reply=native.GenerateReply,
        reply_example=GENERATE_REPLY,
        streamed=native.GenerateReply,
    ),
    Operation(
        method="POST",
        path="/api/embed",
        tag=ASK,
        summary=noop("Make vectors of texts"),
        description=noop("Each vector has length one. Without a text, nothing is computed."),
        request=native.EmbedRequest,
        example={"model": MODEL, "input": ["Why is the sky blue?", "Why is the grass green?"]},
        reply=native.EmbedReply,
        reply_example={"model": MODEL, "embeddings": [[0.6, 0.8], [0.8, 0.6]]},
    ),
    Operation(
        method="POST",
        path="/api/embeddings",
        tag=ASK,
        summary=noop("Make a vector of a text (older form)"),
        description=noop("The vector comes as the model made it, not with length one."),
        request=native.EmbeddingsRequest,
        example={"model": MODEL, "prompt": "Why is the sky blue?"},
        reply=native.EmbeddingsReply,
        reply_example={"embedding": [0.5670403838157654, 0.009260174818336964]},
    ),
    # ── Ollama: models ──────────────────────────────────────────────────────────────────────────
    Operation(
        method="GET",
        path="/api/version",
        tag=MODELS,
        summary=noop("Which dialect is spoken"),
        reply=managing.Version,
        reply_example={"version": "0.13.0"},
    ),
    Operation(
        method="GET",
        path="/api/tags",
        tag=MODELS,
        summary=noop("List the models you may use"),
        reply=managing.Tags,
        reply_example={"models": [TAG]},
    ),
    Operation(
        method="GET",
        path="/api/ps",
        tag=MODELS,
        summary=noop("List the models in memory"),
        reply=managing.Running,
        reply_example={"models": [LOADED]},
    ),
    Operation(
        method="POST",
        path="/api/show",
        tag=MODELS,
        summary=noop("Show what a model says of itself"),
        request=managing.ShowRequest,
        example={"model": MODEL},
        reply=managing.ShowReply,
        reply_example=SHOWN,
    ),
    # ── Ollama: managing ────────────────────────────────────────────────────────────────────────
    Operation(
        method="POST",
        path="/api/pull",
        tag=MANAGE,
        summary=noop("Fetch a model from a registry"),
        description=noop(
            "Goes on where an earlier try ended. It ends when its last watcher leaves, unless an"
            " administrator asked for it elsewhere, too."
        ),
        request=managing.PullRequest,
        example={"model": MODEL},
        reply=managing.Progress,
        reply_example={"status": "success"},
        streamed=managing.Progress,
        more_errors=(409,),
    ),
    Operation(
        method="POST",
        path="/api/push",
        tag=MANAGE,
        summary=noop("Send a model to a registry"),
        request=managing.PushRequest,
        example={"model": f"registry.example/team/{MODEL}"},
        reply=managing.Progress,
        reply_example={"status": "success"},
        streamed=managing.Progress,
        more_errors=(409,),
    ),
    Operation(
        method="POST",
        path="/api/create",
        tag=MANAGE,
        summary=noop("Make a model from another one, or from files"),
        description=noop("Files are uploaded first, each under the digest of its bytes."),
        request=managing.CreateRequest,
        example={"model": "helper", "from": MODEL, "system": "You are a friendly colleague."},
        reply=managing.Progress,
        reply_example={"status": "success"},
        streamed=managing.Progress,
        more_errors=(409, 507),
    ),
    Operation(
        method="POST",
        path="/api/copy",
        tag=MANAGE,
        summary=noop("Give a model a further name"),
        description=noop("The answer has no body."),
        request=managing.CopyRequest,
        example={"source": MODEL, "destination": "helper"},
        more_errors=(409,),
    ),
    Operation(
        method="DELETE",
        path="/api/delete",
        tag=MANAGE,
        summary=noop("Remove a model"),
        description=noop("The answer has no body. Files that no other model needs go with it."),
        request=managing.DeleteRequest,
        example={"model": "helper"},
        more_errors=(409,),
    ),
    Operation(
        method="HEAD",
        path="/api/blobs/{digest}",
        tag=MANAGE,
        summary=noop("Ask whether a file is here"),
        description=noop("404 when it is not."),
        example={"digest": DIGEST},
    ),
    Operation(
        method="POST",
        path="/api/blobs/{digest}",
        tag=MANAGE,
        summary=noop("Upload a file for a new model"),
        description=noop("201 when it came, 200 when it was here already. The answer has no body."),
        example={"digest": DIGEST},
        takes_file=True,
        statuses=(200, 201),
        more_errors=(409, 507),
    ),
    # ── OpenAI ──────────────────────────────────────────────────────────────────────────────────
    Operation(
        method="POST",
        path="/v1/chat/completions",
        tag=OPENAI,
        summary=noop("Go on with a conversation"),
        request=openai.ChatCompletionRequest,
        example={"model": MODEL, "messages": [QUESTION]},
        reply=openai.ChatCompletion,
        reply_example=COMPLETION,
        streamed=openai.ChatCompletionChunk,
        media=EVENTS,
    ),
    Operation(
        method="POST",
        path="/v1/completions",
        tag=OPENAI,
        summary=noop("Go on with a text"),
        request=openai_more.CompletionRequest,
        example={"model": MODEL, "prompt": "Once upon a time"},
        reply=openai_more.Completion,
        reply_example=COMPLETION_REPLY,
        streamed=openai_more.Completion,
        media=EVENTS,
    ),
    Operation(
        method="POST",
        path="/v1/responses",
        tag=OPENAI,
        summary=noop("Answer, in the newer form"),
        description=noop("Nothing is stored: send all that was said with each question."),
        request=openai_more.ResponsesRequest,
        example={"model": MODEL, "input": "Why is the sky blue?"},
        reply=openai_more.Response,
        reply_example=RESPONSE,
        streamed=openai_more.ResponseEvent,
        media=EVENTS,
    ),
    Operation(
        method="POST",
        path="/v1/embeddings",
        tag=OPENAI,
        summary=noop("Make vectors of texts"),
        request=openai.OpenAIEmbeddingsRequest,
        example={"model": MODEL, "input": "Why is the sky blue?"},
        reply=openai.OpenAIEmbeddings,
        reply_example=EMBEDDINGS,
    ),
    Operation(
        method="POST",
        path="/v1/rerank",
        tag=OPENAI,
        summary=noop("Put texts in order by how well they fit"),
        description=noop("For models that rank. As llama-server and Jina speak it."),
        request=openai.RerankRequest,
        example={
            "model": MODEL,
            "query": "Why is the sky blue?",
            "documents": ["Grass is green.", "Air scatters blue light."],
        },
        reply=openai.Ranking,
        reply_example=RANKING,
    ),
    Operation(
        method="GET",
        path="/v1/models",
        tag=OPENAI,
        summary=noop("List the models you may use"),
        reply=openai.OpenAIModels,
        reply_example={"object": "list", "data": [OPENAI_MODEL]},
    ),
    Operation(
        method="GET",
        path="/v1/models/{name}",
        tag=OPENAI,
        summary=noop("Look up one model"),
        example={"name": MODEL},
        reply=openai.OpenAIModel,
        reply_example=OPENAI_MODEL,
    ),
    # ── Anthropic ───────────────────────────────────────────────────────────────────────────────
    Operation(
        method="POST",
        path="/v1/messages",
        tag=ANTHROPIC,
        summary=noop("Go on with a conversation"),
        description=noop("The key may also come in the header x-api-key."),
        request=anthropic.MessagesRequest,
        example={"model": MODEL, "max_tokens": 200, "messages": [QUESTION]},
        reply=anthropic.AnthropicReply,
        reply_example=ANTHROPIC_REPLY,
        streamed=anthropic.AnthropicEvent,
        media=EVENTS,
    ),
)
