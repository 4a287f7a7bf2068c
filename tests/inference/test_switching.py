"""Three real models, room for two: used in turn and at once, in one worker that never restarts."""

import contextlib
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from inference import protocol
from tests.doubles.tinymodels import write_llama
from tests.inference.conftest import MakeRequest, Portal, StartWorker, Until, Worker

MIB = 1024 * 1024
LIMIT_BYTES = 360 * MIB
GREEDY = protocol.Options(temperature=0, num_predict=24)


@pytest.fixture
def three_models(tmp_path: Path) -> list[protocol.ModelSpec]:
    """Of different sizes; each alone fits twice into the limit, all three together do not fit."""
    blobs = tmp_path / "models" / "blobs"
    blobs.mkdir(parents=True)
    specs = []
    for number, layers in enumerate((4, 6, 8)):
        weights = f"{number}" * 64
        write_llama(
            blobs / f"sha256-{weights}",
            layers=layers,
            width=512,
            heads=8,
            kv_heads=8,
            vocabulary=1024,
            seed=number,
        )
        specs.append(protocol.ModelSpec(weights=weights, context_length=512))
    return specs


class Scale:
    """What the runners of a worker occupy together, as the kernel counts it; the most so far."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.most_bytes = 0
        self.most_models = 0

    def look(self, portal: Portal) -> None:
        total = 0
        for process in self._worker.runner_processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        self.most_bytes = max(self.most_bytes, total)
        self.most_models = max(self.most_models, len(portal.runners()))


def test_three_models_are_used_in_turn_and_at_once_in_less_memory_than_the_limit(
    start_worker: StartWorker,
    portal: Portal,
    make_request: MakeRequest,
    three_models: list[protocol.ModelSpec],
    until: Until,
) -> None:
    worker = start_worker(
        INFERENCE_BACKEND="llama",
        INFERENCE_MEMORY_BYTES=str(LIMIT_BYTES),
        INFERENCE_PARK_BYTES=str(8 * MIB),
        INFERENCE_THREADS="1",
    )
    scale = Scale(worker)

    def ask(spec: protocol.ModelSpec, *, person: str) -> UUID:
        request = make_request("Which one are you?", model=spec, options=GREEDY, person=person)
        return portal.submit(request)

    def are_over(asked: list[UUID]) -> bool:
        scale.look(portal)
        return all(portal.end(one) for one in asked)

    in_turn = []
    for spec in three_models * 2:
        in_turn.append(ask(spec, person="alice"))
        until(lambda: are_over(in_turn))
    at_once = [ask(spec, person=f"p{n}") for n in range(4) for spec in three_models]
    until(lambda: are_over(at_once))

    for generation_id in [*in_turn, *at_once]:
        end = portal.end(generation_id)
        assert end is not None
        assert (end.why, end.stats and end.stats.answer_tokens) == ("length", 24)
    texts = [portal.text(one) for one in [*in_turn, *at_once]]
    assert len(set(texts)) == 3
    for number in range(3):
        assert len(set(texts[number::3])) == 1, "the same model answered in two ways"
    assert worker.process.poll() is None
    assert not portal.deaths()
    assert scale.most_models == 2
    assert scale.most_bytes < LIMIT_BYTES


def test_where_memory_is_short_a_model_is_loaded_with_fewer_slots_and_answers_all(
    start_worker: StartWorker,
    portal: Portal,
    make_request: MakeRequest,
    three_models: list[protocol.ModelSpec],
    until: Until,
) -> None:
    large = three_models[2]
    start_worker(
        INFERENCE_BACKEND="llama",
        INFERENCE_MEMORY_BYTES=str(175 * MIB),
        INFERENCE_THREADS="1",
    )

    asked = [
        portal.submit(make_request("And you?", model=large, options=GREEDY, person=f"p{n}"))
        for n in range(3)
    ]
    until(lambda: all(portal.end(one) for one in asked))

    state = portal.ready_runner()
    assert state is not None
    assert state.slots == 2
    assert len({portal.text(one) for one in asked}) == 1
    assert not portal.deaths()
