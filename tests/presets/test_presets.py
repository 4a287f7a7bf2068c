"""Presets and templates: one's own, and those that the administration published."""

import json
from typing import Any
from uuid import uuid4

import pytest
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from portal.accounts.models import Person
from portal.audit.models import Entry
from portal.chat.errors import Forbidden
from portal.presets import actions
from portal.presets.models import ConversationSettings, Preset, PromptTemplate
from tests.doubles.tab import OpenTab

pytestmark = pytest.mark.django_db(transaction=True)

EDITOR: dict[str, Any] = {
    "name": "Editor",
    "icon": "✏️",
    "description": "Makes texts shorter.",
    "model_name": "scripted:latest",
    "starters": ["Shorten this:", "Which words are too many?"],
    "settings": {"system": "Shorten.", "parameters": {"temperature": 0.1}},
}


async def test_a_preset_of_ones_own_is_there_on_every_device(
    open_tab: OpenTab, alice: Person
) -> None:
    laptop, phone = await open_tab(alice), await open_tab(alice)

    saved = await laptop.says("preset.save", preset_id=None, client_key=uuid4(), preset=EDITOR)
    listed = (await phone.says("presets.list"))["presets"]

    assert listed == [saved["preset"]]
    assert listed[0]["settings"]["system"] == "Shorten."
    assert listed[0]["starters"] == EDITOR["starters"]
    assert listed[0]["is_own"] is True


async def test_one_press_makes_one_preset(open_tab: OpenTab, alice: Person) -> None:
    tab, key = await open_tab(alice), uuid4()

    first = await tab.says("preset.save", preset_id=None, client_key=key, preset=EDITOR)
    again = await tab.says("preset.save", preset_id=None, client_key=key, preset=EDITOR)
    other = {**EDITOR, "description": "Something else."}
    refused = await tab.says("preset.save", preset_id=None, client_key=key, preset=other)

    assert first["preset"] == again["preset"]
    assert refused["code"] == "conflict"
    assert await Preset.objects.acount() == 1


@pytest.mark.threat("I1")
async def test_what_one_has_of_them_is_bounded_in_all_and_can_be_shortened_again(
    open_tab: OpenTab, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are listed in one frame: thousands of long ones would fill the server's memory."""
    tab = await open_tab(alice)

    async def save(name: str, prompt: str, preset_id: str | None = None) -> dict[str, Any]:
        preset = {"name": name, "settings": {"system": prompt}}
        reply: dict[str, Any] = await tab.says(
            "preset.save", preset_id=preset_id, client_key=uuid4(), preset=preset
        )
        return reply

    first = (await save("One", "x" * 50))["preset"]["id"]
    monkeypatch.setattr(actions, "MAX_CHARS_KEPT", 40)
    more, longer = await save("Two", "y"), await save("One", "x" * 51, first)
    shorter = await save("One", "x" * 45, first)
    template = await tab.says(
        "template.save", template_id=None, client_key=uuid4(), name="long", text="z" * 41
    )

    assert [each["code"] for each in (more, longer, template)] == ["too-much"] * 3
    assert "Nothing was saved" in longer["message"]
    assert shorter["preset"]["settings"]["system"] == "x" * 45
    assert await Preset.objects.acount() == 1
    assert not await PromptTemplate.objects.aexists()


async def test_two_of_ones_own_cannot_have_one_name(open_tab: OpenTab, alice: Person) -> None:
    tab = await open_tab(alice)
    await tab.says("preset.save", preset_id=None, client_key=uuid4(), preset=EDITOR)

    twin = {**EDITOR, "name": "EDITOR"}
    refused = await tab.says("preset.save", preset_id=None, client_key=uuid4(), preset=twin)

    assert refused["message"] == "You have one of this name already. Choose another name."
    assert await Preset.objects.acount() == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "  "}, "A preset needs a name."),
        ({"name": "x" * 81}, "is too long."),
        ({"starters": ["x"] * 9}, "At most 8 starters fit"),
        ({"settings": {"parameters": {"top_p": 2}}}, "Top P must be a number from 0 to 1."),
    ],
)
async def test_a_preset_that_cannot_be_is_refused_in_a_sentence(
    open_tab: OpenTab, alice: Person, fields: dict[str, Any], words: str
) -> None:
    tab = await open_tab(alice)

    refused = await tab.says(
        "preset.save", preset_id=None, client_key=uuid4(), preset={**EDITOR, **fields}
    )

    assert words in refused["message"]
    assert not await Preset.objects.aexists()


