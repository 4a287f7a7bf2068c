"""A worker asked for vectors: over the real Valkey, in a process of its own."""

from typing import Any

from inference import protocol
from inference.engine.scripted_pooler import ScriptedPooler
from tests.inference.conftest import MakeRequest, Portal, StartWorker, Until

EMBED = protocol.ModelSpec(weights="ab" * 32, context_length=64, task="embed")
RERANK = protocol.ModelSpec(weights="ab" * 32, context_length=64, task="rerank")


def vectors_of(portal: Portal, generation_id: Any) -> list[bytes]:
    found: list[bytes] = []
    for _, event in portal.entries(generation_id):
        if isinstance(event, protocol.Vectors):
            assert event.first == len(found)
            found += event.vectors
    return found


def test_texts_become_vectors_and_their_tokens_are_counted(
    portal: Portal, start_worker: StartWorker, make_request: MakeRequest, until: Until
) -> None:
    start_worker()
    texts = tuple(f"text {number}" for number in range(200))

    asked = portal.submit(make_request(messages=(), model=EMBED, inputs=texts))
    until(lambda: portal.end(asked))

    pooler = ScriptedPooler()
    framed = [pooler.framed(pooler.encode(text)) for text in texts]
    assert vectors_of(portal, asked) == [pooler.pool([tokens])[0] for tokens in framed]
    end = portal.end(asked)
    assert end is not None
    assert end.why == "done"
    assert end.stats is not None
    assert end.stats.prompt_tokens == sum(map(len, framed))
    assert end.stats.load_ns > 0


def test_no_event_carries_more_vectors_than_a_batch_holds(
    portal: Portal, start_worker: StartWorker, make_request: MakeRequest, until: Until
) -> None:
    start_worker()

    asked = portal.submit(make_request(messages=(), model=EMBED, inputs=("a",) * 500))
    until(lambda: portal.end(asked))

    events = [event for _, event in portal.entries(asked)]
    sizes = [len(event.vectors) for event in events if isinstance(event, protocol.Vectors)]
    assert sum(sizes) == 500
    assert max(sizes) <= 64


def test_documents_are_scored_by_a_worker_of_their_own(
    portal: Portal, start_worker: StartWorker, make_request: MakeRequest, until: Until
) -> None:
    start_worker()

    vectors = portal.submit(make_request(messages=(), model=EMBED, inputs=("one",)))
    scores = portal.submit(make_request(messages=(), model=RERANK, inputs=("a", "b"), query="q"))
    until(lambda: portal.end(vectors) and portal.end(scores))

    (told,) = [e for _, e in portal.entries(scores) if isinstance(e, protocol.Scores)]
    assert len(told.scores) == 2


def test_an_input_that_may_not_be_cut_fails_by_its_name(
    portal: Portal, start_worker: StartWorker, make_request: MakeRequest, until: Until
) -> None:
    start_worker()

    asked = portal.submit(
        make_request(messages=(), model=EMBED, inputs=("x" * 100,), truncate=False)
    )
    end = until(lambda: portal.end(asked))

    assert (end.why, end.detail) == ("failed", "too-long")
