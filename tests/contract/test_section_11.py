"""Section 11 of the contract, replayed through the doors: what Ollama's own tests hold to.

The digests alone are in tests/api/ollama/test_create.py, the names in tests/catalog/test_names.py,
the parsers and splitters in tests/inference and tests/gotext, the live-model suite in
tests/clients.
"""

import hashlib
import json
import shutil
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from portal.api.go import gojson
from portal.catalog.models import Model, ModelState
from tests.api.ollama.test_create import GOLDEN, MINIMAL_SHA, TALK
from tests.catalog.gguf_files import MINIMAL, build_gguf, number_value, text_value
from tests.contract.living import MODELS, House

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.django_db(transaction=True)]

SUCCESS = b'{"status":"success"}'
PARAMETERS = {"temperature": 1, "top_k": 10, "stop": ["USER:", "ASSISTANT:"]}


class Store:
    """The store behind the doors: what is asked of it, and what then lies on the disk."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def create(self, **fields: Any) -> httpx.Response:
        return await self.post("create", **fields)

    async def post(self, what: str, **fields: Any) -> httpx.Response:
        asked = {"stream": False, **fields}
        return await self._house.post(f"/api/{what}", asked, who="manager")

    async def delete(self, model: str) -> httpx.Response:
        return await self._house.ask("DELETE", "/api/delete", {"model": model}, who="manager")

    async def upload(self, data: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        sent = await self._house.post(f"/api/blobs/{digest}", data, who="manager")
        assert (sent.status_code, sent.content) in ((200, b""), (201, b""))
        return digest

    async def names(self) -> set[str]:
        tags = (await self._house.ask("GET", "/api/tags", who="manager")).json()["models"]
        return {item["name"] for item in tags} - {f"{name}:latest" for name in MODELS}

    @property
    def blobs(self) -> set[str]:
        folder = self._house.root / "blobs"
        return {path.name.removeprefix("sha256-") for path in folder.glob("sha256-*")}

    @property
    def manifests(self) -> list[str]:
        folder = self._house.root / "manifests"
        return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


@pytest_asyncio.fixture(loop_scope="module")
async def store(house: House) -> AsyncIterator[Store]:
    yield Store(house)
    await Model.objects.exclude(name__in=[f"{name}:latest" for name in MODELS]).adelete()
    for folder in ("blobs", "manifests"):
        shutil.rmtree(house.root / folder, ignore_errors=True)


def native(error: str) -> bytes:
    return gojson.dumps({"error": error}).encode()


async def test_1_a_server_without_models_says_so(house: House, store: Store) -> None:
    await Model.objects.aupdate(is_published=False)
    try:
        tags = await house.ask("GET", "/api/tags")
        running = await house.ask("GET", "/api/ps")
    finally:
        await Model.objects.aupdate(is_published=True)

    assert tags.content == running.content == b'{"models":[]}'


async def test_1_a_model_that_was_made_is_listed_and_shown(house: House, store: Store) -> None:
    made = await store.create(
        model="show-model", files={"m.gguf": await store.upload(MINIMAL)}, template="{{ .Prompt }}"
    )
    assert (made.status_code, made.content) == (200, SUCCESS)

    wrong = await house.ask("GET", "/api/show", who="manager")
    tags = await house.ask("GET", "/api/tags", who="manager")

    await Model.objects.filter(name="show-model:latest").aupdate(state=ModelState.READY)
    one = await house.ask("GET", "/v1/models/show-model", who="manager")
    assert (one.json()["id"], one.json()["owned_by"]) == ("show-model", "library")
    assert wrong.status_code == 405
    assert b"expires_at" not in tags.content


async def test_2_a_model_is_made_copied_shown_and_deleted(house: House, store: Store) -> None:
    digest = await store.upload(MINIMAL)
    await store.create(model="test", files={"test.gguf": digest}, template="{{ .Prompt }}")
    whole = store.blobs

    copied = await store.post("copy", source="test", destination="other")
    assert (copied.status_code, copied.content) == (200, b"")
    shown = await house.post("/api/show", {"model": "other"}, who="manager")
    assert shown.json()["template"] == "{{ .Prompt }}"
    first = await store.delete("test")
    assert (first.status_code, first.content) == (200, b"")
    assert store.blobs == whole
    second = await store.delete("other")
    assert (second.status_code, second.content) == (200, b"")
    assert (store.blobs, store.manifests, await store.names()) == (set(), [], set())
    absent = await store.delete("other")
    assert (absent.status_code, absent.content) == (404, native("model 'other' not found"))


async def test_2_a_manifest_that_names_a_blob_twice_is_deleted_cleanly(
    house: House, store: Store
) -> None:
    await store.create(model="test", files={"m.gguf": await store.upload(MINIMAL)})
    path = house.root / "manifests/registry.ollama.ai/library/test/latest"
    manifest = json.loads(path.read_bytes())
    manifest["layers"] += manifest["layers"]
    path.write_text(json.dumps(manifest))

    response = await store.delete("test")

    assert (response.status_code, response.content) == (200, b"")
    assert (store.blobs, store.manifests) == (set(), [])


async def test_2_making_a_name_again_removes_what_only_the_old_one_had(store: Store) -> None:
    digest = await store.upload(MINIMAL)
    made = {"model": "test", "files": {"m.gguf": digest}}
    await store.create(**made, template="{{ .System }} {{ .Prompt }}", system="Say hi!")
    assert {GOLDEN["Say hi!"], GOLDEN["{{ .System }} {{ .Prompt }}"]} <= store.blobs

    await store.create(**made, template="{{ .Prompt }}")

    assert store.blobs == {MINIMAL_SHA, GOLDEN["config"], GOLDEN["{{ .Prompt }}"]}


async def test_3_a_derived_model_has_exactly_the_layers_of_the_golden_digests(
    store: Store,
) -> None:
    digest = await store.upload(MINIMAL)
    await store.create(
        model="test",
        files={"test.gguf": digest},
        template="{{ .System }} {{ .Prompt }}",
        system="Say hi!",
        license=["MIT", "Apache-2.0"],
        parameters=PARAMETERS,
        messages=TALK,
    )
    base = {
        *(MINIMAL_SHA, GOLDEN["config"], GOLDEN["{{ .System }} {{ .Prompt }}"]),
        *(GOLDEN["Say hi!"], GOLDEN["MIT"], GOLDEN["Apache-2.0"]),
        *(GOLDEN["params"], GOLDEN["messages"]),
    }
    assert store.blobs == base

    derived = await store.create(
        **{"from": "test"}, model="derived", parameters={"temperature": 0.6, "top_p": 0.7}
    )
    assert derived.content == SUCCESS
    assert store.blobs == base | {GOLDEN["derived"]}
    stopped = await store.create(
        **{"from": "derived"}, model="stopped", parameters={"stop": ["<|endoftext|>"]}
    )
    assert stopped.content == SUCCESS
    assert store.blobs == base | {GOLDEN["derived"], GOLDEN["stopped"]}


BAD: list[tuple[dict[str, Any], str]] = [
    ({"template": "{{ .Prompt"}, "template error: template: :1: unclosed action"),
    ({"template": "{{ if .Prompt }}"}, "template error: template: :1: unexpected EOF"),
    (
        {"template": "{{ Prompt }}"},
        'template error: template: :1: function "Prompt" not defined',
    ),
    ({"files": {"m.gguf": ""}}, "invalid digest format"),
    ({"info": {"context_length": "x"}}, 'info field "context_length" must be a number'),
    ({"info": {"model_family": 1}}, 'info field "model_family" must be a string'),
    (
        {"info": {"embedding_length": -1}},
        'info field "embedding_length" must be a non-negative integer',
    ),
    ({"files": {"../m.gguf": MINIMAL_SHA}}, "file path must be relative"),
    ({"files": {}}, "no files provided to convert"),
    ({"files": None}, "neither 'from' or 'files' was specified"),
]


@pytest.mark.parametrize(("change", "words"), BAD)
async def test_3_what_cannot_be_made_is_a_400_in_their_words(
    store: Store, change: dict[str, Any], words: str
) -> None:
    files = {"m.gguf": await store.upload(MINIMAL)}

    response = await store.create(**{"model": "bad", "files": files, **change})

    assert (response.status_code, response.content) == (400, native(words))
    assert await store.names() == set()


async def test_4_any_casing_touches_the_one_manifest(store: Store) -> None:
    digest = await store.upload(MINIMAL)
    await store.create(model="Test", files={"m.gguf": digest}, system="Say hi!")
    assert len(store.manifests) == 1

    again = await store.create(model="tEsT", files={"m.gguf": digest}, system="Say bye!")
    assert (again.content, len(store.manifests)) == (SUCCESS, 1)
    assert GOLDEN["Say bye!"] in store.blobs
    assert GOLDEN["Say hi!"] not in store.blobs
    copied = await store.post("copy", source="TEST", destination="TEST")
    assert (copied.status_code, len(store.manifests)) == (200, 1)
    deleted = await store.delete("teST")
    assert (deleted.status_code, store.manifests, store.blobs) == (200, [], set())


async def test_5_the_two_sources_of_a_name_exclude_each_other(store: Store) -> None:
    for written in ("m:local:cloud", "m:cloud:local", "m:20b-cloud:local"):
        words = f'use either :local or :cloud, not both: "{written}"'
        for what in ("show", "pull", "push", "create"):
            response = await store.post(what, model=written)
            assert (response.status_code, response.content) == (400, native(words)), what
        deleted = await store.delete(written)
        assert (deleted.status_code, deleted.content) == (400, native(words))


@pytest_asyncio.fixture(loop_scope="module")
async def made(store: Store) -> AsyncIterator[None]:
    """The two models of their tests: the smallest there is, and one that can only embed."""
    bert = build_gguf(
        [text_value("general.architecture", "bert"), number_value("bert.pooling_type", 1)]
    )
    for name, data in (("test", MINIMAL), ("pooling", bert)):
        response = await store.create(model=name, files={"m.gguf": await store.upload(data)})
        assert response.content == SUCCESS
    await Model.objects.aupdate(state=ModelState.READY)
    yield


EXACT: list[tuple[str, str, int, bytes]] = [
    ("chat", "null", 400, b'{"error":"model is required"}'),
    ("chat", '{"messages":[{"role":"user","content":"x"}]}', 400, b'{"error":"model is required"}'),
    ("generate", "null", 404, b'{"error":"model \'\' not found"}'),
    (
        "chat",
        '{"model":"pooling","messages":[{"role":"user","content":"x"}]}',
        400,
        b'{"error":"\\"pooling\\" does not support chat"}',
    ),
    (
        "generate",
        '{"model":"pooling","prompt":"x"}',
        400,
        b'{"error":"\\"pooling\\" does not support generate"}',
    ),
    (
        "chat",
        '{"model":"test","messages":[{"role":"user","content":"x"}],"think":true}',
        400,
        b'{"error":"\\"test\\" does not support thinking"}',
    ),
    (
        "generate",
        '{"model":"test","prompt":"x","suffix":"y"}',
        400,
        b'{"error":"registry.ollama.ai/library/test:latest does not support insert"}',
    ),
    (
        "generate",
        '{"model":"test","prompt":"x","top_logprobs":21}',
        400,
        b'{"error":"top_logprobs must be between 0 and 20"}',
    ),
    (
        "chat",
        '{"model":"test","top_logprobs":-1}',
        400,
        b'{"error":"top_logprobs must be between 0 and 20"}',
    ),
]


async def test_6_these_bodies_are_exact(house: House, made: None) -> None:
    for path, body, status, answer in EXACT:
        response = await house.post(f"/api/{path}", body.encode(), who="manager")

        assert (response.status_code, response.content) == (status, answer)
    fine = {"model": "test", "prompt": "x", "think": False, "stream": False}
    assert (await house.post("/api/generate", fine, who="manager")).status_code == 200
