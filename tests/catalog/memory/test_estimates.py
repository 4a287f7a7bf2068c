"""What memory a model will need, told before it is loaded: in words, and as workers reckon it."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from gguffile import header, memory
from gguffile.memory import Way
from inference import protocol
from portal.accounts.models import Person
from portal.catalog import actions
from portal.catalog.memory import estimates
from portal.catalog.models import Model
from portal.chat.errors import Forbidden
from portal.streams import requests
from tests.doubles.tinymodels import write_llama

pytestmark = [pytest.mark.django_db, pytest.mark.threat("E21")]

MIB = 1024 * 1024
GIB = 1024 * MIB
Report = Callable[..., None]


@pytest.fixture
def tiny(store_root: Path, tmp_path: Path) -> Path:
    """A file whose header promises a million tokens."""
    return write_llama(
        tmp_path / "tiny.gguf", layers=4, width=256, heads=8, kv_heads=4, context=1_000_000
    )


@pytest.fixture
def model(tiny: Path) -> Model:
    return actions.import_file(None, source=actions.LocalFile(path=tiny), name="tiny:1")


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Report:
    """Hosts that report these rooms."""

    def reporting(**rooms: protocol.Room) -> None:
        states = [
            protocol.HostState(host=host, seen_at=1.0, room=room) for host, room in rooms.items()
        ]
        monkeypatch.setattr(requests, "host_states", lambda: states)

    return reporting


def room(memory_bytes: int, *, vram_bytes: int = 0, parallel: int = 4) -> protocol.Room:
    return protocol.Room(
        memory_bytes=memory_bytes,
        vram_bytes=vram_bytes,
        accelerators=1 if vram_bytes else 0,
        parallel=parallel,
    )


def test_what_a_model_needs_is_what_the_worker_will_reckon(
    model: Model, tiny: Path, report: Report
) -> None:
    report(here=room(8 * GIB, parallel=3))

    found = estimates.estimate(None, model=model, context_length=4096)

    shape = memory.shape(header.read(tiny))
    assert found.need_bytes == memory.need(shape, Way(slots=3, context_length=4096)).ram_bytes
    one_more = memory.need(shape, Way(slots=4, context_length=4096)).ram_bytes
    assert found.conversation_bytes == one_more - found.need_bytes


def test_as_many_conversations_fit_as_are_said_and_not_one_more(
    model: Model, tiny: Path, report: Report
) -> None:
    shape = memory.shape(header.read(tiny))
    enough_for_five = memory.need(shape, Way(slots=5, context_length=8192)).ram_bytes
    report(exactly=room(enough_for_five), less=room(enough_for_five - 1), none=room(10 * MIB))

    found = estimates.estimate(None, model=model, context_length=8192, at_once=5)

    assert found.hosts is not None
    assert [(host.most_at_once, host.fits) for host in found.hosts] == [
        (5, True),
        (4, False),
        (0, False),
    ]
    assert "5 conversations of 8192 tokens fit" in found.sentences[1]
    assert "too little for one conversation of 8192 tokens" in found.sentences[3]


def test_a_graphics_card_has_a_part_in_it(model: Model, report: Report) -> None:
    report(without=room(GIB), with_card=room(GIB, vram_bytes=64 * GIB))

    found = estimates.estimate(None, model=model, context_length=131_072)

    assert found.hosts is not None
    without, with_card = found.hosts
    assert with_card.most_at_once > without.most_at_once
    assert "on graphics cards" in with_card.sentence


def test_a_promise_of_a_million_tokens_costs_nothing_until_somebody_asks_for_them(
    model: Model, report: Report
) -> None:
    report(here=room(GIB))

    usual = estimates.estimate(None, model=model)
    boastful = estimates.estimate(None, model=model, context_length=2**40)

    assert usual.context_length == 4096
    assert boastful.context_length == 1_000_000
    assert boastful.hosts is not None
    assert not boastful.hosts[0].fits


def test_without_a_worker_the_need_is_told_all_the_same(model: Model, report: Report) -> None:
    report()

    found = estimates.estimate(None, model=model)

    assert found.at_once == 1
    assert found.sentences[1] == "No worker reports now, so nothing is known of the hosts."


def test_the_command_says_it_too(model: Model, report: Report) -> None:
    report(here=room(8 * GIB))
    said = StringIO()

    call_command("estimate", "tiny:1", "--context", "2048", "--parallel", "2", stdout=said)
    with pytest.raises(CommandError, match="There is no model nothing"):
        call_command("estimate", "nothing")
    with pytest.raises(CommandError, match="at least 1"):
        call_command("estimate", "tiny:1", "--context", "0")

    assert "for each of 2 conversations of 2048 tokens" in said.getvalue()
    assert "here has 8.0" in said.getvalue()


def test_only_those_who_look_after_models_are_told(
    model: Model, carol_the_admin: Person, alice: Person
) -> None:
    assert estimates.estimate(carol_the_admin, model=model).need_bytes
    with pytest.raises(Forbidden):
        estimates.estimate(alice, model=model)
