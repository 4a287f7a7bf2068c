"""protocol.py as seen from both ends: closed, versioned, checked, and in order."""

import json
import random
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import protocol
from inference.protocol import ProtocolError

STATS = protocol.Stats(prompt_tokens=9, cached_tokens=3, answer_tokens=5, answer_ns=10**9)
EVENTS: list[protocol.Event] = [
    protocol.Taken(runner="here-1"),
    protocol.Reading(read_tokens=3, prompt_tokens=9),
    protocol.Piece(text="Grüße 👋\x00\n"),
    protocol.Piece(text="hm", kind="thinking"),
    protocol.End(why="done", stats=STATS),
    *(protocol.End(why="failed", detail=detail) for detail in protocol.DETAILS),
    protocol.End(why="interrupted", detail="died"),
    protocol.End(why="stopped"),
    protocol.End(why="length"),
]


def a_request(**changes: Any) -> protocol.Request:
    fields: dict[str, Any] = {
        "generation_id": UUID(int=1),
        "attempt": 1,
        "person": "p",
        "lane": "person",
        "model": protocol.ModelSpec(weights="0" * 64, context_length=4096),
        "model_name": "m",
        "messages": (protocol.Message(role="user", content="Hello"),),
        "expires_at": 1.0,
    }
    return protocol.Request(**{**fields, **changes})


def plain(**changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(protocol.encode(a_request()))
    return {**data, **changes}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_comes_back_as_it_was(event: protocol.Event) -> None:
    assert protocol.decode_event(protocol.encode(event)) == event


def test_requests_specs_deaths_and_hosts_come_back_as_they_were() -> None:
    request = a_request(so_far="and then", deaths=2, options=protocol.Options(seed=7, stop=("x",)))
    held = protocol.Held(generation_id=uuid4(), attempt=2, in_batch=True, alone=False)
    death = protocol.Death(runner="r", queue="q", how="crashed", held=(held,))
    state = protocol.RunnerState(runner="r", queue="q", model_name="m", pid=1, state="ready")
    host = protocol.HostState(host="here", seen_at=1.5, runners=(state,))

    assert protocol.decode_request(protocol.encode(request)) == request
    assert protocol.decode_spec(protocol.encode(request.model)) == request.model
    assert protocol.decode_death(protocol.encode(death)) == death
    assert protocol.decode_host(protocol.encode(host)) == host


def a_host(**changes: Any) -> bytes:
    runner = {"runner": "r", "queue": "q", "model_name": "m", "pid": 1, "state": "ready"}
    told = {"version": 1, "host": "here", "seen_at": 1.5, "runners": [runner]}
    return json.dumps({**told, **changes}).encode()


def test_an_older_worker_that_does_not_tell_its_room_is_understood() -> None:
    state = protocol.decode_host(a_host())

    assert (state.room, state.trouble, state.runners[0].slots) == (None, "", 0)


def test_a_newer_worker_that_tells_more_of_itself_is_understood_as_far_as_we_know_the_words() -> (
    None
):
    runner = {"runner": "r", "queue": "q", "model_name": "m", "pid": 1, "state": "ready"}
    data = a_host(
        room={"memory_bytes": 7, "colour": "blue"},
        runners=[{**runner, "mood": 3}],
        weather=["fine"],
    )

    state = protocol.decode_host(data)

    assert state.room == protocol.Room(memory_bytes=7)
    assert [each.queue for each in state.runners] == ["q"]


@pytest.mark.threat("G2")
@pytest.mark.parametrize(
    "changes",
    [{"version": 2}, {"room": {"memory_bytes": -1}}, {"room": 3}, {"trouble": "hunger"}],
    ids=str,
)
def test_a_worker_whose_words_mean_something_else_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        protocol.decode_host(a_host(**changes))


@pytest.mark.threat("G2")
def test_a_death_is_acted_upon_and_so_says_nothing_we_do_not_know() -> None:
    death = json.loads(protocol.encode(protocol.Death(runner="r", queue="q", how="crashed")))
    protocol.decode_death(json.dumps(death).encode())

    with pytest.raises(ProtocolError):
        protocol.decode_death(json.dumps({**death, "colour": "blue"}).encode())


@pytest.mark.threat("G2")
@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "blue"},
        {"version": 2},
        {"version": "1"},
        {"generation_id": "1"},
        {"attempt": 0},
        {"attempt": True},
        {"lane": "vip"},
        {"person": ""},
        {"messages": []},
        {"messages": [{"role": "a god", "content": "x"}]},
        {"messages": [{"role": "user", "content": "x", "tool": 1}]},
        {"expires_at": -1},
        {"expires_at": "now"},
        {"model": {"weights": "0" * 63, "context_length": 4096}},
        {"model": {"weights": "0" * 64 + "\n", "context_length": 4096}},
        {"model": {"weights": "../../etc/passwd", "context_length": 4096}},
        {"model": {"weights": "0" * 64, "context_length": 10**12}},
    ],
    ids=str,
)
def test_a_request_that_is_not_of_this_version_is_refused(changes: dict[str, Any]) -> None:
    protocol.decode_request(json.dumps(plain()).encode())
    with pytest.raises(ProtocolError):
        protocol.decode_request(json.dumps(plain(**changes)).encode())


