"""What lies in a manifest beside the weights; and what a model is made for."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from portal.catalog import actions, queries
from portal.catalog.models import Model
from portal.catalog.names import Digest, ModelName
from portal.catalog.storage.manifest import ADAPTER_TYPE, PROJECTOR_TYPE, Layer, Manifest
from portal.catalog.storage.store import Store
from tests.catalog.gguf_files import build_gguf, chat_gguf, number_value, text_value
from tests.doubles.tinyvision import write_projector

pytestmark = pytest.mark.django_db


@pytest.fixture
def layered(
    imported: Callable[..., Model], store: Store
) -> Callable[..., tuple[Model, list[Digest]]]:
    """A model that was in the store with these layers before we came, as Ollama left it."""

    def bring(*media_types: str) -> tuple[Model, list[Digest]]:
        imported("tuned")
        name = ModelName.parse("tuned")
        known = store.manifest(name).manifest
        layers, digests = [], []
        for number, media_type in enumerate(media_types):
            staged = store.stage_bytes(f"layer {number}".encode())
            layers.append(
                Layer(media_type=media_type, digest=staged.digest, size_bytes=staged.size_bytes)
            )
            digests.append(staged.digest)
            store.publish(staged)
        store.write_manifest(name, Manifest(config=known.config, layers=(*known.layers, *layers)))
        actions.sync_with_store(None)
        return Model.objects.get(name="tuned:latest"), digests

    return bring


def test_adapters_are_loaded_in_the_order_of_the_manifest(layered: Callable[..., Any]) -> None:
    model, digests = layered(ADAPTER_TYPE, ADAPTER_TYPE)

    spec = queries.spec_of(model)

    assert spec.adapters == tuple(digest.hex for digest in digests)
    assert spec.projector is None
    assert queries.spec_of(model, "embed").adapters == spec.adapters


def test_a_projector_is_loaded_to_answer_and_not_to_embed(layered: Callable[..., Any]) -> None:
    model, digests = layered(PROJECTOR_TYPE)

    assert "vision" in model.capabilities
    assert queries.spec_of(model).projector == digests[0].hex
    assert queries.spec_of(model, "embed").projector is None


def test_other_adapters_make_it_another_thing_to_load(layered: Callable[..., Any]) -> None:
    plain = queries.spec_of(Model(weights="a" * 64))
    tuned = queries.spec_of(Model(weights="a" * 64, adapters=["b" * 64]))

    assert plain.queue != tuned.queue


@pytest.mark.threat("E21")
def test_a_manifest_with_more_adapters_than_can_be_meant_is_not_adopted(
    layered: Callable[..., Any],
) -> None:
    model, _ = layered(*[ADAPTER_TYPE] * 17)

    assert model.adapters == []


@pytest.mark.parametrize(
    ("values", "capabilities", "task"),
    [
        ([], ["completion"], "answer"),
        ([number_value("bert.pooling_type", 1)], ["embedding"], "embed"),
        ([number_value("bert.pooling_type", 4)], ["embedding", "rerank"], "rerank"),
    ],
)
def test_what_a_model_is_made_for_is_read_from_its_file(
    store_root: Path,
    file_of: Callable[..., Path],
    values: list[Any],
    capabilities: list[str],
    task: str,
) -> None:
    path = file_of(build_gguf([text_value("general.architecture", "bert"), *values]))

    model = actions.import_file(None, source=actions.LocalFile(path=path), name="m")

    assert model.capabilities == capabilities
    assert queries.task_of(model) == queries.spec_of(model).task == task


def test_a_model_made_to_answer_may_be_loaded_twice() -> None:
    tasks = {
        capability: [
            spec.task
            for spec in queries.specs_of(Model(weights="a" * 64, capabilities=[capability]))
        ]
        for capability in ("completion", "embedding")
    }

    assert tasks == {"completion": ["answer", "embed"], "embedding": ["embed"]}


def test_importmodel_takes_a_projector_along(
    store: Store, file_of: Callable[..., Path], tmp_path: Path
) -> None:
    weights = file_of(chat_gguf())
    projector = write_projector(tmp_path / "eyes.gguf", width=32)

    call_command("importmodel", str(weights), "me/seeing:1", projector=projector)

    model = Model.objects.get(name="me/seeing:1")
    assert "vision" in model.capabilities
    assert model.projector == hashlib.sha256(projector.read_bytes()).hexdigest()


def test_importmodel_takes_no_projector_that_is_no_gguf(
    store: Store, file_of: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "eyes.gguf").write_bytes(b"nothing of the kind")

    with pytest.raises(CommandError, match="not a usable GGUF file"):
        call_command(
            "importmodel",
            str(file_of(chat_gguf())),
            "me/seeing:1",
            projector=tmp_path / "eyes.gguf",
        )

    assert not Model.objects.exists()
