"""What ChatBox is given is what ChatBox takes (its check case 25)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts.models import Person
from portal.catalog.models import Alias
from portal.connect import provider, queries
from portal.connect.provider import Offered
from tests.connect import chatbox
from tests.connect.conftest import make_model

ADDRESS = "https://portal.example.com"
SECRET = "pk_" + "s" * 43
EVERY_ABILITY = ("completion", "tools", "insert", "vision", "embedding", "thinking", "audio", "x")

offered = st.builds(
    Offered,
    name=st.text(min_size=1, max_size=80),
    abilities=st.lists(st.sampled_from(EVERY_ABILITY) | st.just("rerank"), max_size=6),
    context_length=st.integers(4, 131_072),
)


def whole(models: list[Offered], address: str = ADDRESS) -> dict[str, object]:
    return provider.provider(models, address=address, name="Portal", secret=SECRET)


@given(models=st.lists(offered, max_size=60))
def test_whatever_the_models_are_chatbox_takes_link_and_clipboard(models: list[Offered]) -> None:
    given_ = whole(models)

    link, carried = provider.link(given_)

    taken, read = chatbox.opened(link), chatbox.pasted(provider.as_text(given_))
    assert read == given_
    assert taken["settings"]["models"] == read["settings"]["models"][:carried]
    assert taken["settings"]["apiKey"] == SECRET


def test_every_model_a_person_may_use_is_in_it_and_no_other(alice: Person) -> None:
    seeing = make_model("seeing:7b", "completion", "vision", "tools", "thinking", "insert")
    make_model("plain:1b")
    make_model("vectors:latest", "embedding")
    make_model("ranks:latest", "embedding", "rerank")
    make_model("secret:latest", "completion", is_for_everyone=False)
    Alias.objects.create(name="house:latest", model=seeing)

    given_ = chatbox.pasted(provider.as_text(whole(queries.offered_to(alice))))

    models = {each["modelId"]: each for each in given_["settings"]["models"]}
    assert list(models)[:3] == ["house:latest", *sorted(["plain:1b", "seeing:7b"])]
    assert models["house:latest"] == {
        "modelId": "house:latest",
        "type": "chat",
        "capabilities": ["vision", "tool_use", "reasoning"],
        "contextWindow": 2048,
    }
    assert models["plain:1b"]["capabilities"] == []
    assert models["vectors:latest"] == {"modelId": "vectors:latest", "type": "embedding"}
    assert models["ranks:latest"]["type"] == "rerank"
    assert "secret:latest" not in models


@pytest.mark.parametrize("address", [ADDRESS, "http://10.0.0.5:8000", "http://[fd00::1]:8000"])
def test_it_will_ask_at_our_address(address: str) -> None:
    assert chatbox.chat_address(whole([], address)) == f"{address}/v1/chat/completions"


def test_one_portal_is_one_provider_and_two_are_two() -> None:
    addresses = ["https://a.example.com", "https://b.example.com", "https://a.example.com:8443"]

    ids = [provider.provider_id(each) for each in addresses]

    assert len(set(ids)) == 3
    assert ids[0] == provider.provider_id("https://A.example.com")


def test_a_link_is_never_too_long_and_says_how_many_it_carries() -> None:
    many = [
        Offered(name=f"model-number-{n}:7b-instruct-q4_K_M", abilities=["tools"], context_length=9)
        for n in range(200)
    ]

    link, carried = provider.link(whole(many))

    assert len(link) <= provider.MAX_LINK_CHARS < chatbox.MOST_LINK_CHARS
    assert 3 < carried < 200
    assert [each["modelId"] for each in chatbox.opened(link)["settings"]["models"]] == [
        each.name for each in many[:carried]
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"type": "ollama"},
        {"id": "ollama"},
        {"urls": {}},
        {"name": None},
        {"settings": {"apiHost": "x", "models": [{"modelId": "m", "capabilities": ["tools"]}]}},
        {"settings": {"apiHost": "x", "models": [{"modelId": "m", "type": "completion"}]}},
        {"settings": {"apiHost": "x", "models": [{"modelId": "m", "contextWindow": "9"}]}},
        {"settings": {}},
    ],
)
def test_the_reader_of_these_tests_is_as_strict_as_theirs(change: dict[str, object]) -> None:
    with pytest.raises(chatbox.Invalid):
        chatbox.pasted(json.dumps({**whole([]), **change}))
