"""The same client and Debian's docker-registry: what is pushed comes back, byte for byte."""

import dataclasses
import hashlib
from pathlib import Path

import pytest

from portal.catalog.names import ModelName
from portal.catalog.registry import NotFound, Registry, Rules, upload
from portal.catalog.storage.manifest import CONFIG_TYPE, WEIGHTS_TYPE, Layer, Manifest
from portal.catalog.storage.store import Store
from tests.catalog.registry.conftest import CHUNK_BYTES, HASTY, ignored
from tests.doubles.real_registry import real_registry

WEIGHTS = hashlib.shake_256(b"10").digest(20 * CHUNK_BYTES + 1)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory):
    with real_registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture
def rules(host: str) -> Rules:
    return Rules(registries=(host,), chunk_bytes=CHUNK_BYTES, patience=HASTY)


def test_a_model_that_was_pushed_is_pulled_byte_for_byte(
    host, rules, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(upload, "PART_BYTES", 300_000)
    root = tmp_path / "models"
    root.mkdir()
    store = Store(root)
    name = ModelName(host, "me", "small", "v1")
    layers = []
    for data, kind in ((WEIGHTS, WEIGHTS_TYPE), (b"{}\n", CONFIG_TYPE)):
        staged = store.stage_bytes(data)
        layers.append(Layer(media_type=kind, digest=staged.digest, size_bytes=len(data)))
        with store.locked():
            store.publish(staged)
    manifest = Manifest(config=layers[1], layers=(layers[0],))
    with store.locked():
        store.write_manifest(name, manifest)
    registry = Registry(rules)

    registry.push(name, store, told=lambda layer, sent: None)
    fetched = registry.manifest(name)

    assert fetched.data == store.manifest_bytes(name)
    for layer in fetched.manifest.all_layers:
        staged = registry.fetch(name, layer, into=store.staged_folder(), told=ignored)
        assert staged.path.read_bytes() == store.blob_path(layer.digest).read_bytes()
    # Nothing is sent a second time.
    sent: list[int] = []
    registry.push(name, store, told=lambda layer, there: sent.append(there))
    assert set(sent) <= {0, len(WEIGHTS), 3}


def test_a_model_it_does_not_have_is_said_to_be_unknown(host, rules):
    registry = Registry(dataclasses.replace(rules, streams=1))

    with pytest.raises(NotFound) as told:
        registry.manifest(ModelName(host, "me", "other", "latest"))

    assert told.value.contract_text == "pull model manifest: file does not exist"
