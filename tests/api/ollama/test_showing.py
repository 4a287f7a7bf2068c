"""POST /api/show, /api/copy, DELETE /api/delete and GET /api/tags of real files, byte for byte."""

import dataclasses
import hashlib
import json
import re
import struct
from pathlib import Path
from typing import Any

import httpx
import pytest

from portal.accounts.models import KeyScope, Person
from portal.api.go import gojson
from portal.catalog import actions
from portal.catalog.models import Model, ModelState
from tests.api.conftest import Caller, in_thread, make_model, make_person, make_secret
from tests.catalog.gguf_files import (
    build_gguf,
    chat_gguf,
    number_value,
    tensor,
    text,
    text_value,
    texts_value,
)
from tests.catalog.ollama_folder import OllamaFolder

WEIGHTS = chat_gguf()
PARAMS = b'{"num_ctx":1000000,"seed":7,"stop":["<|im_end|>","a \\"b\\"\\n"],"temperature":0.7}\n'
MESSAGES = b'[{"role":"user","content":"Who?"},{"role":"assistant","content":"Ann."}]\n'
SHOWN = (
    *("license", "modelfile", "parameters", "template", "system", "details", "messages"),
    *("model_info", "tensors", "capabilities", "modified_at"),
)


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> OllamaFolder:
    root = tmp_path / "models"
    settings.PORTAL = dataclasses.replace(settings.PORTAL, models=root)
    return OllamaFolder(root)


@pytest.fixture
async def adopted(folder: OllamaFolder, http: httpx.AsyncClient) -> OllamaFolder:
    """`small` with all its papers, for everyone; `secret`, for nobody yet."""
    folder.put(
        "small/latest",
        [
            ("model", WEIGHTS),
            ("template", b"{{ .System }} {{ .Prompt }}"),
            ("system", b"Be <brief>."),
            ("params", PARAMS),
            ("messages", MESSAGES),
            ("license", b"MIT"),
            ("license", b"Apache-2.0"),
        ],
    )
    folder.put("secret/latest", [("model", chat_gguf(salt="secret"))])
    await in_thread(actions.sync_with_store)(None)

    def publish() -> None:
        Model.objects.update(state=ModelState.READY)
        actions.publish_model(None, model_id=Model.objects.get(name="small:latest").id)

    await in_thread(publish)()
    return folder


@pytest.fixture
async def carol(http: httpx.AsyncClient) -> Caller:
    """Looks after models, with a key for that."""

    def make() -> tuple[Person, str]:
        person = make_person("carol@example.com", is_staff=True, is_superuser=True)
        return person, make_secret(person, scopes=[KeyScope.MANAGE, KeyScope.CHAT])

    person, secret = await in_thread(make)()
    return Caller(person, secret, http)


async def delete(caller: Caller, body: Any) -> httpx.Response:
    return await caller.http.request("DELETE", "/api/delete", json=body, headers=caller.headers)


async def test_show_says_all_of_it_field_by_field(alice: Caller, adopted: OllamaFolder) -> None:
    response = await alice.post("/api/show", {"model": "SMALL"})

    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    shown = response.json()
    assert tuple(shown) == SHOWN
    assert response.text == gojson.dumps(shown)
    assert shown["license"] == "MIT\nApache-2.0"
    assert shown["parameters"].split("\n") == [
        "num_ctx                        1e+06",
        "seed                           7",
        'stop                           "<|im_end|>"',
        'stop                           "a \\"b\\"\\n"',
        "temperature                    0.7",
    ]
    assert shown["template"] == "{{ .System }} {{ .Prompt }}"
    assert shown["system"] == "Be <brief>."
    assert "Be \\u003cbrief\\u003e." in response.text
    assert shown["details"] == {
        "parent_model": "",
        "format": "gguf",
        "family": "llama",
        "families": ["llama"],
        "parameter_size": "320",
        "quantization_level": "Q4_K_M",
    }
    assert shown["messages"] == json.loads(MESSAGES)
    assert shown["model_info"] == {
        "general.architecture": "llama",
        "general.file_type": 15,
        "general.parameter_count": 320,
        "llama.context_length": 2048,
        "llama.embedding_length": 64,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.tokens": None,
    }
    assert list(shown["model_info"]) == sorted(shown["model_info"])
    assert shown["tensors"] == [
        {"name": "one", "type": "F32", "shape": [32, 2]},
        {"name": "two", "type": "Q4_K", "shape": [256]},
    ]
    assert shown["capabilities"] == ["completion"]
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", shown["modified_at"]
    )