@pytest.mark.threat("F6")
@pytest.mark.parametrize(
    "options",
    [
        {"temperature": -1},
        {"temperature": 1e9},
        {"temperature": "warm"},
        {"top_p": 1.5},
        {"num_predict": -1},
        {"num_predict": 10**9},
        {"top_k": 2**40},
        {"seed": -1},
        {"seed": 2**32},
        {"repeat_last_n": -2},
        {"stop": [""]},
        {"stop": ["x"] * 33},
        {"grammar": "root ::= x"},
    ],
    ids=str,
)
def test_an_option_out_of_range_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        protocol.decode_request(json.dumps(plain(options=options)).encode())


@pytest.mark.threat("F6")
@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_no_number_that_is_none_gets_through(text: str) -> None:
    data = json.dumps(plain(options={"temperature": 5})).replace("5}", text + "}", 1)
    with pytest.raises(ProtocolError):
        protocol.decode_request(data.encode())


@pytest.mark.threat("G2")
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_understood_and_nothing_else(data: bytes) -> None:
    for decode in (
        protocol.decode_event,
        protocol.decode_request,
        protocol.decode_spec,
        protocol.decode_death,
        protocol.decode_host,
    ):
        with pytest.raises(ProtocolError):
            decode(data)


@pytest.mark.threat("G2")
@given(st.integers(min_value=0, max_value=2**32))
def test_a_damaged_event_is_refused_or_is_an_event(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    data = bytearray(protocol.encode(dice.choice(EVENTS)))
    for _ in range(dice.randint(1, 4)):
        data[dice.randrange(len(data))] = dice.randrange(256)
    try:
        event = protocol.decode_event(bytes(data))
    except ProtocolError:
        return
    assert isinstance(event, protocol.Taken | protocol.Reading | protocol.Piece | protocol.End)


@pytest.mark.threat("A11")
def test_a_refusal_never_quotes_what_it_refused() -> None:
    data = json.dumps(plain(messages=[{"role": "user", "content": "SECRET", "x": 1}])).encode()
    with pytest.raises(ProtocolError) as refusal:
        protocol.decode_request(data)
    assert "SECRET" not in str(refusal.value)
    assert refusal.value.__cause__ is None


@given(st.lists(st.tuples(st.integers(1, 2**40), st.integers(0, 2**40)), min_size=1, max_size=20))
def test_event_ids_come_back_and_keep_their_order(ids: list[tuple[int, int]]) -> None:
    texts = [protocol.event_id(attempt, number) for attempt, number in sorted(ids)]

    assert [protocol.parse_event_id(text) for text in texts] == sorted(ids)
    assert [protocol.parse_event_id(text.encode()) for text in texts] == sorted(ids)


def test_closing_an_attempt_stands_after_all_of_it_and_before_the_next() -> None:
    last_of_first = protocol.parse_event_id(protocol.event_id(1, 10**9))
    closing = protocol.parse_event_id(protocol.event_id(2, 0))
    first_of_second = protocol.parse_event_id(protocol.event_id(2, 1))

    assert last_of_first < closing < first_of_second


def test_equal_specs_share_a_queue_and_others_do_not() -> None:
    spec = protocol.ModelSpec(weights="0" * 64, context_length=4096)

    assert spec.queue == protocol.ModelSpec(weights="0" * 64, context_length=4096).queue
    assert spec.queue != protocol.ModelSpec(weights="0" * 64, context_length=8192).queue
    assert spec.queue != protocol.ModelSpec(weights="1" * 64, context_length=4096).queue
    with_template = protocol.ModelSpec(weights="0" * 64, context_length=4096, template="x")
    assert spec.queue != with_template.queue
    assert len(spec.queue) == 32


def test_deep_nesting_is_refused_and_does_not_overflow() -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        data = (opening * 100_000 + "1" + closing * 100_000).encode()
        with pytest.raises(ProtocolError):
            protocol.decode_request(data)
