"""What a conversation is set to reaches the model, and nothing else does (F6, F22, B12)."""

from typing import Any
from uuid import uuid4

import pytest
from channels.db import database_sync_to_async

from inference import protocol
from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.catalog.models import Model
from portal.chat import prompts
from portal.chat.errors import BadCommand
from portal.chat.models import Conversation
from portal.presets import chosen, parameters
from portal.presets.models import ConversationSettings, Preset
from tests.doubles.tab import OpenTab, Tab
from tests.doubles.worker import Held, Worker

pytestmark = pytest.mark.django_db(transaction=True)

SCHEMA = '{"type": "object", "properties": {"a": {"type": "integer"}}}'
ALL: dict[str, Any] = {
    "system": "Speak like a pirate.",
    "parameters": {"temperature": 0.2, "seed": 7, "stop": ["END"], "num_predict": 100},
    "format": SCHEMA,
    "think": "high",
}


async def asked(tab: Tab, worker: Worker, **fields: Any) -> protocol.Request:
    """What the worker is given for a question of this tab."""
    reply = await tab.says(
        "message.send", text="Hello", client_key=uuid4(), model_name="scripted:latest", **fields
    )
    assert reply["type"] == "sent", reply
    held: Held = await database_sync_to_async(worker.takes)()
    await database_sync_to_async(held.ends)()
    return held.request


@pytest.fixture
def thinker(a_model: Model) -> Model:
    a_model.capabilities = ["completion", "thinking"]
    a_model.save()
    return a_model


async def test_a_new_conversation_is_set_as_its_first_message_says(
    open_tab: OpenTab, alice: Person, thinker: Model, worker: Worker
) -> None:
    tab = await open_tab(alice)

    request = await asked(tab, worker, conversation_id=None, settings=ALL)

    assert request.messages[0] == protocol.Message(role="system", content="Speak like a pirate.")
    assert request.options == protocol.Options(
        temperature=0.2, seed=7, stop=("END",), num_predict=100
    )
    assert request.format == protocol.Format(schema=SCHEMA)
    assert request.think == "high"


async def test_changed_settings_hold_from_the_next_answer_on_in_every_tab(
    open_tab: OpenTab, alice: Person, conversation: Conversation, thinker: Model, worker: Worker
) -> None:
    tab, other = await open_tab(alice), await open_tab(alice)

    changed = await tab.says("settings.change", conversation_id=conversation.id, settings=ALL)
    await other.until(lambda: other.pushed_of("changed"))
    seen = await other.says("settings.open", conversation_id=conversation.id)
    request = await asked(other, worker, conversation_id=conversation.id)

    assert changed["type"] == "ok"
    assert seen["settings"] == {**ALL, "preset_id": None}
    assert seen["can_think"] is True
    assert request.options.temperature == 0.2
    entry = await Entry.objects.aget(act="settings.changed")
    assert "pirate" not in str(entry.details)


async def test_what_is_not_chosen_is_as_the_model_does(
    open_tab: OpenTab, alice: Person, conversation: Conversation, thinker: Model, worker: Worker
) -> None:
    thinker.parameters = {"temperature": 0.5, "seed": 42, "num_ctx": 1024}
    thinker.system = "You are kind."
    await thinker.asave()
    tab = await open_tab(alice)
    only = {"parameters": {"top_k": 5, "seed": -1}}

    await tab.says("settings.change", conversation_id=conversation.id, settings=only)
    seen = await tab.says("settings.open", conversation_id=conversation.id)
    request = await asked(tab, worker, conversation_id=conversation.id)

    defaults = {each["name"]: each["default"] for each in seen["parameters"]}
    assert (defaults["temperature"], defaults["seed"], defaults["top_k"]) == (0.5, 42, 40)
    assert seen["model_system"] == request.messages[0].content == "You are kind."
    # Minus one is a seed of its own: another one each time.
    assert request.options == protocol.Options(temperature=0.5, top_k=5, seed=None)
    assert (request.format, request.think) == (None, None)


