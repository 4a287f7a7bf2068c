"""Runner and supervisor understand each other, and nothing else."""

import os
import threading
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import child, words
from inference.protocol import ModelSpec
from inference.words import Batch, Beat, Ear, Failed, Launch, Let, Loading, Mouth, Ready, Took

WORDS: list[words.Word] = [
    Loading(progress=0.5),
    Ready(slots=4, context_length=4096, size_bytes=1, vram_bytes=0),
    Failed(reason="Unloadable"),
    Beat(steps=3, running=1),
    Took(generation_id=uuid4(), attempt=2, model_name="m"),
    Let(generation_id=uuid4(), attempt=2),
    Batch(generation_ids=(uuid4(), uuid4())),
]


def test_every_word_arrives_as_it_was_said() -> None:
    ear, mouth = os.pipe()
    speaker = Mouth(mouth)
    for word in WORDS:
        speaker.say(word)
    os.close(mouth)
    with os.fdopen(ear, "rb") as pipe:
        assert [words.decode(line) for line in pipe] == WORDS


def test_what_nobody_misses_is_not_said_to_somebody_who_does_not_listen() -> None:
    ear, mouth = os.pipe()
    speaker = Mouth(mouth)
    for n in range(5_000):
        speaker.murmur(Beat(steps=n, running=0))
    os.close(mouth)
    with os.fdopen(ear, "rb") as pipe:
        heard = [words.decode(line) for line in pipe]
    assert 0 < len(heard) < 5_000


@pytest.mark.threat("E17")
@given(st.binary(max_size=200))
def test_a_runner_gone_mad_is_not_understood(line: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        words.decode(line)


@pytest.mark.threat("E17")
@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"failed","reason":"a\\nfaked log line"}',
        b'{"type":"loading","progress":7}',
        b'{"type":"beat","steps":-1,"running":0}',
        b'{"type":"took","generation_id":"00000000-0000-0000-0000-000000000001","attempt":1,'
        b'"model_name":""}',
    ],
)
def test_a_word_that_would_spoil_a_report_is_none(line: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        words.decode(line)


def test_orders_come_line_by_line_however_they_are_cut() -> None:
    ear, mouth = os.pipe()
    spec = ModelSpec(weights="0" * 64, context_length=4096, template="x" * 300_000)
    launch = Launch(
        runner="r",
        supervisor_pid=1,
        model_name="m",
        spec=spec,
        slots=4,
        context_length=4096,
        gpu_layers=0,
        park_bytes=0,
    )
    data = msgspec.json.encode(launch) + b"\n" + words.DRAIN

    def write() -> None:
        for at in range(0, len(data), 7_001):
            os.write(mouth, data[at : at + 7_001])
        os.close(mouth)

    writer = threading.Thread(target=write)
    writer.start()
    orders = Ear(ear)

    assert words.decode_launch(orders.line()) == launch
    assert orders.line() == words.DRAIN
    assert orders.line() == b""
    writer.join()
    os.close(ear)


def test_a_runner_is_told_only_what_it_needs() -> None:
    environment = {
        "PATH": "/bin",
        "REDIS_URL": "unix://x",
        "OLLAMA_MODELS": "/m",
        "CUDA_VISIBLE_DEVICES": "0",
        "DATABASE_URL": "secret",
        "PORTAL_ADMIN_PASSWORD": "secret",
        "SECRET_KEY": "secret",
    }

    passed = child.passed_environment(environment)

    assert set(passed) == {"PATH", "REDIS_URL", "OLLAMA_MODELS", "CUDA_VISIBLE_DEVICES"}