@pytest.mark.threat("B9")
async def test_what_is_published_to_a_group_is_seen_by_its_members_alone(
    open_tab: OpenTab, alice: Person, bob: Person, carol_the_admin: Person
) -> None:
    sales = await Group.objects.acreate(name="Sales")
    await alice.groups.aadd(sales)
    for_sales = await Preset.objects.acreate(name="Offers", system="secret")
    await for_sales.groups.aadd(sales)
    await Preset.objects.acreate(name="Hidden", system="secret")
    await Preset.objects.acreate(name="Bob's", system="secret", owner=bob)
    await Preset.objects.acreate(name="Everybody", is_for_everyone=True)

    async def names(person: Person) -> list[str]:
        tab = await open_tab(person)
        return [each["name"] for each in (await tab.says("presets.list"))["presets"]]

    assert await names(alice) == ["Everybody", "Offers"]
    assert await names(bob) == ["Bob's", "Everybody"]
    assert await names(carol_the_admin) == ["Everybody"]


@pytest.mark.threat("B4")
async def test_a_published_preset_is_changed_by_nobody_from_the_page(
    open_tab: OpenTab, carol_the_admin: Person
) -> None:
    published = await Preset.objects.acreate(name="Everybody", is_for_everyone=True)
    tab = await open_tab(carol_the_admin)

    changed = await tab.says(
        "preset.save", preset_id=published.id, client_key=uuid4(), preset=EDITOR
    )
    deleted = await tab.says("preset.delete", preset_id=published.id)

    assert (changed["code"], deleted["code"]) == ("forbidden", "forbidden")
    assert (await Preset.objects.aget()).name == "Everybody"


async def test_a_preset_that_is_gone_leaves_conversations_as_they_were_set(
    open_tab: OpenTab, alice: Person, conversation: Any
) -> None:
    tab = await open_tab(alice)
    saved = (await tab.says("preset.save", preset_id=None, client_key=uuid4(), preset=EDITOR))[
        "preset"
    ]
    chosen = {**saved["settings"], "preset_id": saved["id"]}
    await tab.says("settings.change", conversation_id=conversation.id, settings=chosen)
    with_it = await tab.says("settings.open", conversation_id=conversation.id)

    await tab.says("preset.delete", preset_id=saved["id"])
    without = await tab.says("settings.open", conversation_id=conversation.id)

    assert with_it["preset"]["name"] == "Editor"
    assert (without["preset"], without["settings"]["preset_id"]) == (None, None)
    assert without["settings"]["system"] == "Shorten."


@pytest.mark.threat("B3")
async def test_naming_anothers_preset_tells_nothing_of_it(
    open_tab: OpenTab, alice: Person, bob: Person, conversation: Any
) -> None:
    bobs = await Preset.objects.acreate(name="Bob's", system="secret", owner=bob)
    tab = await open_tab(alice)

    for preset_id in (bobs.id, uuid4()):
        fields = {"settings": {"preset_id": preset_id}}
        changed = await tab.says("settings.change", conversation_id=conversation.id, **fields)
        seen = await tab.says("settings.open", conversation_id=conversation.id)
        assert (changed["type"], seen["preset"]) == ("ok", None)
        assert seen["settings"]["preset_id"] is None
        assert (await ConversationSettings.objects.aget()).preset_id is None


async def test_a_template_is_kept_changed_and_deleted(open_tab: OpenTab, alice: Person) -> None:
    tab = await open_tab(alice)
    fields = {"name": "/Translate", "text": " Into {{language:English}}: {{text}} "}

    saved = (await tab.says("template.save", template_id=None, client_key=uuid4(), **fields))[
        "template"
    ]
    changed = await tab.says(
        "template.save", template_id=saved["id"], client_key=uuid4(), name="übersetze", text="x"
    )
    listed = (await tab.says("templates.list"))["templates"]
    await tab.says("template.delete", template_id=saved["id"])

    assert (saved["name"], saved["text"]) == ("translate", "Into {{language:English}}: {{text}}")
    assert [changed["template"]] == listed
    assert (await tab.says("templates.list"))["templates"] == []


@pytest.mark.parametrize("name", ["", "two words", "set", "/CLEAR", "a/b", "x" * 41, "-x"])
async def test_a_template_cannot_be_called_what_is_typed_for_something_else(
    open_tab: OpenTab, alice: Person, name: str
) -> None:
    tab = await open_tab(alice)

    refused = await tab.says(
        "template.save", template_id=None, client_key=uuid4(), name=name, text="x"
    )

    assert refused["code"] == "bad-command"
    assert "Choose another name." in refused["message"] or "one word" in refused["message"]


# ── Published by the administration ─────────────────────────────────────────────────────────────


@pytest.fixture
def carols_browser(carol_the_admin: Person) -> Client:
    client = Client()
    client.force_login(carol_the_admin, backend=settings.AUTHENTICATION_BACKENDS[0])
    return client


