"""Vectors on the road of an answer: queued, recorded, repeated, stopped like one; never stored."""

from uuid import uuid4

import pytest

from inference import protocol
from portal.accounts.models import Person
from portal.catalog import queries as catalog
from portal.catalog.models import Model
from portal.chat import actions, prompts
from portal.chat.errors import BadCommand, DoesNotAnswer, TooMuch
from portal.chat.models import Generation, State
from portal.streams import transcript as streams
from tests.doubles.brain import Brain
from tests.doubles.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)
VECTORS = protocol.Vectors(first=0, vectors=(b"\0\0\0\0",))


@pytest.fixture
def embedder(a_model: Model) -> Model:
    a_model.capabilities = ["embedding"]
    a_model.save()
    return a_model


def measure(person: Person, *texts: str) -> Generation:
    return actions.measure_texts(
        person,
        model_name="scripted:latest",
        task="embed",
        inputs=prompts.Inputs(texts=texts),
        client_key=uuid4(),
    )


def test_its_row_ends_with_counts_and_without_a_vector(
    alice: Person, embedder: Model, worker: Worker, brain: Brain
) -> None:
    row = measure(alice, "secret text")
    worker.takes().publish(VECTORS).ends()
    brain.steps()

    row.refresh_from_db()
    assert (row.state, row.text, row.thinking, row.request) == (State.COMPLETE, "", "", {})
    assert row.stats["prompt_tokens"] == 12


def test_its_stream_is_large_and_goes_soon(
    alice: Person, embedder: Model, worker: Worker, brain: Brain
) -> None:
    row = measure(alice, "one")
    worker.takes().publish(VECTORS).ends()
    brain.steps()

    left_seconds = worker.redis.ttl(protocol.events_key(row.id))
    assert 0 < left_seconds <= streams.BULKY_KEPT_SECONDS


@pytest.mark.threat("F1")
def test_a_worker_killed_after_some_vectors_is_followed_by_another_from_the_beginning(
    alice: Person, embedder: Model, worker: Worker, brain: Brain
) -> None:
    row = measure(alice, "one", "two")
    held = worker.takes().publish(VECTORS)
    brain.steps()
    worker.dies(held, how="killed")
    brain.steps()

    again = worker.takes()
    row.refresh_from_db()
    assert row.attempt == again.request.attempt == 2
    assert again.request.inputs == ("one", "two")
    assert again.request.so_far == ""
    again.publish(VECTORS).ends()
    brain.steps()
    row.refresh_from_db()
    assert row.state == State.COMPLETE


@pytest.mark.threat("F2")
def test_texts_that_kill_a_second_worker_alone_are_quarantined(
    alice: Person, embedder: Model, worker: Worker, brain: Brain
) -> None:
    row = measure(alice, "killer")
    for alone in (False, True):
        worker.dies(worker.takes(), how="crashed", alone=alone)
        brain.steps()

    row.refresh_from_db()
    assert (row.state, row.reason) == (State.FAILED, "quarantined")


def test_a_stop_before_anybody_took_it_ends_it(
    alice: Person, embedder: Model, worker: Worker, brain: Brain
) -> None:
    row = measure(alice, "one")
    actions.stop_generation(alice, row.id)
    brain.steps()

    row.refresh_from_db()
    assert row.state == State.STOPPED
    assert worker.pops() is None


def test_the_page_neither_lists_nor_asks_a_model_that_writes_no_answers(
    alice: Person, embedder: Model
) -> None:
    assert catalog.models_shown_to(alice) == []
    with pytest.raises(DoesNotAnswer):
        actions.send_message(
            alice,
            conversation_id=None,
            text="Hello",
            client_key=uuid4(),
            model_name="scripted:latest",
        )


@pytest.mark.threat("F24")
def test_too_many_texts_or_unclean_ones_are_never_queued(alice: Person, embedder: Model) -> None:
    with pytest.raises(TooMuch):
        measure(alice, *["x"] * 10_000)
    with pytest.raises(TooMuch):
        measure(alice, "x" * 4_000_001)
    with pytest.raises(BadCommand):
        measure(alice, "nul\0")

    assert not Generation.objects.exists()
