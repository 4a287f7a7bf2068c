"""How to sample: the request's word first, wrong kinds refused, extremes capped."""

from typing import Any

import pytest

from inference import protocol
from portal.api.errors import Refused
from portal.api.options import chosen


def choose(asked: dict[str, Any], **more: dict[str, Any]) -> protocol.Options:
    given = {"parameters": {}, "defaults": {}, **more}
    return chosen(asked, **given)


def test_the_request_wins_over_the_model_and_the_model_over_the_defaults() -> None:
    parameters = {"temperature": 0.2, "top_k": 7}

    options = choose({"temperature": 0.9}, parameters=parameters, defaults={"top_p": 1.0})

    assert (options.temperature, options.top_k, options.top_p) == (0.9, 7, 1.0)
    assert options.min_p == protocol.Options().min_p


@pytest.mark.parametrize(
    ("option", "value", "kind"),
    [
        ("num_ctx", "big", "integer"),
        ("num_gpu", True, "integer"),
        ("use_mmap", 1, "boolean"),
        ("temperature", "hot", "float32"),
        ("stop", "x", "array"),
        ("seed", [], "integer"),
    ],
)
def test_a_wrong_kind_is_refused_with_their_status_and_words(
    option: str, value: object, kind: str
) -> None:
    with pytest.raises(Refused) as refused:
        choose({option: value})

    assert refused.value.status == 500
    assert refused.value.message == f'option "{option}" must be of type {kind}'


def test_stops_must_be_texts() -> None:
    with pytest.raises(Refused, match=r'^option "stop" must be of an array of strings$'):
        choose({"stop": ["a", 1]})


@pytest.mark.threat("F22")
@pytest.mark.parametrize("extreme", [-(10**12), -1, 0, 1e300, 10**12])
def test_no_number_is_too_extreme_to_be_capped(extreme: float) -> None:
    names = [
        *("num_predict", "temperature", "top_k", "top_p", "min_p", "typical_p", "seed"),
        *("repeat_last_n", "repeat_penalty", "presence_penalty", "frequency_penalty"),
    ]

    options = choose(dict.fromkeys(names, extreme))

    protocol.decode_request(_request_with(options))


@pytest.mark.threat("F22")
def test_how_a_model_is_loaded_is_not_for_requests_to_say() -> None:
    loading = {
        "num_ctx": 1_000_000,
        "num_batch": 1,
        "num_gpu": 0,
        "main_gpu": 3,
        "num_thread": 64,
        "use_mmap": False,
        "draft_num_predict": 4,
        "num_keep": 1,
    }

    assert choose(loading) == protocol.Options()


def test_unknown_options_and_null_say_nothing() -> None:
    assert choose({"mirostat": 2, "temperature": None, "numa": "x"}) == protocol.Options()


def test_whole_numbers_may_be_written_with_a_point() -> None:
    assert choose({"top_k": 12.9, "num_predict": 3.0}).top_k == 12


def test_a_seed_of_minus_one_is_random_and_any_other_is_kept() -> None:
    assert choose({"seed": -1}).seed is None
    assert choose({"seed": 42}).seed == 42
    assert choose({"seed": 2**32 + 5}).seed == 5


def test_no_limit_is_said_with_any_negative_number() -> None:
    assert choose({"num_predict": -2}).num_predict is None
    assert choose({"num_predict": 0}).num_predict == 0


def test_stops_that_could_never_be_matched_are_left_out() -> None:
    assert choose({"stop": ["", "###", "x" * 2000]}).stop == ("###",)


def _request_with(options: protocol.Options) -> bytes:
    from uuid import UUID

    return protocol.encode(
        protocol.Request(
            generation_id=UUID(int=1),
            attempt=1,
            person="p",
            lane="api",
            model=protocol.ModelSpec(weights="0" * 64, context_length=4096),
            model_name="m",
            messages=(protocol.Message(role="user", content="hello"),),
            options=options,
            expires_at=0.0,
        )
    )