PUBLISHED = {
    "name": "Lawyer",
    "icon": "⚖️",
    "system": "Name the paragraph.",
    "starters": "Check this contract:\n\nWhat does this clause mean?",
    "parameters": '{"temperature": 0.1}',
    "is_for_everyone": "on",
}


def test_an_administrator_publishes_a_preset_and_it_is_in_the_record(
    carols_browser: Client, carol_the_admin: Person
) -> None:
    done = carols_browser.post(reverse("admin:presets_preset_add"), PUBLISHED)

    preset = Preset.objects.get()
    assert done.status_code == 302
    assert preset.owner is None
    assert preset.starters == ["Check this contract:", "What does this clause mean?"]
    assert preset.parameters == {"temperature": 0.1}
    entry = Entry.objects.get(act="preset.published")
    assert entry.person == carol_the_admin
    assert "paragraph" not in json.dumps(entry.details)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("parameters", '{"temperature": 1000}', "Temperature must be a number from 0 to 100."),
        ("parameters", "[1]", "object of names and values"),
        ("parameters", '{"num_ctx": 1}', "is decided by your administrator"),
        ("format", "{", "This is not JSON"),
        ("starters", "x\n" * 9, "At most 8 starters fit"),
    ],
)
def test_a_published_preset_is_held_to_the_same_rules(
    carols_browser: Client, field: str, value: str, words: str
) -> None:
    page = carols_browser.post(reverse("admin:presets_preset_add"), {**PUBLISHED, field: value})

    assert words in page.content.decode().replace("&quot;", '"')
    assert not Preset.objects.exists()


def test_a_published_template_and_preset_are_withdrawn_with_a_record(
    carols_browser: Client,
) -> None:
    fields = {"name": "translate", "text": "Into {{language}}:", "is_for_everyone": "on"}
    carols_browser.post(reverse("admin:presets_prompttemplate_add"), fields)
    template = PromptTemplate.objects.get()

    address = reverse("admin:presets_prompttemplate_delete", args=[template.id])
    carols_browser.post(address, {"post": "yes"})

    assert not PromptTemplate.objects.exists()
    assert list(
        Entry.objects.filter(act__startswith="template.").values_list("act", flat=True)
    ) == [
        "template.withdrawn",
        "template.published",
    ]


@pytest.mark.threat("B9")
def test_the_administration_never_shows_what_people_keep_for_themselves(
    carols_browser: Client, alice: Person, carol_the_admin: Person
) -> None:
    hers = Preset.objects.create(name="canary-name", system="canary", owner=alice)
    template = PromptTemplate.objects.create(name="canary", text="canary", owner=alice)

    for kind, thing in (("preset", hers), ("prompttemplate", template)):
        listed = carols_browser.get(reverse(f"admin:presets_{kind}_changelist"))
        one = carols_browser.get(reverse(f"admin:presets_{kind}_change", args=[thing.pk]))
        assert "canary" not in listed.content.decode()
        assert one.status_code == 302
    for act in (actions.withdraw, lambda person, it: actions.publish(person, it, changed=[])):
        with pytest.raises(Forbidden):
            act(carol_the_admin, hers)


@pytest.mark.threat("B6")
def test_only_who_may_publish_does(alice: Person) -> None:
    alice.is_staff = True
    alice.save()

    with pytest.raises(Forbidden):
        actions.publish(alice, Preset(name="Mine for all", is_for_everyone=True), changed=[])


# ── Models ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_tab_is_told_what_is_in_memory_and_may_ask_for_more(
    open_tab: OpenTab, alice: Person, a_model: Any, worker: Any
) -> None:
    tab = await open_tab(alice)

    before = (await tab.says("models.look"))["standings"]
    asked = await tab.says("model.load", model_name="scripted:latest")
    wanted = await database_sync_to_async(worker.redis.keys)("portal:awaited:*")

    assert [(each["model_name"], each["state"]) for each in before] == [("scripted:latest", "away")]
    assert asked["type"] == "ok"
    assert len(wanted) == 1


@pytest.mark.threat("B16")
async def test_who_may_not_use_a_model_can_neither_load_nor_read_of_it(
    open_tab: OpenTab, alice: Person, a_model: Any
) -> None:
    a_model.is_for_everyone = False
    await a_model.asave()
    tab = await open_tab(alice)

    loaded = await tab.says("model.load", model_name="scripted:latest")
    shown = await tab.says("model.show", model_name="scripted:latest", topic="modelfile")
    opened = await tab.says("settings.open", model_name="scripted:latest")

    assert (loaded["code"], shown["code"]) == ("not-found", "not-found")
    assert opened["model_system"] == ""
    assert (await tab.says("models.look"))["standings"] == []
