"""The page Connect: a key for a device with one press, and back with one."""

import html
import json
import re
from uuid import uuid4

import pytest
from django.test import Client

from portal.accounts import keys
from portal.accounts.errors import KeyRefused
from portal.accounts.models import ApiKey, KeyScope, Person
from portal.audit.models import Entry
from tests.connect import chatbox
from tests.connect.conftest import make_model

PAGE = "/connect/"
IN_A_TAG = re.compile(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:")


def press(browser: Client, way: str = "link", **given: str) -> str:
    form = {"name": "ChatBox at work", "press": str(uuid4()), "way": way, **given}
    return browser.post("/connect/devices/", form).content.decode()


def link_in(page: str) -> str:
    found = re.search(r'href="(chatbox://[^"]+)"', page)
    assert found is not None, page
    return html.unescape(found[1])


def test_a_stranger_is_sent_to_sign_in(db: None) -> None:
    assert Client().get(PAGE)["Location"] == "/accounts/login/?next=/connect/"
    assert Client().get(f"/connect/devices/{uuid4()}/arrivals/").status_code == 401


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_page_opens_in_both_languages_without_script_or_style_in_it(
    hers: Client, language: str
) -> None:
    make_model("plain:1b")
    hers.cookies["django_language"] = language

    for page in (hers.get(PAGE).content.decode(), press(hers), press(hers, "address")):
        assert f'lang="{language}"' in page
        assert not IN_A_TAG.search(page)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "ChatBox on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15)", "ChatBox on Mac"),
        ("Mozilla/5.0 (Linux; Android 15)", "ChatBox on Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)", "ChatBox on iPhone"),
        ("something else", "ChatBox"),
    ],
)
def test_the_device_has_a_likely_name_already(hers: Client, agent: str, name: str) -> None:
    assert f'value="{name}"' in hers.get(PAGE, headers={"User-Agent": agent}).content.decode()


def test_one_press_makes_a_link_with_a_fresh_key_and_her_models(
    hers: Client, alice: Person
) -> None:
    make_model("plain:1b", "completion", "tools")

    given = chatbox.opened(link_in(press(hers)))

    assert given["settings"]["apiHost"] == "http://testserver/v1"
    assert [each["modelId"] for each in given["settings"]["models"]] == ["plain:1b"]
    person, key = keys.holder_of(given["settings"]["apiKey"], scope=KeyScope.CHAT)
    assert (person, key.name, key.for_path) == (alice, "ChatBox at work", False)
    assert key.scopes == ["chat", "embeddings"]
    assert Entry.objects.get(act="key.made").person == alice


def test_what_is_pasted_is_what_the_link_carries(hers: Client) -> None:
    make_model("plain:1b")
    page = press(hers)

    pasted = re.search(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)

    assert pasted is not None
    assert chatbox.pasted(html.unescape(pasted[1])) == chatbox.opened(link_in(page))


@pytest.mark.threat("A16")
def test_the_address_carries_a_key_that_opens_nothing_else(hers: Client, alice: Person) -> None:
    page = press(hers, "address")

    secret = re.search(r"http://testserver/u/(pk_[\w-]{43})", page)
    assert secret is not None
    assert "chatbox://" not in page
    assert keys.holder_of(secret[1], scope=KeyScope.CHAT, in_path=True)[0] == alice
    with pytest.raises(KeyRefused):
        keys.holder_of(secret[1], scope=KeyScope.CHAT)


@pytest.mark.threat("H5")
def test_one_press_makes_one_key_and_shows_it_once(hers: Client) -> None:
    once = str(uuid4())
    first, again = press(hers, press=once), press(hers, press=once)

    assert ApiKey.objects.count() == 1
    assert "pk_" in html.unescape(first)
    secret = chatbox.opened(link_in(first))["settings"]["apiKey"]
    assert secret not in again + hers.get(PAGE).content.decode()


@pytest.mark.parametrize("wrong", [{"name": ""}, {"press": "x"}, {"way": "x"}, {"name": "x" * 101}])
def test_a_wrong_form_makes_no_key(hers: Client, wrong: dict[str, str]) -> None:
    assert "chatbox://" not in press(hers, **wrong)
    assert not ApiKey.objects.exists()


def test_too_many_keys_are_refused_in_words(hers: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MAX_KEYS", 1)
    press(hers)

    assert "You have too many keys" in press(hers)
    assert ApiKey.objects.count() == 1


def test_devices_are_listed_with_what_they_did_last_and_can_be_revoked(
    hers: Client, alice: Person
) -> None:
    key, secret = keys.make_key(alice, name="my <b>phone</b>")
    keys.note_use(key, keys.Use(client="ChatBox 1.9.8, Ollama API", act="models", status=200))

    page = hers.get(PAGE).content.decode()
    hers.post(f"/connect/devices/{key.pk}/revoke/")

    assert "my &lt;b&gt;phone&lt;/b&gt;" in page
    assert "It works: ChatBox 1.9.8, Ollama API read the list of your models." in page
    assert "phone&lt;" not in hers.get(PAGE).content.decode()
    with pytest.raises(KeyRefused):
        keys.holder_of(secret, scope=KeyScope.CHAT)


@pytest.mark.threat("B1")
@pytest.mark.threat("B7")
def test_the_device_of_another_looks_as_if_it_had_never_been(hers: Client, bob: Person) -> None:
    key, _ = keys.make_key(bob, name="his")
    nobodys = uuid4()

    for path in ("revoke/", "arrivals/"):
        method = hers.post if path == "revoke/" else hers.get
        answers = [method(f"/connect/devices/{each}/{path}") for each in (key.pk, nobodys)]
        assert len({(each.status_code, each.content) for each in answers}) == 1
    assert keys.living_keys(bob).exists()
    assert "his" not in re.findall(r"<bdi>(.*?)</bdi>", hers.get(PAGE).content.decode())


@pytest.mark.threat("B16")
def test_the_key_is_for_chat_and_embeddings_even_for_an_administrator(
    carol_the_admin: Person,
) -> None:
    browser = Client()
    browser.force_login(carol_the_admin)

    press(browser)

    assert ApiKey.objects.get().scopes == ["chat", "embeddings"]


def test_without_a_model_the_page_says_whom_to_ask(hers: Client) -> None:
    assert "ask your administrator" in hers.get(PAGE).content.decode()
    assert json.dumps([]) in press(hers)