@pytest.mark.threat("A10")
async def test_show_asks_for_a_key_like_every_other_address(
    alice: Caller, adopted: OllamaFolder
) -> None:
    asked = {"model": "small"}

    assert (await alice.http.post("/api/show", json=asked)).status_code == 401
    assert (await alice.http.post(f"/u/{alice.key}/api/show", json=asked)).status_code == 200


async def test_the_printed_modelfile_can_be_read_as_theirs(
    alice: Caller, adopted: OllamaFolder
) -> None:
    asked = {"name": "small", "system": "Other.", "options": {"top_k": 3}}

    shown = (await alice.post("/api/show", asked)).json()

    lines = shown["modelfile"].split("\n")
    assert lines[:4] == [
        '# Modelfile generated by "ollama show"',
        "# To build a new Modelfile based on this, replace FROM with:",
        "# FROM small:latest",
        "",
    ]
    assert re.fullmatch(rf"FROM {adopted.root}/blobs/sha256-[0-9a-f]{{64}}", lines[4])
    assert "SYSTEM Other." in lines
    assert "PARAMETER top_k 3" in lines
    assert shown["system"] == "Other."
    assert "top_k" not in shown["parameters"]


async def test_verbose_shows_what_the_lists_in_the_file_hold(
    alice: Caller, adopted: OllamaFolder
) -> None:
    shown = (await alice.post("/api/show", {"model": "small", "verbose": True})).json()

    assert shown["model_info"]["tokenizer.ggml.tokens"] == ["a", "b", "ü", "<|im_start|>"]


async def test_numbers_of_32_bits_are_written_with_their_own_digits(
    alice: Caller, folder: OllamaFolder
) -> None:
    def single(key: str, value: float) -> bytes:
        return text(key) + struct.pack("<If", 6, value)

    values = [
        text_value("general.architecture", "llama"),
        single("llama.rope.freq_base", 10_000.0),
        single("llama.attention.layer_norm_rms_epsilon", 1e-5),
        single("llama.scale", 0.1),
        single("llama.nothing", float("nan")),
        text("llama.wide") + struct.pack("<Id", 12, 0.1),
        text("llama.yes") + struct.pack("<IB", 7, 1),
        texts_value("tokenizer.ggml.tokens", []),
    ]
    folder.put("odd/latest", [("model", build_gguf(values))])
    await in_thread(actions.sync_with_store)(None)
    await in_thread(lambda: actions.publish_model(None, model_id=Model.objects.get().id))()

    response = await alice.post("/api/show", {"model": "odd"})

    for said in (
        '"llama.rope.freq_base":10000',
        '"llama.attention.layer_norm_rms_epsilon":0.00001',
        '"llama.scale":0.1',
        '"llama.nothing":null',
        '"llama.wide":0.1',
        '"llama.yes":true',
        '"tokenizer.ggml.tokens":[]',
    ):
        assert f"{said}," in response.text or f"{said}}}" in response.text
    assert response.json()["template"] == "{{ .Prompt }}"


async def test_a_projector_shows_what_it_says_of_itself(
    alice: Caller, folder: OllamaFolder
) -> None:
    projector = build_gguf(
        [text_value("general.architecture", "clip"), number_value("clip.vision.block_count", 2)],
        tensors=[tensor("v", shape=(8,), kind=0, offset=0)],
        data=bytes(32),
    )
    folder.put("eyes/latest", [("model", WEIGHTS), ("projector", projector)])
    await in_thread(actions.sync_with_store)(None)
    await in_thread(lambda: actions.publish_model(None, model_id=Model.objects.get().id))()

    shown = (await alice.post("/api/show", {"model": "eyes"})).json()

    assert shown["projector_info"] == {
        "clip.vision.block_count": 2,
        "general.architecture": "clip",
        "general.parameter_count": 8,
    }
    assert shown["capabilities"] == ["completion", "vision"]


async def test_copilot_finds_the_name_it_asked_for(alice: Caller, adopted: OllamaFolder) -> None:
    headers = {**alice.headers, "User-Agent": "GitHubCopilotChat/1.2"}

    shown = await alice.http.post("/api/show", json={"model": "small"}, headers=headers)

    assert shown.json()["model_info"]["general.basename"] == "small"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"model": None}, 400, "model is required"),
        ({}, 400, "model is required"),
        ({"model": "m@d"}, 400, "invalid model name"),
        ({"model": "Absent"}, 404, "model 'Absent:latest' not found"),
        ({"model": "secret"}, 404, "model 'secret:latest' not found"),
        ({"model": "registry.ollama.ai/library/absent"}, 404, "model 'absent:latest' not found"),
        (
            {"model": "gpt-oss:20b-cloud"},
            403,
            "ollama cloud is disabled: remote model details are unavailable",
        ),
        (
            {"model": "m:cloud:local"},
            400,
            'use either :local or :cloud, not both: "m:cloud:local"',
        ),
        (
            {"model": 1},
            400,
            "json: cannot unmarshal number into Go struct field ShowRequest.model of type string",
        ),
    ],
)
async def test_show_refuses_in_their_words(
    alice: Caller, adopted: OllamaFolder, body: Any, status: int, message: str
) -> None:
    response = await alice.post("/api/show", body)

    assert (response.status_code, response.json()) == (status, {"error": message})


