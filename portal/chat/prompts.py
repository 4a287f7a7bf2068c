"""From rows to the request that a worker gets. Decides what the model reads, writes nothing."""

import logging
from collections.abc import Sequence
from typing import Any

import msgspec

from inference import protocol
from portal.accounts.queries import weight_of
from portal.catalog import queries as catalog
from portal.catalog.models import Model
from portal.chat.history import Written, as_said, merged, turns_before
from portal.chat.limits import PROMPT_CHARS_A_TOKEN
from portal.chat.models import Conversation, Door, Generation, Message
from portal.files.prompting import Writer
from portal.files.queries import has_any
from portal.presets import parameters
from portal.presets import queries as presets
from portal.presets.chosen import JSON_MODE
from portal.presets.models import ConversationSettings, Think

log = logging.getLogger(__name__)

PAGE_SECONDS = 6 * 3600
API_SECONDS = 3600
_LEVELS: dict[str, bool | protocol.ThinkLevel] = {
    Think.OFF: False,
    Think.ON: True,
    Think.LOW: "low",
    Think.MEDIUM: "medium",
    Think.HIGH: "high",
}


class Inputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Texts to make vectors of, or to score beside a query. `max_tokens` bounds each of them."""

    texts: tuple[str, ...]
    query: str = ""
    truncate: bool = True
    max_tokens: int | None = None


class Wishes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a program may want of an answer beside its text. Fields mean what the request's do."""

    format: protocol.Format | None = None
    logprobs: int | None = None
    tools: str = ""
    think: bool | protocol.ThinkLevel | None = None
    published: int = 0
    completion: protocol.Completion | None = None
    template: str | None = None
    truncate: bool = True
    shift: bool = False
    is_shown: bool = False


NO_WISHES = Wishes()


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `Generation.request` holds until the generation is over: all that may change meanwhile.

    `messages` is None for a page generation: those are read from the conversation. With `inputs`
    there is nothing to answer, and `messages` is empty. `beginning` are the model's own first
    messages, for a page generation; `is_own_system` says that its system prompt is a person's own.
    `sees`: it is shown the pictures of the conversation.
    """

    model: protocol.ModelSpec
    go_template: str | None = None
    beginning: tuple[protocol.Message, ...] = ()
    options: protocol.Options = protocol.Options()
    system: str = ""
    is_own_system: bool = False
    lane: protocol.Lane = "person"
    messages: tuple[protocol.Message, ...] | None = None
    inputs: Inputs | None = None
    wishes: Wishes = Wishes()
    sees: bool = False


def plan_for_page(model: Model, conversation: Conversation | None = None) -> dict[str, Any]:
    """As the conversation is set to at this moment; what it leaves open is the model's own."""
    chosen = presets.settings_of(conversation) if conversation else ConversationSettings()
    plan = Plan(
        model=catalog.spec_of(model, "answer"),
        go_template=model.go_template or None,
        options=options_of(parameters.over(model.parameters, chosen.parameters)),
        system=chosen.system or model.system,
        is_own_system=bool(chosen.system) and not presets.is_written_for_all(chosen),
        beginning=beginning_of(model),
        wishes=_wishes(model, chosen),
        sees="vision" in model.capabilities,
    )
    return _as_json(plan)


def plan_for_api(
    model: Model,
    *,
    messages: Sequence[protocol.Message],
    options: protocol.Options,
    lane: protocol.Lane,
    wishes: Wishes = NO_WISHES,
) -> dict[str, Any]:
    plan = Plan(
        model=catalog.spec_of(model, "answer"),
        go_template=model.go_template or None,
        options=options,
        lane=lane,
        messages=tuple(messages),
        wishes=wishes,
    )
    return _as_json(plan)


def plan_for_inputs(
    model: Model, *, task: protocol.Task, inputs: Inputs, lane: protocol.Lane
) -> dict[str, Any]:
    spec = catalog.spec_of(model, task)
    return _as_json(Plan(model=spec, lane=lane, messages=(), inputs=inputs))


def plan_of(generation: Generation) -> Plan:
    return msgspec.convert(generation.request, Plan)


def queue_of(generation: Generation) -> str | None:
    """The queue it waits in; None when it is over, for then nothing is left of the plan."""
    return plan_of(generation).model.queue if generation.request else None


