"""The shapes of Ollama's own dialect that are about models: list, show, fetch, make, remove.

Not for questions and answers: native.py.
"""

from typing import Annotated, Any

from django.utils.translation import gettext_noop as noop
from msgspec import UNSET, UnsetType, field

from portal.api.document.about import Asked, Told, about
from portal.api.document.native import Options

_MODEL = noop("The name of a model, such as qwen2.5:0.5b. Without a tag, :latest is meant.")
_NAME = noop("The older name of the field model.")
_STREAM = noop("Line by line as it goes on. false: only the last line, at the end.")
_INSECURE = noop("Allow a registry without TLS, or with a certificate that cannot be checked.")


class Version(Told):
    """The dialect that is spoken."""

    version: Annotated[str, about("The version of Ollama whose clients work here.")]


class Details(Told, kw_only=True):
    """What kind of model it is."""

    parent_model: str
    format: str
    family: str
    families: list[str] | None
    parameter_size: str
    quantization_level: str
    context_length: Annotated[
        int | UnsetType, about("How many tokens it can read and write together.")
    ] = UNSET
    embedding_length: Annotated[int | UnsetType, about("How many numbers its vectors have.")] = (
        UNSET
    )


class Tag(Told, kw_only=True):
    """A model that this key's owner may use."""

    name: str
    model: str
    remote_model: str | UnsetType = UNSET
    remote_host: str | UnsetType = UNSET
    modified_at: str
    size: Annotated[int, about("Bytes on the disk.")]
    digest: Annotated[str, about("The sha256 of its manifest, in hex.")]
    details: Details
    capabilities: Annotated[
        list[str] | UnsetType,
        about("What it can do: completion, tools, insert, vision, embedding, thinking."),
    ] = UNSET


class Tags(Told):
    """The models that this key's owner may use."""

    models: list[Tag]


class Loaded(Told, kw_only=True):
    """A model in memory."""

    name: str
    model: str
    size: Annotated[int, about("Bytes it takes in memory.")]
    digest: Annotated[str, about("The sha256 of its manifest, in hex.")]
    details: Details
    expires_at: Annotated[str, about("When it is let go if nobody asks it anything.")]
    size_vram: Annotated[int, about("How many of those bytes are on a graphics card.")]
    context_length: int


class Running(Told):
    """The models in memory at this moment."""

    models: list[Loaded]


class ShowRequest(Asked, kw_only=True):
    """A body of /api/show."""

    model: Annotated[str, about(_MODEL)]
    name: Annotated[str | UnsetType, about(_NAME)] = UNSET
    system: Annotated[
        str | UnsetType, about("Shown in place of the model's own system prompt.")
    ] = UNSET
    options: Annotated[
        Options | UnsetType, about("Shown together with the model's own parameters.")
    ] = UNSET
    verbose: Annotated[bool, about("Long lists, such as the vocabulary, in full.")] = False


class Tensor(Told):
    """One tensor of the weights."""

    name: str
    type: str
    shape: list[int]


class ShownMessage(Told):
    """One of the model's own first messages."""

    role: str
    content: str


class ShowReply(Told, kw_only=True):
    """What a model says of itself."""

    license: str | UnsetType = UNSET
    modelfile: Annotated[str | UnsetType, about("The Modelfile it could be made from.")] = UNSET
    parameters: Annotated[str | UnsetType, about("Its own parameters, one a line.")] = UNSET
    template: Annotated[str | UnsetType, about("How a conversation becomes a prompt.")] = UNSET
    system: Annotated[str | UnsetType, about("Its own system prompt.")] = UNSET
    details: Details
    messages: Annotated[
        list[ShownMessage] | UnsetType, about("What every conversation with it begins with.")
    ] = UNSET
    remote_model: str | UnsetType = UNSET
    remote_host: str | UnsetType = UNSET
    model_info: Annotated[dict[str, Any], about("The facts in the header of its weights.")]
    projector_info: dict[str, Any] | UnsetType = UNSET
    tensors: list[Tensor] | UnsetType = UNSET
    capabilities: list[str] | UnsetType = UNSET
    modified_at: str
    requires: str | UnsetType = UNSET