async def test_an_empty_body_and_another_method_are_refused_in_their_words(
    alice: Caller, carol: Caller
) -> None:
    for path, method in (("show", "POST"), ("copy", "POST"), ("delete", "DELETE")):
        response = await carol.http.request(method, f"/api/{path}", headers=carol.headers)
        assert response.json() == {"error": "missing request body"}
    response = await alice.http.post("/api/show", content=b"null", headers=alice.headers)
    assert response.json() == {"error": "model is required"}
    response = await alice.get("/api/show")
    assert (response.status_code, response.text) == (405, "405 method not allowed")


# Copy and delete.


async def test_a_model_is_copied_shown_and_deleted(carol: Caller, adopted: OllamaFolder) -> None:
    weights = {path.name for path in adopted.blobs.iterdir()}

    copied = await carol.post("/api/copy", {"source": "SMALL", "destination": "me/copy:2"})
    assert (copied.status_code, copied.content) == (200, b"")
    shown = (await carol.post("/api/show", {"model": "me/copy:2"})).json()
    assert shown["system"] == "Be <brief>."
    first = await delete(carol, {"model": "small"})
    assert (first.status_code, first.content) == (200, b"")
    assert {path.name for path in adopted.blobs.iterdir()} == weights
    assert (await delete(carol, {"name": "ME/Copy:2"})).status_code == 200

    assert (await delete(carol, {"model": "small"})).status_code == 404
    assert len(list(adopted.blobs.iterdir())) == 2  # those of the other model
    assert not list((adopted.root / "manifests").rglob("copy"))


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 400, 'source "" is invalid'),
        ({"source": "a@b", "destination": "c"}, 400, 'source "a@b" is invalid'),
        ({"source": "small"}, 400, 'destination "" is invalid'),
        ({"source": "small", "destination": "c//d"}, 400, 'destination "c//d" is invalid'),
        ({"source": "Absent", "destination": "c"}, 404, 'model "Absent" not found'),
    ],
)
async def test_copy_refuses_in_their_words(
    carol: Caller, adopted: OllamaFolder, body: Any, status: int, message: str
) -> None:
    response = await carol.post("/api/copy", body)

    assert (response.status_code, response.json()) == (status, {"error": message})


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"model": None}, 400, "model is required"),
        ({"model": ""}, 400, "model is required"),
        ({"model": "a@b"}, 400, 'name "a@b" is invalid'),
        ({"model": "Absent"}, 404, "model 'Absent' not found"),
        ({"model": "m:local:cloud"}, 400, 'use either :local or :cloud, not both: "m:local:cloud"'),
    ],
)
async def test_delete_refuses_in_their_words(
    carol: Caller, adopted: OllamaFolder, body: Any, status: int, message: str
) -> None:
    response = await delete(carol, body)

    assert (response.status_code, response.json()) == (status, {"error": message})


@pytest.mark.parametrize("written", ["gpt-oss:20b:cloud", "GPT-OSS:20b-cloud"])
async def test_a_model_that_runs_elsewhere_is_deleted_by_either_spelling(
    carol: Caller, folder: OllamaFolder, written: str
) -> None:
    remote = {"remote_host": "https://ollama.com:443", "remote_model": "gpt-oss:20b"}
    folder.put("gpt-oss/20b-cloud", [], config=remote)
    await in_thread(actions.sync_with_store)(None)
    (listed,) = (await carol.get("/api/tags")).json()["models"]
    assert list(listed)[:4] == ["name", "model", "remote_model", "remote_host"]

    assert (await delete(carol, {"model": written})).status_code == 200

    assert (await carol.get("/api/tags")).json() == {"models": []}


@pytest.mark.threat("B15")
@pytest.mark.threat("E1")
async def test_only_a_key_for_managing_copies_and_deletes(
    alice: Caller, adopted: OllamaFolder
) -> None:
    """And such a key is worth nothing without the right."""

    def make() -> Caller:
        dave = make_person("dave@example.com", is_staff=True)
        return Caller(dave, make_secret(dave, scopes=[KeyScope.MANAGE]), alice.http)

    before = adopted.tree()

    for caller in (alice, await in_thread(make)()):
        copied = await caller.post("/api/copy", {"source": "small", "destination": "mine"})
        assert copied.status_code == 403
        assert (await delete(caller, {"model": "small"})).status_code == 403

    assert adopted.tree() == before


