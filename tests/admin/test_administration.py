"""The administration: everything she needs, nothing that anybody wrote, and a row for each act."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse
from django.utils import timezone
from kombu.exceptions import OperationalError

from inference import protocol
from portal.accounts.models import ApiKey, Person, Usage
from portal.audit.models import Entry
from portal.catalog import aliases, queries, tasks
from portal.catalog.models import Model, ModelState
from portal.chat.models import Conversation, Generation, Message, NextQuestion, Rating
from portal.presets.models import Preset, PromptTemplate
from portal.streams import requests
from portal.streams.connection import client as redis_client
from tests.admin.conftest import CANARY

pytestmark = pytest.mark.django_db

LISTS = (
    "catalog_model",
    "chat_generation",
    "chat_rating",
    "accounts_person",
    "auth_group",
    "accounts_apikey",
    "accounts_usage",
    "audit_entry",
    "presets_preset",
    "presets_prompttemplate",
)


@pytest.fixture
def everything(
    small_model: Model,
    running: Generation,
    sales: Group,
    alice: Person,
    alices_key: tuple[ApiKey, str],
) -> dict[str, Any]:
    """One object for each list."""
    return {
        "catalog_model": small_model,
        "chat_generation": running,
        "chat_rating": Rating.objects.create(
            generation=running, model_name="m", verdict="good", rated_at=timezone.now()
        ),
        "accounts_person": alice,
        "auth_group": sales,
        "accounts_apikey": alices_key[0],
        "accounts_usage": Usage.objects.create(
            day=timezone.now().date(), person=alice, key=alices_key[0], answers=1
        ),
        "audit_entry": Entry.objects.first(),
        "presets_preset": Preset.objects.create(name="Lawyer", is_for_everyone=True),
        "presets_prompttemplate": PromptTemplate.objects.create(name="translate", text="Into:"),
        "alias": aliases.point_alias(None, name="general", model_id=small_model.id),
    }


@pytest.fixture
def pages(everything: dict[str, Any]) -> list[str]:
    """Every page there is: lists, searches, objects, histories, forms, removals, popups."""
    found = [reverse("admin:index"), reverse("admin:jsi18n")]
    found += [f"{reverse('admin:search')}?s=a"]
    for name, thing in ((name, everything[name]) for name in LISTS):
        address = reverse(f"admin:{name}_changelist")
        label = name.split("_", maxsplit=1)[0]
        found += [
            reverse("admin:app_list", args=[label]),
            address,
            f"{address}?q={CANARY[:6]}",
            f"{address}?_popup=1",
            f"{address}?_popup=1&_to_field=id",
            f"{address}?o=1",
            f"{address}?all=",
            reverse(f"admin:{name}_change", args=[thing.pk]),
            reverse(f"admin:{name}_history", args=[thing.pk]),
            reverse(f"admin:{name}_delete", args=[thing.pk]),
            reverse(f"admin:{name}_add"),
        ]
    person, model = everything["accounts_person"], everything["catalog_model"]
    found += [
        reverse("admin:auth_user_password_change", args=[person.pk]),
        *(
            reverse(f"admin:catalog_model_{page}", args=[model.pk])
            for page in ("audience", "act", "try", "measure")
        ),
        *(
            reverse(f"admin:catalog_model_{page}")
            for page in (
                "jobs",
                "job_act",
                "names",
                "loaded",
                "add_file",
                "add_folder",
                "modelfile",
            )
        ),
        reverse("admin:catalog_model_name_change", args=[everything["alias"].pk]),
    ]
    return found


# Nobody may do these here: there is no such page, not for the administrator either.
NEVER = tuple(
    re.compile(rf"/admin/{page}")
    for page in (
        r"(chat/generation|chat/rating|accounts/(apikey|usage)|audit/entry)/add/$",
        r"(chat/generation|chat/rating|accounts/(apikey|person|usage)|audit/entry)/.+/delete/$",
    )
)
WAYS = ("add_file", "add_folder", "modelfile", "upload")
CATALOGUE = (
    *("audience", "act", "try", "measure", "names", "name_change", "loaded"),
    *("jobs", "job_act", *WAYS),
)
# Behind a button: these do something, so a link opens none of them.
PRESSED = re.compile(r"/(act|try|measure|names/[0-9a-f-]+)/$")


@pytest.mark.threat("A10")
@pytest.mark.threat("B9")
def test_every_page_opens_for_the_administrator_and_shows_no_text_no_secret_and_no_hash(
    carols_browser: Client, pages: list[str], alices_key: tuple[ApiKey, str], alice: Person
) -> None:
    """Nothing that anybody wrote or was answered: the canary is in all of that."""
    key, secret = alices_key
    for address in pages:
        response = carols_browser.get(address)
        is_closed = any(page.match(address) for page in NEVER)
        wanted = 405 if PRESSED.search(address) else 403 if is_closed else 200
        assert response.status_code == wanted, address
        body = response.content.decode()
        body = body.replace(f"q={CANARY[:6]}", "").replace(f'value="{CANARY[:6]}"', "")
        for hidden in (CANARY, secret, key.secret_sha256, alice.password):
            assert hidden not in body, address


@pytest.mark.threat("B1")
def test_no_page_opens_for_anybody_else(
    pages: list[str],
    alice: Person,
    mallory_without_rights: Person,
    browser_of: Callable[[Person], Client],
) -> None:
    dave = Person.objects.create_user("dave@example.org", "a long password", is_staff=True)
    strangers = [Client(), browser_of(alice), browser_of(mallory_without_rights)]
    daves = browser_of(dave)
    for address in pages:
        for browser in strangers:
            assert browser.get(address).status_code in (302, 403), address
        if address.rstrip("/").endswith("/admin") or "jsi18n" in address or "/search/" in address:
            continue
        assert daves.get(address).status_code in (403, 404), address


@pytest.mark.threat("B9")
def test_conversations_and_messages_are_not_in_the_administration() -> None:
    registered = set(admin.site._registry)

    assert not registered & {Conversation, Message, NextQuestion}
    assert {model._meta.label for model in registered} == {
        "accounts.ApiKey",
        "accounts.Person",
        "accounts.Usage",
        "audit.Entry",
        "auth.Group",
        "catalog.Model",
        "chat.Generation",
        "chat.Rating",
        "presets.Preset",
        "presets.PromptTemplate",
    }


@pytest.mark.threat("B9")
@pytest.mark.parametrize(
    ("name", "lookup"),
    [
        ("chat_generation", "text__startswith=c"),
        ("chat_generation", "thinking__contains=c"),
        ("chat_generation", "request__icontains=c"),
        ("chat_generation", "so_far__regex=c"),
        ("chat_generation", "message__text__contains=c"),
        ("chat_rating", "generation__text__contains=c"),
        ("chat_rating", "generation__owner__email__contains=c"),
        ("chat_generation", "message__conversation__title__contains=c"),
        ("accounts_person", "conversations__title__contains=c"),
        ("accounts_person", "generations__text__contains=c"),
        ("accounts_person", "password__startswith=md5"),
        ("accounts_person", "api_keys__secret_sha256__startswith=0"),
        ("accounts_apikey", "secret_sha256__startswith=0"),
        ("accounts_apikey", "owner__password__startswith=0"),
        ("auth_group", "user__password__startswith=0"),
        ("catalog_model", "generations__text__contains=c"),
        ("audit_entry", "person__password__startswith=0"),
    ],
)
def test_no_list_can_be_asked_about_what_it_does_not_show(
    carols_browser: Client, everything: dict[str, Any], name: str, lookup: str
) -> None:
    response = carols_browser.get(f"{reverse(f'admin:{name}_changelist')}?{lookup}")

    assert response.status_code == 400


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("catalog_model", "state__exact=ready&is_published__exact=0"),
        ("accounts_person", "is_active__exact=1&is_staff__exact=0"),
        ("chat_generation", "state__exact=running&door__exact=page"),
        ("audit_entry", "act=model.imported"),
    ],
)
def test_the_filters_of_a_list_work(
    carols_browser: Client, everything: dict[str, Any], name: str, query: str
) -> None:
    response = carols_browser.get(f"{reverse(f'admin:{name}_changelist')}?{query}")

    assert response.status_code == 200
    assert response.context["cl"].result_count >= 1


@pytest.mark.threat("B9")
def test_the_texts_of_a_generation_are_not_even_read(
    carols_browser: Client, running: Generation, django_assert_max_num_queries: Any
) -> None:
    address = reverse("admin:chat_generation_change", args=[running.pk])
    with django_assert_max_num_queries(30) as captured:
        body = carols_browser.get(address).content.decode()

    assert "small:1" in body
    assert "Alice" in body
    for query in captured.captured_queries:
        if 'FROM "chat_generation"' in query["sql"]:
            assert '"text"' not in query["sql"]
            assert '"request"' not in query["sql"]


def test_only_running_generations_are_listed(carols_browser: Client, running: Generation) -> None:
    address = reverse("admin:chat_generation_changelist")
    body = carols_browser.get(address).content.decode()
    assert "small:1" in body

    Generation.objects.update(state="complete", ended_at=running.created_at)

    assert carols_browser.get(address).context["cl"].result_count == 0


# Models.


def test_a_model_is_published_to_a_group_in_two_clicks_and_hidden_in_two(
    carols_browser: Client, small_model: Model, sales: Group, alice: Person, carol_the_admin: Person
) -> None:
    alice.groups.add(sales)
    address = reverse("admin:catalog_model_audience", args=[small_model.pk])
    models = carols_browser.get(reverse("admin:catalog_model_changelist")).content.decode()
    assert f'href="{address}"' in models
    assert "Publish to Sales" in carols_browser.get(address).content.decode()

    answer = carols_browser.post(address, {"act": "publish", "group": sales.pk}, follow=True)
    assert "small:1 may now be used by: Sales" in answer.content.decode()
    assert [model.name for model in queries.models_for(alice)] == ["small:1"]
    carols_browser.post(address, {"act": "hide"})
    assert queries.models_for(alice) == []
    carols_browser.post(address, {"act": "everyone"})
    assert [model.name for model in queries.models_for(alice)] == ["small:1"]
    carols_browser.post(address, {"act": "publish", "group": sales.pk})
    carols_browser.post(address, {"act": "withdraw", "group": sales.pk})
    assert queries.models_for(alice) == []

    rows = Entry.objects.filter(person=carol_the_admin).order_by("at")
    assert list(rows.values_list("act", flat=True)) == [
        "model.published",
        "model.hidden",
        "model.published",
        "model.published",
        "model.withdrawn",
    ]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"act": "everything"},
        {"act": "publish"},
        {"act": "publish", "group": "x"},
        {"act": "publish", "group": "123"},
        {"act": "withdraw", "group": ""},
    ],
)
def test_a_press_that_makes_no_sense_changes_nothing(
    carols_browser: Client, small_model: Model, sent: dict[str, str]
) -> None:
    address = reverse("admin:catalog_model_audience", args=[small_model.pk])

    response = carols_browser.post(address, sent, follow=True)

    assert "Please choose a group." in response.content.decode()
    small_model.refresh_from_db()
    assert not small_model.is_published


def test_who_may_only_look_at_models_cannot_publish(
    small_model: Model, sales: Group, browser_of: Callable[[Person], Client]
) -> None:
    erin = Person.objects.create_user("erin@example.org", "a long password", is_staff=True)
    erin.user_permissions.add(Permission.objects.get(codename="view_model"))
    browser = browser_of(erin)
    address = reverse("admin:catalog_model_audience", args=[small_model.pk])
    models = reverse("admin:catalog_model_changelist")

    assert browser.get(models).status_code == 200
    assert browser.get(address).status_code == 403
    assert browser.post(address, {"act": "everyone"}).status_code == 403
    browser.post(models, {"action": "publish_to_everyone", "_selected_action": [small_model.pk]})

    small_model.refresh_from_db()
    assert not small_model.is_published


def test_publishing_needs_the_proof_that_the_page_itself_sent_it(
    small_model: Model, carol_the_admin: Person
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(carol_the_admin, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:catalog_model_audience", args=[small_model.pk])

    assert browser.post(address, {"act": "everyone"}).status_code == 403


def test_chosen_models_are_published_and_hidden_together(
    carols_browser: Client, small_model: Model
) -> None:
    models = reverse("admin:catalog_model_changelist")
    chosen = {"_selected_action": [str(small_model.pk)]}

    carols_browser.post(models, {"action": "publish_to_everyone", **chosen})
    small_model.refresh_from_db()
    assert small_model.is_for_everyone
    carols_browser.post(models, {"action": "hide", **chosen})
    small_model.refresh_from_db()
    assert not small_model.is_published
    carols_browser.post(models, {"action": "delete_selected", "post": "yes", **chosen})
    assert Model.objects.exists()


def test_checking_the_files_is_left_to_the_background(
    carols_browser: Client, small_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(tasks.check_bytes, "delay", asked.append)
    models = reverse("admin:catalog_model_changelist")
    chosen = {"action": "check_files", "_selected_action": [str(small_model.pk)]}

    carols_browser.post(models, chosen)
    assert asked == [str(small_model.pk)]

    def away(_model_id: str) -> None:
        raise OperationalError

    monkeypatch.setattr(tasks.check_bytes, "delay", away)
    answer = carols_browser.post(models, chosen, follow=True)
    assert "The queue does not answer." in answer.content.decode()


def test_a_model_is_removed_after_a_question(
    carols_browser: Client, small_model: Model, carol_the_admin: Person
) -> None:
    address = reverse("admin:catalog_model_delete", args=[small_model.pk])

    carols_browser.post(address, {"post": "yes"})

    assert not Model.objects.exists()
    assert Entry.objects.filter(act="model.deleted", person=carol_the_admin).exists()


def test_a_model_in_use_is_not_removed_and_it_is_said(
    carols_browser: Client, running: Generation, small_model: Model
) -> None:
    address = reverse("admin:catalog_model_delete", args=[small_model.pk])

    response = carols_browser.post(address, {"post": "yes"}, follow=True)

    assert "People are waiting for answers of this model." in response.content.decode()
    assert Model.objects.exists()


def test_a_model_is_described_and_cannot_be_edited(
    carols_browser: Client, small_model: Model
) -> None:
    address = reverse("admin:catalog_model_change", args=[small_model.pk])

    body = carols_browser.get(address).content.decode()
    for words in ("small:1", "llama", "Q4_K_M", "2048", small_model.digest, small_model.weights):
        assert words in body
    carols_browser.post(address, {"name": "other", "is_published": "on", "is_for_everyone": "on"})

    small_model.refresh_from_db()
    assert (small_model.name, small_model.is_published) == ("small:1", False)


# People.


def _form(person: Person, **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"email": person.email, "name": person.name, "language": ""}
    fields |= {name: "on" for name in ("is_active", "is_staff") if getattr(person, name)}
    fields |= changes
    return {name: value for name, value in fields.items() if value is not None}


@pytest.mark.threat("A7")
@pytest.mark.parametrize("change", ["disabled", "group", "staff"])
def test_a_change_of_rights_ends_sockets_and_is_written_down(
    carols_browser: Client, alice: Person, sales: Group, carol_the_admin: Person, change: str
) -> None:
    changes: dict[str, dict[str, Any]] = {
        "disabled": {"is_active": None},
        "group": {"groups": [sales.pk]},
        "staff": {"is_staff": "on"},
    }
    before = alice.rights_version

    response = carols_browser.post(
        reverse("admin:accounts_person_change", args=[alice.pk]), _form(alice, **changes[change])
    )

    assert response.status_code == 302
    alice.refresh_from_db()
    assert alice.rights_version > before
    assert alice.is_active == (change != "disabled")
    assert alice.groups.exists() == (change == "group")
    assert Entry.objects.filter(person=carol_the_admin, act="person.changed").exists()


def test_a_new_name_ends_no_socket(carols_browser: Client, alice: Person) -> None:
    before = alice.rights_version

    carols_browser.post(
        reverse("admin:accounts_person_change", args=[alice.pk]), _form(alice, name="Alice B.")
    )

    alice.refresh_from_db()
    assert (alice.name, alice.rights_version) == ("Alice B.", before)


def test_a_person_is_added_with_a_password(carols_browser: Client) -> None:
    sent = {
        "email": "New.Person@Example.org",
        "name": "New",
        "password1": "correct horse battery",
        "password2": "correct horse battery",
    }

    response = carols_browser.post(reverse("admin:accounts_person_add"), sent)

    assert response.status_code == 302
    person = Person.objects.get(email="new.person@example.org")
    assert person.check_password("correct horse battery")
    assert Entry.objects.filter(act="person.added").exists()


def test_a_password_is_set_and_old_sessions_end(
    carols_browser: Client, alice: Person, browser_of: Callable[[Person], Client]
) -> None:
    hers = browser_of(alice)
    address = reverse("admin:auth_user_password_change", args=[alice.pk])
    weak = {"password1": "12345678", "password2": "12345678"}
    strong = {"password1": "an other long one", "password2": "an other long one"}

    assert carols_browser.post(address, weak).status_code == 200
    before = Person.objects.get(pk=alice.pk).rights_version
    assert carols_browser.post(address, strong).status_code == 302

    alice.refresh_from_db()
    assert alice.check_password("an other long one")
    assert alice.rights_version > before
    assert Entry.objects.filter(act="password.changed").exists()
    assert hers.get(reverse("admin:index")).status_code in (302, 403)


@pytest.mark.threat("B10")
def test_an_administrator_of_people_cannot_make_herself_or_others_mightier(
    alice: Person, carol_the_admin: Person, browser_of: Callable[[Person], Client]
) -> None:
    erin = Person.objects.create_user("erin@example.org", "a long password", is_staff=True)
    erin.user_permissions.set(Permission.objects.filter(codename__endswith="_person"))
    browser = browser_of(erin)

    for person in (erin, carol_the_admin):
        change = reverse("admin:accounts_person_change", args=[person.pk])
        password = reverse("admin:auth_user_password_change", args=[person.pk])
        answer = browser.post(change, _form(person, is_superuser="on", name="Changed"))
        assert answer.status_code == 403
        sent = {"password1": "an other long one", "password2": "an other long one"}
        assert browser.post(password, sent).status_code in (302, 403)
    change = reverse("admin:accounts_person_change", args=[alice.pk])
    assert browser.post(change, _form(alice, is_superuser="on", is_staff="on")).status_code == 302

    for person in (alice, erin, carol_the_admin):
        before = person.password
        person.refresh_from_db()
        assert person.password == before
    assert not alice.is_superuser
    assert not alice.is_staff
    assert not erin.is_superuser


def test_nobody_locks_herself_out(carols_browser: Client, carol_the_admin: Person) -> None:
    people = reverse("admin:accounts_person_changelist")
    change = reverse("admin:accounts_person_change", args=[carol_the_admin.pk])

    carols_browser.post(
        people, {"action": "disable", "_selected_action": [str(carol_the_admin.pk)]}
    )
    carols_browser.post(change, _form(carol_the_admin, is_active=None, is_staff=None))

    carol_the_admin.refresh_from_db()
    assert carol_the_admin.is_active
    assert carol_the_admin.is_superuser


@pytest.mark.threat("A12")
def test_several_people_are_disabled_at_once(
    carols_browser: Client, alice: Person, bob: Person
) -> None:
    people = reverse("admin:accounts_person_changelist")
    chosen = {"_selected_action": [str(alice.pk), str(bob.pk)]}

    carols_browser.post(people, {"action": "disable", **chosen})
    assert not Person.objects.filter(pk__in=[alice.pk, bob.pk], is_active=True).exists()
    carols_browser.post(people, {"action": "enable", **chosen})
    assert Person.objects.filter(pk__in=[alice.pk, bob.pk], is_active=True).count() == 2
    assert Entry.objects.filter(act="person.disabled").count() == 2


def test_a_group_that_goes_takes_its_rights_along(
    carols_browser: Client, alice: Person, sales: Group
) -> None:
    alice.groups.add(sales)

    carols_browser.post(reverse("admin:auth_group_delete", args=[sales.pk]), {"post": "yes"})

    before = alice.rights_version
    alice.refresh_from_db()
    assert alice.rights_version > before
    assert not Group.objects.exists()


def test_a_key_is_revoked_and_never_changed(
    carols_browser: Client, alices_key: tuple[ApiKey, str]
) -> None:
    key, _secret = alices_key
    lists = reverse("admin:accounts_apikey_changelist")

    carols_browser.post(lists, {"action": "revoke", "_selected_action": [str(key.pk)]})
    carols_browser.post(
        reverse("admin:accounts_apikey_change", args=[key.pk]), {"name": "mine", "scopes": "[]"}
    )

    key.refresh_from_db()
    assert key.revoked_at is not None
    assert key.name == "laptop"
    assert Entry.objects.filter(act="key.revoked").exists()


def test_the_audit_is_read_and_never_changed(carols_browser: Client, small_model: Model) -> None:
    entry = Entry.objects.get(act="model.imported")
    address = reverse("admin:audit_entry_change", args=[entry.pk])

    assert "model.imported" in carols_browser.get(address).content.decode()
    for sent in (
        (address, {"act": "nothing"}),
        (reverse("admin:audit_entry_delete", args=[entry.pk]), {"post": "yes"}),
        (
            reverse("admin:audit_entry_changelist"),
            {"action": "delete_selected", "_selected_action": [str(entry.pk)], "post": "yes"},
        ),
    ):
        carols_browser.post(*sent)

    entry.refresh_from_db()
    assert entry.act == "model.imported"


# The first page.


def test_the_first_page_counts_and_says_what_is_loaded_where(
    carols_browser: Client, running: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = protocol.RunnerState(
        runner="r1",
        queue="q",
        model_name="small:1",
        pid=1,
        state="loading",
        progress=0.42,
        slots=4,
        size_bytes=100 * 1024 * 1024,
    )
    state = protocol.HostState(host="host-a", seen_at=1.0, runners=(runner,))
    redis = redis_client()
    redis.sadd(protocol.HOSTS, "host-a")
    redis.set(protocol.host_key("host-a"), protocol.encode(state))

    body = carols_browser.get(reverse("admin:index")).content.decode()

    for words in ("host-a", "small:1", "loading, 42", "100.0", "Answers being written"):
        assert words in body, words


def test_the_first_page_opens_while_redis_is_away(
    carols_browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> list[protocol.HostState]:
        raise ConnectionError

    monkeypatch.setattr(requests, "host_states", away)
    monkeypatch.setattr("portal.console.AWAY", (ConnectionError,))

    response = carols_browser.get(reverse("admin:index"))

    assert response.status_code == 200
    assert "The queue does not answer" in response.content.decode()


def test_the_administration_speaks_chinese_where_the_browser_does(carols_browser: Client) -> None:
    response = carols_browser.get(
        reverse("admin:catalog_model_changelist"), headers={"accept-language": "zh-hans"}
    )

    assert 'lang="zh-hans"' in response.content.decode()


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_theme_speaks_the_language_too_and_colours_mean_the_same(
    carols_browser: Client, small_model: Model, language: str
) -> None:
    small_model.state = ModelState.READY
    small_model.save()

    page = carols_browser.get(
        reverse("admin:catalog_model_changelist"), headers={"accept-language": language}
    ).content.decode()

    assert ("筛选" in page, "Filters" in page) == (language != "en", language == "en")
    assert "text-green-700" in page


def test_whoever_has_no_name_is_not_shown_her_address_twice(carols_browser: Client) -> None:
    Person.objects.update(name="")

    page = carols_browser.get(reverse("admin:index")).content.decode()

    assert page.count("carol@example.org") == 1


def test_every_address_of_the_administration_is_known_to_these_tests(
    everything: dict[str, Any],
) -> None:
    """A new page must be looked at for texts of people before it gets here."""
    names = {pattern.name for pattern in _patterns(admin.site.get_urls()) if pattern.name}
    own = {
        f"{name}_{page}"
        for name in LISTS
        for page in ("changelist", "add", "change", "delete", "history")
    }
    shared = {
        *("index", "login", "logout", "password_change", "password_change_done"),
        *("jsi18n", "app_list", "autocomplete", "view_on_site", "search"),
        "auth_user_password_change",
        *(f"catalog_model_{page}" for page in CATALOGUE),
    }

    assert names <= own | shared, names - own - shared


def _patterns(found: list[Any]) -> list[URLPattern]:
    flat: list[URLPattern] = []
    for pattern in found:
        if isinstance(pattern, URLResolver):
            flat += _patterns(pattern.url_patterns)
        else:
            flat.append(pattern)
    return flat
