"""From a question in anybody's dialect to a generation on the road. Not for reading answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from inference import protocol
from portal.accounts.models import Person
from portal.api import options
from portal.api.errors import Refused
from portal.catalog import access
from portal.catalog.models import Model
from portal.catalog.names import ModelName, NotAName
from portal.chat import actions
from portal.chat.errors import NotFound
from portal.chat.models import Generation

CLOUD_OFF = "ollama cloud is disabled: remote model is unavailable"
IMAGES_REFUSED = "Invalid content type. image_url is only supported by certain models."


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a client wants answered. `model_name` is as she wrote it; `options` are unchecked."""

    model_name: str
    messages: Sequence[protocol.Message]
    options: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    has_images: bool = False
    wants_tools: bool = False
    wants_thinking: bool = False


def model_for(person: Person, written: str) -> Model:
    """The model meant by `written`, if this person may use it; else the refusal clients know."""
    if not written.strip():
        raise Refused(status=400, message="model is required")
    try:
        name = ModelName.parse(local_name(written))
    except NotAName:
        raise Refused(status=400, message="invalid model name") from None
    try:
        model = access.model_for_use(person, name.short)
    except NotFound:
        raise Refused(status=404, message=f"model '{written}' not found") from None
    if "completion" not in (model.capabilities or ["completion"]):
        raise Refused(status=400, message=f'"{written}" does not support chat')
    return model


def begin(person: Person, question: Question, *, client_key: UUID) -> Generation:
    """Check all of it, then queue it. The same `client_key` again gives the same generation."""
    model = model_for(person, question.model_name)
    _check_abilities(model, question)
    return actions.ask(
        person,
        model_name=model.name,
        messages=_to_read(model, question.messages),
        options=options.chosen(
            question.options, parameters=model.parameters, defaults=question.defaults
        ),
        client_key=client_key,
    )


def local_name(written: str) -> str:
    """The name without the suffix that says where the model runs; ours all run here."""
    rest, sources = written.strip(), []
    while (source := _source(rest)) is not None:
        cut = rest[: -len(source)].rstrip("-:")
        sources.append(source)
        rest = cut
    if len(set(sources)) > 1:
        message = f'use either :local or :cloud, not both: "{written}"'
        raise Refused(status=400, message=message)
    if "cloud" in sources:
        raise Refused(status=403, message=CLOUD_OFF)
    return rest


def _source(name: str) -> str | None:
    _, colon, tag = name.rpartition(":")
    if not colon:
        return None
    folded = tag.lower()
    if folded in ("cloud", "local"):
        return folded
    return "cloud" if folded.endswith("-cloud") else None


def _check_abilities(model: Model, question: Question) -> None:
    able = model.capabilities
    if question.has_images:
        raise Refused(status=400, message=IMAGES_REFUSED)
    if question.wants_tools:
        if "tools" not in able:
            full = ModelName.parse(model.name).full
            raise Refused(status=400, message=f"{full} does not support tools")
        raise Refused(status=400, message="tools are not supported by this portal yet")
    if question.wants_thinking and "thinking" not in able:
        message = f'"{question.model_name}" does not support thinking'
        raise Refused(status=400, message=message)


def _to_read(model: Model, messages: Sequence[protocol.Message]) -> tuple[protocol.Message, ...]:
    """What the model reads: its own system prompt first, unless the client brought one.

    Two turns of one role in a row become one, since many templates insist that roles take turns.
    """
    turns: list[protocol.Message] = []
    if model.system and messages[0].role != "system":
        turns.append(protocol.Message(role="system", content=model.system))
    for message in messages:
        if turns and turns[-1].role == message.role and message.role != "tool":
            content = f"{turns[-1].content}\n\n{message.content}"
            turns[-1] = protocol.Message(
                role=message.role, content=content, thinking=message.thinking
            )
        else:
            turns.append(message)
    return tuple(turns)
