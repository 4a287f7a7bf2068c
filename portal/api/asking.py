"""From a question in anybody's dialect to a generation on the road. Not for reading answers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from msgspec.structs import replace

from inference import protocol
from portal.accounts.models import Person
from portal.api import images, options
from portal.api.errors import Refused
from portal.api.ollama import titling
from portal.catalog import access
from portal.catalog.models import Model
from portal.catalog.names import ModelName, NotAName
from portal.chat import actions
from portal.chat.errors import NotFound
from portal.chat.models import Generation
from portal.chat.prompts import Wishes, beginning_of

# What is asked for, as their refusals name it.
Task = Literal["chat", "generate"]
CLOUD_OFF = "ollama cloud is disabled: remote model is unavailable"
_THINKER = re.compile(r"(?:^|/)deepseek-r1(?::|$)", re.IGNORECASE)
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>\s*", re.DOTALL)
# Longer than any name with its suffixes: looking on for more of them would take hours.
MAX_WRITTEN_CHARS = 1_000
_PULL_AGAIN = ". Pull the model again to get the latest version with full thinking support"
_ONE_IMAGE = "this model only supports one image while more than one image requested"
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
    task: Task = "chat"
    system: str = ""
    # What Ollama finds out only once the model is chosen, and refuses after all else.
    refusal: Refused | None = None
    # A wish to think is no reason to refuse a model that cannot: it is dropped.
    thinks_if_able: bool = False


def model_for(person: Person, written: str, *, task: Task = "chat") -> Model:
    """The model meant by `written`, if this person may use it; else the refusal clients know."""
    model = found_model(person, written, task=task)
    _must_answer(model, written, task=task)
    return model


def found_model(person: Person, written: str, *, task: Task) -> Model:
    """As `model_for`, whatever it can do."""
    if not written.strip():
        if task == "generate":
            raise Refused(status=404, message="model '' not found")
        raise Refused(status=400, message="model is required")
    try:
        name = ModelName.parse(local_name(written))
    except NotAName:
        raise Refused(status=400, message="invalid model name") from None
    try:
        return access.model_for_use(person, name.short)
    except NotFound:
        raise Refused(status=404, message=f"model '{written}' not found") from None


def check(person: Person, question: Question) -> Model:
    """The model, when it can do what is asked for. The order of what is refused is theirs."""
    model = found_model(person, question.model_name, task=question.task)
    _check_thinking(model, question)
    _must_answer(model, question.model_name, task=question.task)
    _check_abilities(model, question)
    _check_pictures(model, question)
    return model


def check_to_load(person: Person, question: Question) -> Model:
    """As `check`, where nothing is asked but that the model be in memory."""
    model = check(person, question)
    _options(model, question)
    return model


def begin(
    person: Person, question: Question, *, client_key: UUID, is_first_press: bool = False
) -> Generation:
    """Check all of it, then queue it. The same `client_key` again gives the same generation;
    `is_first_press` says that nobody had it before."""
    model = check(person, question)
    chosen = _options(model, question)
    if question.refusal is not None:
        raise question.refusal
    own = _own_messages(model, question)
    messages = _merged([*own, *_without_thoughts(model, question.messages)])
    # Theirs to the letter, whoever sent it: what was made of it may be shared between people.
    theirs = _published(model)
    published = _beginning_alike(messages, theirs) if theirs else 0
    wishes = replace(
        question.wishes,
        published=published,
        think=None if _cannot_think(model, question) else question.wishes.think,
    )
    is_title = titling.is_for_title(question.messages)
    return actions.ask(
        person,
        model_name=model.name,
        messages=messages,
        wishes=titling.unthinking(wishes, model) if is_title else wishes,
        options=titling.short(chosen) if is_title else chosen,
        client_key=client_key,
        lane="background" if is_title else "api",
        found=model,
        is_first_press=is_first_press,
    )


def local_name(written: str, *, cloud_off: str = CLOUD_OFF) -> str:
    """The name without the suffix that says where the model runs; ours all run here."""
    rest, sources = written.strip(), []
    if len(rest) > MAX_WRITTEN_CHARS:
        return rest  # which is no name
    while (source := _source(rest)) is not None:
        cut = rest[: -len(source)].rstrip("-:")
        sources.append(source)
        rest = cut
    if len(set(sources)) > 1:
        message = f'use either :local or :cloud, not both: "{written}"'
        raise Refused(status=400, message=message)
    if "cloud" in sources:
        raise Refused(status=403, message=cloud_off)
    return rest


def _source(name: str) -> str | None:
    _, colon, tag = name.rpartition(":")
    if not colon:
        return None
    folded = tag.lower()
    if folded in ("cloud", "local"):
        return folded
    return "cloud" if folded.endswith("-cloud") else None


def _check_thinking(model: Model, question: Question) -> None:
    if _cannot_think(model, question) and not question.thinks_if_able:
        advice = _PULL_AGAIN if _keeps_thoughts(model) else ""
        message = f'"{question.model_name}" does not support thinking{advice}'
        raise Refused(status=400, message=message)


def _cannot_think(model: Model, question: Question) -> bool:
    return bool(question.wishes.think) and "thinking" not in model.capabilities


def _must_answer(model: Model, written: str, *, task: Task) -> None:
    if "completion" not in (model.capabilities or ["completion"]):
        raise Refused(status=400, message=f'"{written}" does not support {task}')


def _check_abilities(model: Model, question: Question) -> None:
    completion = question.wishes.completion
    wanted = {
        "insert": completion is not None and bool(completion.suffix),
        "tools": bool(question.wishes.tools),
    }
    missing = [each for each in wanted if wanted[each] and each not in model.capabilities]
    if missing:
        full, listed = ModelName.parse(model.name).full, "\n".join(missing)
        raise Refused(status=400, message=f"{full} does not support {listed}")


def _check_pictures(model: Model, question: Question) -> None:
    images.check_count(question.messages)
    most = max((len(message.images) for message in question.messages), default=0)
    if question.has_sound or (most and "vision" not in model.capabilities):
        raise Refused(status=400, message=IMAGES_REFUSED)
    if model.family == "mllama" and most > 1:
        raise Refused(status=500 if question.task == "chat" else 400, message=_ONE_IMAGE)


def _options(model: Model, question: Question) -> protocol.Options:
    return options.chosen(question.options, parameters=model.parameters, defaults=question.defaults)


def _own_messages(model: Model, question: Question) -> list[protocol.Message]:
    """What the model reads before the client's own words.

    Its own system prompt, unless the client brought one; then its first messages. A prompt that is
    sent as it is, or that has something behind it, is read by itself.
    """
    completion = question.wishes.completion
    if completion is not None and (completion.is_raw or completion.suffix):
        return []
    system = question.system or model.system
    has_own = question.messages[0].role == "system"
    turns = [protocol.Message(role="system", content=system)] if system and not has_own else []
    goes_on = completion is not None and completion.context
    return turns if goes_on else [*turns, *beginning_of(model)]


def _without_thoughts(model: Model, messages: Sequence[protocol.Message]) -> list[protocol.Message]:
    """For these families, without what earlier answers thought: their templates keep it."""
    if not _keeps_thoughts(model):
        return list(messages)
    asked = [at for at, message in enumerate(messages) if message.role == "user"]
    last = asked[-1] if asked else 0
    return [
        replace(message, content=_THOUGHT.sub("", message.content, count=1))
        if message.role == "assistant" and at < last
        else message
        for at, message in enumerate(messages)
    ]


def _keeps_thoughts(model: Model) -> bool:
    return model.family == "qwen3" or bool(_THINKER.search(model.name))


def _published(model: Model) -> list[protocol.Message]:
    """What an administrator wrote for everybody."""
    system = [protocol.Message(role="system", content=model.system)] if model.system else []
    return [*system, *beginning_of(model)]


def _beginning_alike(
    messages: Sequence[protocol.Message], others: Sequence[protocol.Message]
) -> int:
    """How many of the first ones are the same."""
    pairs = enumerate(zip(messages, others, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(messages), len(others)))


def _merged(messages: Sequence[protocol.Message]) -> tuple[protocol.Message, ...]:
    """Two turns of one role in a row as one, since many templates insist that roles take turns."""
    turns: list[protocol.Message] = []
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
