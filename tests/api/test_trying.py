"""The administrators' box that tries a model: a prompt on the real road, told line by line."""

import json

import pytest
from django.utils import translation

from inference import protocol
from portal.api import streaming
from portal.api.streaming import Pace
from portal.catalog.models import Model
from portal.catalog.trying import probing
from portal.streams import connection
from tests.api.conftest import Caller, Worker, in_thread


@pytest.mark.parametrize("language", ["en", "zh-hans"])
async def test_who_tries_a_model_is_told_that_no_model_server_is_there(
    alice: Caller, model: Model, worker: Worker, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setattr(streaming, "PACE", Pace(heartbeat_seconds=0.02))
    worker.is_taking = False
    await connection.async_client().delete(protocol.HOSTS)
    generation = await in_thread(probing.asked)(
        alice.person, model=model, prompt="Hello", max_tokens=8
    )
    with translation.override(language):
        lines = probing.told(alice.person, generation)
        told = json.loads(await anext(lines))
        worker.is_taking = True
        rest = b"".join([line async for line in lines])
        assert told == {"is": "waiting", "sentence": str(probing._ALONE)}

    assert told["sentence"].startswith("No model server" if language == "en" else "目前没有")
    assert json.loads(rest.splitlines()[-1])["is"] == "done"
