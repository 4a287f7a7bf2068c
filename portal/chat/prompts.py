"""From rows to the request that a worker gets. Decides what the model reads, writes nothing."""

import logging
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import msgspec

from inference import protocol
from portal.accounts.queries import weight_of
from portal.catalog import queries as catalog
from portal.catalog.models import Model
from portal.chat.limits import PROMPT_CHARS_A_TOKEN
from portal.chat.models import Door, Generation, Message, State

log = logging.getLogger(__name__)

PAGE_SECONDS = 6 * 3600
API_SECONDS = 3600
_MESSAGES_A_READ = 200
_USABLE = (State.COMPLETE, State.STOPPED, State.INTERRUPTED)


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
    messages, for a page generation.
    """

    model: protocol.ModelSpec
    go_template: str | None = None
    beginning: tuple[protocol.Message, ...] = ()
    options: protocol.Options = protocol.Options()
    system: str = ""
    lane: protocol.Lane = "person"
    messages: tuple[protocol.Message, ...] | None = None
    inputs: Inputs | None = None
    wishes: Wishes = Wishes()


def plan_for_page(model: Model) -> dict[str, Any]:
    plan = Plan(
        model=catalog.spec_of(model, "answer"),
        go_template=model.go_template or None,
        options=options_of(model.parameters),
        system=model.system,
        beginning=beginning_of(model),
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


def request_of(generation: Generation) -> protocol.Request:
    """This attempt, ready to be queued. The same row gives the same request, but for the weight
    that its owner has now."""
    plan = plan_of(generation)
    messages = plan.messages
    if messages is None:
        messages = tuple(_conversation(generation, plan))
    inputs = plan.inputs or Inputs(texts=())
    has_own_system = plan.messages is None and bool(plan.system)
    return protocol.Request(
        generation_id=generation.id,
        attempt=generation.attempt,
        person=generation.owner_id.hex,
        weight=weight_of(generation.owner_id),
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
        published=int(has_own_system) + len(plan.beginning) or plan.wishes.published,
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


def _conversation(generation: Generation, plan: Plan) -> list[protocol.Message]:
    """System prompt, then as many of the newest turns as the context could hold, oldest first."""
    message = generation.message
    if message is None:
        raise ValueError("a page generation answers a message")
    budget = plan.model.context_length * PROMPT_CHARS_A_TOKEN - len(plan.system)
    budget -= sum(len(turn.content) for turn in plan.beginning)
    newest_first = [protocol.Message(role="user", content=message.text)]
    budget -= len(message.text)
    for turn in _turns_before(message):
        budget -= len(turn.content)
        if budget < 0:
            break
        newest_first.append(turn)
    published = [protocol.Message(role="system", content=plan.system)] if plan.system else []
    return [*published, *plan.beginning, *merged(reversed(newest_first))]


def merged(turns: Iterator[protocol.Message]) -> list[protocol.Message]:
    """Two questions in a row, where the answer between them failed, are one: many templates insist
    that the roles take turns."""
    result: list[protocol.Message] = []
    for turn in turns:
        if result and result[-1].role == turn.role == "user":
            turn = protocol.Message(role="user", content=f"{result[-1].content}\n\n{turn.content}")
            result.pop()
        result.append(turn)
    # A cut may leave an answer in front of its question.
    begins = next((i for i, turn in enumerate(result) if turn.role != "system"), 0)
    if result[begins].role == "assistant":
        del result[begins]
    return result


def _turns_before(message: Message) -> Iterator[protocol.Message]:
    """The turns that lead to this message, newest first, read in pages (threats H12, I3)."""
    wanted = message.after_id
    older = Message.objects.filter(
        conversation_id=message.conversation_id, created_at__lte=message.created_at
    ).exclude(id=message.id)
    offset = 0
    while wanted is not None:
        page = list(
            older.order_by("-created_at", "-id").only("id", "after_id", "text")[
                offset : offset + _MESSAGES_A_READ
            ]
        )
        if not page:
            return
        offset += len(page)
        answers = _answers_to([each.id for each in page])
        for each in page:
            generations = answers.get(each.id, [])
            if wanted not in {answer.id for answer in generations}:
                continue
            usable = [a for a in generations if a.state in _USABLE and a.text.strip()]
            if usable:
                yield protocol.Message(role="assistant", content=usable[-1].text)
            yield protocol.Message(role="user", content=each.text)
            wanted = each.after_id
            if wanted is None:
                return


def _answers_to(message_ids: list[UUID]) -> dict[UUID, list[Generation]]:
    answers: dict[UUID, list[Generation]] = {}
    found = Generation.objects.filter(message_id__in=message_ids).only(
        "id", "message_id", "state", "text", "created_at"
    )
    for answer in found.order_by("created_at", "id"):
        if answer.message_id is not None:
            answers.setdefault(answer.message_id, []).append(answer)
    return answers


def _as_json(plan: Plan) -> dict[str, Any]:
    data: dict[str, Any] = msgspec.to_builtins(plan)
    return data