async def test_a_model_that_cannot_think_is_not_told_to(
    open_tab: OpenTab, alice: Person, a_model: Model, worker: Worker
) -> None:
    tab = await open_tab(alice)

    request = await asked(tab, worker, conversation_id=None, settings={"think": "high"})

    assert request.think is None


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"parameters": {"temperature": 101}}, "Temperature must be a number from 0 to 100."),
    ({"parameters": {"temperature": -0.1}}, "Temperature must be a number from 0 to 100."),
    ({"parameters": {"temperature": "hot"}}, "Temperature must be a number from 0 to 100."),
    ({"parameters": {"top_k": 1.5}}, "Top K must be a whole number from 0 to 1000000."),
    ({"parameters": {"seed": 2**32}}, "Seed must be a whole number from -1 to 4294967295."),
    ({"parameters": {"num_predict": 10**300}}, "Longest answer must be a whole number"),
    # No number of a computer's is as large: comparing it must not fail either (threat C7).
    ({"parameters": {"temperature": 10**400}}, "Temperature must be a number from 0 to 100."),
    ({"parameters": {"top_k": -(10**400)}}, "Top K must be a whole number from 0 to 1000000."),
    ({"parameters": {"stop": [""]}}, "At most 32 stop texts fit"),
    ({"parameters": {"stop": ["x"] * 33}}, "At most 32 stop texts fit"),
    ({"parameters": {"warmth": 1}}, "There is no parameter “warmth”."),
    *(
        ({"parameters": {name: 1}}, f"“{name}” is decided by your administrator")
        for name in sorted(parameters.DECIDED_FOR_ALL)
    ),
    ({"format": "{"}, "This is not JSON: something is wrong in line 1, at character 2."),
    ({"format": "[1]"}, "A JSON Schema is an object"),
    ({"format": "[" * 50_000}, "nested too deep"),
    ({"system": "x" * 50_001}, "A system prompt has at most 50000 characters."),
    ({"system": "a\x00b"}, "a character that cannot be stored"),
]


@pytest.mark.threat("F6")
@pytest.mark.threat("F22")
@pytest.mark.parametrize(("settings", "words"), WRONG, ids=[str(each[0])[:50] for each in WRONG])
async def test_what_cannot_be_is_refused_in_a_sentence_and_changes_nothing(
    open_tab: OpenTab,
    alice: Person,
    conversation: Conversation,
    settings: dict[str, Any],
    words: str,
) -> None:
    tab = await open_tab(alice)

    checked = await tab.says("settings.check", settings=settings)
    refused = await tab.says("settings.change", conversation_id=conversation.id, settings=settings)
    sent = await tab.says(
        "message.send",
        conversation_id=None,
        text="Hello",
        client_key=uuid4(),
        model_name="scripted:latest",
        settings=settings,
    )

    assert [checked["type"], refused["type"], sent["type"]] == ["refusal"] * 3
    assert words in refused["message"]
    assert checked["message"] == refused["message"] == sent["message"]
    assert not await ConversationSettings.objects.aexists()
    assert await Conversation.objects.acount() == 1


@pytest.mark.threat("F22")
async def test_no_setting_changes_how_a_model_is_loaded(
    open_tab: OpenTab, alice: Person, thinker: Model, worker: Worker
) -> None:
    tab = await open_tab(alice)

    plain = await asked(tab, worker, conversation_id=None)
    chosen_all = await asked(tab, worker, conversation_id=None, settings=ALL)

    assert chosen_all.model == plain.model


@pytest.mark.threat("B12")
async def test_a_persons_own_system_prompt_is_shared_with_nobody(
    open_tab: OpenTab, alice: Person, a_model: Model, worker: Worker
) -> None:
    """What a model made of it would tell others, by its speed, that she has it."""
    a_model.system = "You are kind."
    a_model.messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}]
    await a_model.asave()
    everyones = await Preset.objects.acreate(name="A", system="Be brief.", is_for_everyone=True)
    somebodys = await Preset.objects.acreate(
        name="B", system="Be brief.", owner=alice, is_for_everyone=True
    )
    tab = await open_tab(alice)

    async def published(**settings: Any) -> int:
        return (await asked(tab, worker, conversation_id=None, settings=settings)).published

    assert await published() == 3
    assert await published(system="Be brief.") == 0
    assert await published(system="Be brief.", preset_id=everyones.id) == 3
    assert await published(system="Be brief!", preset_id=everyones.id) == 0
    assert await published(system="Be brief.", preset_id=somebodys.id) == 0


def test_each_parameter_is_one_that_the_worker_knows_with_a_range_it_takes() -> None:
    fields = set(protocol.Options.__struct_fields__)

    assert {each.name for each in parameters.PARAMETERS} == fields
    for each in parameters.PARAMETERS:
        for given in (each.least, each.most) if each.kind != "texts" else ():
            stored = parameters.checked({each.name: given})
            value = getattr(prompts.options_of(parameters.over({}, stored)), each.name)
            # Nothing is what the worker is told where people write minus one.
            assert value == given or (value is None and given == -1)


def test_a_form_with_a_wrong_shape_is_refused_in_a_sentence() -> None:
    with pytest.raises(BadCommand) as refused:
        chosen.read({"parameters": [1]})

    assert "object of names and values" in str(refused.value)
