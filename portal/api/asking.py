"""From a question in anybody's dialect to a generation on the road. Not for reading answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from inference import protocol
from portal.accounts.models import Person
from portal.api import images, options
from portal.api.errors import Refused
from portal.catalog import access
from portal.catalog.models import Model
from portal.catalog.names import ModelName, NotAName
from portal.chat import actions
from portal.chat.errors import NotFound
from portal.chat.models import Generation
from portal.chat.prompts import Wishes

CLOUD_OFF = "ollama cloud is disabled: remote model is unavailable"
IMAGES_REFUSED = "Invalid content type. image_url is only supported by certain models."


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a client wants answered. `model_name` is as she wrote it; `options` are unchecked."""

    model_name: str
    messages: Sequence[protocol.Message]
    options: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    wishes: Wishes = field(default_factory=Wishes)
    has_sound: bool = False


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
    messages = _to_read(model, question.messages)
    # Theirs to the letter, whoever sent it: what was made of it may be shared between people.
    published = messages[0] == protocol.Message(role="system", content=model.system)
    return actions.ask(
        person,
        model_name=model.name,
        messages=messages,
        wishes=replace(question.wishes, published=int(published and bool(model.system))),
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
    images.check_count(question.messages)
    has_images = any(message.images for message in question.messages)
    if question.has_sound or (has_images and "vision" not in able):
        raise Refused(status=400, message=IMAGES_REFUSED)
    if question.wishes.tools and "tools" not in able:
        full = ModelName.parse(model.name).full
        raise Refused(status=400, message=f"{full} does not support tools")
    if question.wishes.think and "thinking" not in able:
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
        if turns and _are_one(turns[-1], message):
            turns[-1] = replace(
                message,
                content=f"{images.placed(turns[-1])}\n\n{images.placed(message)}",
                images=(*turns[-1].images, *message.images),
            )
        else:
            turns.append(message)
    return tuple(turns)


def _are_one(before: protocol.Message, after: protocol.Message) -> bool:
    if before.role != after.role or after.role == "tool":
        return False
    return not (before.tool_calls or after.tool_calls)