class Beside:
    """What lies beside the store, and that manifests lie where they should."""

    def __init__(self, everything: Path, store: Path) -> None:
        (everything / "outside").write_text("stays")
        self._everything, self._store = everything, store
        self._before = self._now()

    def assert_untouched(self) -> None:
        assert self._now() == self._before
        places = [path for path in (self._store / "manifests").rglob("*") if path.is_file()]
        assert all(len(path.relative_to(self._store).parts) == 5 for path in places)
        assert not [path for path in places if "\n" in str(path)]

    def _now(self) -> set[Path]:
        paths = self._everything.rglob("*")
        return {path for path in paths if not path.is_relative_to(self._store)}


@pytest.mark.threat("E1")
@pytest.mark.parametrize(
    "name",
    [
        *("../../etc/passwd", "..", "a/../b", "m:../../x", "/etc/passwd", "m\n", "m\x00", "ｍ:1"),
        *(
            "a/b/c/d/e",
            "~/m",
            "m:",
            ":t",
            "%2e%2e/m",
            "m:t\n",
            "C:\\m",
            "sha256-" + "a" * 64 + "\n",
        ),
    ],
)
async def test_no_name_leads_out_of_the_folder(
    carol: Caller, adopted: OllamaFolder, tmp_path: Path, name: str
) -> None:
    beside = Beside(tmp_path, adopted.root)

    answers = [
        await carol.post("/api/copy", {"source": "small", "destination": name}),
        await carol.post("/api/copy", {"source": name, "destination": "copy"}),
        await carol.post("/api/show", {"model": name}),
        await delete(carol, {"model": name}),
    ]

    # A line end at the end is trimmed where names are trimmed; then it is an ordinary name.
    assert all(answer.status_code in (200, 400, 404) for answer in answers)
    beside.assert_untouched()


# Lists.


async def test_the_list_tells_what_the_files_say(alice: Caller, adopted: OllamaFolder) -> None:
    (listed,) = (await alice.get("/api/tags")).json()["models"]

    manifest = adopted.root / "manifests/registry.ollama.ai/library/small/latest"
    data = manifest.read_bytes()
    written = json.loads(data)
    assert listed["digest"] == hashlib.sha256(data).hexdigest()
    assert listed["size"] == sum(layer["size"] for layer in (written["config"], *written["layers"]))
    assert listed["details"] == {
        "parent_model": "",
        "format": "gguf",
        "family": "llama",
        "families": ["llama"],
        "parameter_size": "320",
        "quantization_level": "Q4_K_M",
        "context_length": 2048,
        "embedding_length": 64,
    }
    assert listed["capabilities"] == ["completion"]
    assert "expires_at" not in listed
    head = await alice.http.head("/api/tags", headers=alice.headers)
    assert (head.status_code, head.content) == (200, b"")


async def test_a_derived_model_names_its_parent(alice: Caller, folder: OllamaFolder) -> None:
    path = folder.put("derived/latest", [("model", WEIGHTS)])
    written = json.loads(path.read_bytes())
    written["layers"][0]["from"] = "base:7b"
    path.write_text(json.dumps(written))
    await in_thread(actions.sync_with_store)(None)

    def publish() -> None:
        Model.objects.update(state=ModelState.READY)
        actions.publish_model(None, model_id=Model.objects.get().id)

    await in_thread(publish)()

    (listed,) = (await alice.get("/api/tags")).json()["models"]
    shown = (await alice.post("/api/show", {"model": "derived"})).json()
    assert listed["details"]["parent_model"] == shown["details"]["parent_model"] == "base:7b"


@pytest.mark.threat("B16")
async def test_what_nobody_can_choose_yet_is_listed_for_who_looks_after_models_alone(
    alice: Caller, carol: Caller
) -> None:
    await in_thread(make_model)("new:1b", state=ModelState.ADDED)

    assert (await alice.get("/api/tags")).json() == {"models": []}
    (listed,) = (await carol.get("/api/tags")).json()["models"]
    assert listed["name"] == "new:1b"


async def test_a_model_that_is_being_checked_may_be_looked_at(
    alice: Caller, adopted: OllamaFolder
) -> None:
    await in_thread(lambda: Model.objects.update(state=ModelState.ADDED))()

    assert (await alice.post("/api/show", {"model": "small"})).status_code == 200

    await in_thread(lambda: Model.objects.update(state=ModelState.BROKEN))()
    assert (await alice.post("/api/show", {"model": "small"})).status_code == 404