def request_of(generation: Generation, *, weight: int | None = None) -> protocol.Request:
    """This attempt, ready to be queued. The same row gives the same request, but for the weight
    that its owner has now; `weight` is that, where it was read just before."""
    plan = plan_of(generation)
    messages = plan.messages
    if messages is None:
        messages = tuple(_conversation(generation, plan))
    inputs = plan.inputs or Inputs(texts=())
    return protocol.Request(
        generation_id=generation.id,
        attempt=generation.attempt,
        person=generation.owner_id.hex,
        weight=weight_of(generation.owner_id) if weight is None else weight,
        lane=plan.lane,
        model=plan.model,
        model_name=generation.model_name,
        messages=messages,
        options=plan.options,
        so_far=generation.so_far,
        deaths=generation.deaths,
        expires_at=expires_at(generation),
        format=plan.wishes.format,
        logprobs=plan.wishes.logprobs,
        tools=plan.wishes.tools,
        think=plan.wishes.think,
        published=_published(plan),
        inputs=inputs.texts,
        query=inputs.query,
        truncate=inputs.truncate and plan.wishes.truncate,
        max_input_tokens=inputs.max_tokens,
        go_template=plan.go_template,
        template=plan.wishes.template,
        completion=plan.wishes.completion,
        shift=plan.wishes.shift,
        is_shown=plan.wishes.is_shown,
    )


def expires_at(generation: Generation) -> float:
    """Unix seconds: when nobody wants the answer any more if it has not begun."""
    lasts_seconds = PAGE_SECONDS if generation.door == Door.PAGE else API_SECONDS
    return generation.created_at.timestamp() + lasts_seconds


def beginning_of(model: Model) -> tuple[protocol.Message, ...]:
    """The model's own first messages, as far as they are any."""
    found = []
    for each in model.messages:
        try:
            found.append(msgspec.convert(each, protocol.Message))
        except msgspec.ValidationError:
            log.warning("a first message of a model cannot be read and is not used")
    return tuple(found)


def options_of(parameters: dict[str, Any]) -> protocol.Options:
    """A model's own parameters, as far as they say how to sample; the rest says how to load it."""
    chosen: dict[str, Any] = {}
    for field in msgspec.structs.fields(protocol.Options):
        if field.name not in parameters:
            continue
        try:
            chosen[field.name] = msgspec.convert(parameters[field.name], field.type, strict=False)
        except msgspec.ValidationError:
            log.warning("parameter %s of a model is out of range and not used", field.name)
    return protocol.Options(**chosen)


def _wishes(model: Model, chosen: ConversationSettings) -> Wishes:
    """A model that cannot think is not told to: the conversation may have been set for another."""
    can_think = "thinking" in model.capabilities
    return Wishes(
        format=_format(chosen.format),
        think=_LEVELS.get(chosen.think) if can_think else None,
    )


def _format(text: str) -> protocol.Format | None:
    if not text:
        return None
    return protocol.Format() if text == JSON_MODE else protocol.Format(schema=text)


def _published(plan: Plan) -> int:
    """How many of the first messages an administrator wrote for everybody (threat B12)."""
    if plan.messages is not None:
        return plan.wishes.published
    if plan.is_own_system:
        return 0
    return int(bool(plan.system)) + len(plan.beginning)


def _conversation(generation: Generation, plan: Plan) -> list[protocol.Message]:
    """System prompt, then as many of the newest turns as the context could hold, oldest first."""
    message = generation.message
    if message is None:
        raise ValueError("a page generation answers a message")
    budget = plan.model.context_length * PROMPT_CHARS_A_TOKEN - len(plan.system)
    budget -= sum(len(turn.content) for turn in plan.beginning)
    written = _written(message, plan, most_chars=max(budget, 1))
    newest_first = [written(message)]
    budget -= len(newest_first[0].content)
    for turn in turns_before(message, written=written):
        budget -= len(turn.content)
        # A document that is too long by itself goes along: the worker shortens it.
        if budget < 0 and not turn.excerpts:
            break
        newest_first.append(turn)
        if budget < 0:
            break
    published = [protocol.Message(role="system", content=plan.system)] if plan.system else []
    return [*published, *plan.beginning, *merged(reversed(newest_first))]


def _written(message: Message, plan: Plan, *, most_chars: int) -> Written:
    """How questions become turns; where there are no files, nothing is asked about them."""
    if not has_any(message.conversation_id):
        return as_said
    return Writer(sees=plan.sees, most_chars=most_chars).turn


def _as_json(plan: Plan) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(plan)
    return data