class CopyRequest(Asked):
    """A body of /api/copy."""

    source: Annotated[str, about("The model that is there.")]
    destination: Annotated[str, about("Its further name.")]


class DeleteRequest(Asked, kw_only=True):
    """A body of DELETE /api/delete."""

    model: Annotated[str, about(_MODEL)]
    name: Annotated[str | UnsetType, about(_NAME)] = UNSET


class PullRequest(Asked, kw_only=True):
    """A body of /api/pull."""

    model: Annotated[str, about(_MODEL)]
    name: Annotated[str | UnsetType, about(_NAME)] = UNSET
    insecure: Annotated[bool, about(_INSECURE)] = False
    stream: Annotated[bool, about(_STREAM)] = True


class PushRequest(Asked, kw_only=True):
    """A body of /api/push."""

    model: Annotated[str, about(_MODEL)]
    name: Annotated[str | UnsetType, about(_NAME)] = UNSET
    insecure: Annotated[bool, about(_INSECURE)] = False
    stream: Annotated[bool, about(_STREAM)] = True


class FirstMessage(Asked, kw_only=True):
    """A message that every conversation with the new model begins with."""

    role: str
    content: str
    thinking: str | UnsetType = UNSET
    images: list[str] | UnsetType = UNSET
    tool_calls: list[dict[str, Any]] | UnsetType = UNSET
    tool_name: str | UnsetType = UNSET
    tool_call_id: str | UnsetType = UNSET


class CreateRequest(Asked, kw_only=True):
    """A body of /api/create."""

    model: Annotated[str, about("The name of the new model.")]
    name: Annotated[str | UnsetType, about(_NAME)] = UNSET
    base: Annotated[str | UnsetType, about("The model it is made from.")] = field(
        name="from", default=UNSET
    )
    files: Annotated[
        dict[str, str] | UnsetType,
        about("Its files by name, each with the digest under which it was uploaded."),
    ] = UNSET
    adapters: Annotated[
        dict[str, str] | UnsetType, about("LoRA adapters by name, each with its digest.")
    ] = UNSET
    draft_files: Annotated[
        dict[str, str] | UnsetType, about("Files of a draft model by name, each with its digest.")
    ] = UNSET
    template: Annotated[str | UnsetType, about("How a conversation becomes a prompt.")] = UNSET
    system: Annotated[str | UnsetType, about("Its system prompt.")] = UNSET
    license: Annotated[str | list[str] | UnsetType, about("Under what licence it may be used.")] = (
        UNSET
    )
    parameters: Annotated[
        dict[str, Any] | UnsetType, about("Its parameters, as in the options of a question.")
    ] = UNSET
    messages: Annotated[
        list[FirstMessage] | UnsetType, about("What every conversation with it begins with.")
    ] = UNSET
    renderer: str | UnsetType = UNSET
    parser: str | UnsetType = UNSET
    requires: str | UnsetType = UNSET
    quantize: Annotated[
        str | UnsetType, about("Make the weights smaller, for instance to q4_K_M.")
    ] = UNSET
    quantization: Annotated[str | UnsetType, about("The older name of quantize.")] = UNSET
    draft_quantize: str | UnsetType = UNSET
    info: Annotated[
        dict[str, Any] | UnsetType, about("Accepted and not used: the weights say it themselves.")
    ] = UNSET
    remote_host: Annotated[
        str | UnsetType, about("Refused: no model here runs on somebody else's computer.")
    ] = UNSET
    stream: Annotated[bool, about(_STREAM)] = True


class Progress(Told, kw_only=True):
    """How far a piece of work has come."""

    status: Annotated[str, about("What is being done; success at the end.")]
    digest: Annotated[str | UnsetType, about("The file this line is about.")] = UNSET
    total: Annotated[int | UnsetType, about("Its size in bytes.")] = UNSET
    completed: Annotated[int | UnsetType, about("How many bytes of it are here.")] = UNSET
