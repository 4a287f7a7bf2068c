"""Models that take long to make are jobs, with the same lines and the same end."""

from typing import Any
from uuid import UUID

import pytest
from django.utils import translation

from portal.catalog import jobs
from portal.catalog.converting import tool
from portal.catalog.jobs import pulling, queue
from portal.catalog.making import creating
from portal.catalog.making.order import Order
from portal.catalog.models import Job, JobState
from portal.catalog.names import ModelName
from portal.catalog.storage import readings
from portal.catalog.storage.store import Store
from portal.streams.jobs import Line, Teller
from tests.catalog.gguf_files import MINIMAL
from tests.doubles.shelf import Shelf

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    shelf = Shelf()
    monkeypatch.setattr(pulling, "Registry", shelf)
    return shelf


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What watchers are told; no worker hears of the job but the one in the test."""
    told: list[str] = []

    def send(_job_id: UUID, *, again: bool = False) -> None:
        """Nobody."""

    def tell(_teller: Teller, line: Line) -> None:
        told.append(line.status)

    monkeypatch.setattr(queue, "send", send)
    monkeypatch.setattr(Teller, "tell", tell)
    return told


def done(order: Order) -> Job:
    wants: dict[str, Any] = order.as_wants()
    job = jobs.start(None, "create", name=order.name, wants=wants)
    assert jobs.work(job.id)
    job.refresh_from_db()
    return job


def test_a_base_that_is_not_here_is_pulled_first(
    store: Store, shelf: Shelf, said: list[str]
) -> None:
    manifest = shelf.put("base:1")
    order = Order(name="mine", base="base:1", system="Say hi!")

    assert not creating.is_quick(order)
    job = done(order)

    assert job.state == JobState.DONE
    assert said[0] == "pulling manifest"
    assert said[-2:] == ["writing manifest", "success"]
    mine = store.manifest(ModelName.parse("mine")).manifest
    assert [layer.digest for layer in mine.layers[:2]] == [
        layer.digest for layer in manifest.layers
    ]
    assert mine.layers[0].source == "base:1"
    assert creating.is_quick(order)


def test_a_base_that_nobody_has_makes_nothing(store: Store, shelf: Shelf, said: list[str]) -> None:
    job = done(Order(name="mine", base="nowhere"))

    assert job.state == JobState.FAILED
    assert job.contract_text == "pull model manifest: file does not exist"
    assert store.all() == []


def test_parts_that_have_to_be_put_together_are_a_job_however_well_known(
    store: Store, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creating, "MAX_READ_AT_ONCE_BYTES", len(MINIMAL))
    staged = store.stage_bytes(MINIMAL)
    store.publish(staged)
    readings.note(staged.digest, size_bytes=len(MINIMAL))
    alone = {"big.gguf": str(staged.digest)}
    parts = {f"big-0000{number}-of-00002.gguf": str(staged.digest) for number in (1, 2)}

    assert creating.is_quick(Order(name="big", files=alone))
    assert not creating.is_quick(Order(name="big", files=parts))


def test_why_a_model_was_not_made_is_a_sentence_and_their_words(
    store: Store, said: list[str]
) -> None:
    staged = store.stage_bytes(MINIMAL)
    store.publish(staged)

    job = done(Order(name="x", files={"a.gguf": str(staged.digest)}, quantisation="Q8_0"))

    text = "quantization is only supported for F16, BF16 and F32 models"
    assert (job.contract_status, job.contract_text) == (500, text)
    sentence = jobs.sentence_about(job)
    assert text in sentence
    assert "Nothing was changed" in sentence


def test_what_cannot_be_converted_here_is_said_once_in_every_language(
    store: Store, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "is_installed", lambda: False)
    staged = store.stage_bytes(b"weights")
    store.publish(staged)

    with translation.override("zh-hans"):
        job = done(Order(name="x", files={"a.safetensors": str(staged.digest)}))
        told = jobs.sentence_about(job)

    assert job.contract_status == 400
    assert job.contract_text == job.failure
    assert job.failure.startswith("This portal cannot convert safetensors yet")
    assert told.startswith("本门户")


@pytest.mark.parametrize(
    "long",
    [
        {"messages": ({"role": "user", "content": "x" * 2**20},)},
        {"parameters": {"stop": ["x" * 2**20]}},
        {"system": "x" * 2**20 + "!"},
    ],
    ids=lambda long: next(iter(long)),
)
def test_what_nobody_could_read_back_is_refused_before_anything_is_made(
    store: Store, said: list[str], long: dict[str, Any]
) -> None:
    job = done(Order(name="x", base="y", **long))

    text = "a text of the model is longer than 1 MiB"
    assert (job.contract_status, job.contract_text) == (400, text)
    assert "Nothing was changed" in jobs.sentence_about(job)
    assert said == []
