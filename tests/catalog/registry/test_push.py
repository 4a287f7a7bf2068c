"""Bringing a model to a registry: what it has is not sent, what breaks goes on, manifest last."""

import hashlib
from pathlib import Path

import pytest

from portal.catalog.names import ModelName
from portal.catalog.registry import Cancelled, Denied, Failed, Unreachable, upload
from portal.catalog.storage.manifest import CONFIG_TYPE, WEIGHTS_TYPE, Layer, Manifest
from portal.catalog.storage.store import Store
from tests.catalog.registry.conftest import ignored
from tests.doubles.lying_registry import Asked, LyingRegistry, once

PART_BYTES = 100_000
WEIGHTS = hashlib.shake_256(b"9").digest(3 * PART_BYTES + 5)


@pytest.fixture
def name(lying: LyingRegistry) -> ModelName:
    return ModelName(lying.host, "me", "mine", "v1")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    root = tmp_path / "models"
    root.mkdir()
    return Store(root)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "PART_BYTES", PART_BYTES)


def keep(store: Store, data: bytes, media_type: str, *, source: str = "") -> Layer:
    staged = store.stage_bytes(data)
    layer = Layer(media_type=media_type, digest=staged.digest, size_bytes=len(data), source=source)
    with store.locked():
        store.publish(staged)
    return layer


@pytest.fixture
def layer(store: Store) -> Layer:
    return keep(store, WEIGHTS, WEIGHTS_TYPE)


@pytest.fixture
def model(store: Store, name: ModelName, layer: Layer) -> bytes:
    """A stored model; the bytes of its manifest, spelled as ours are not."""
    config = keep(store, b'{"model_format":"gguf"}\n', CONFIG_TYPE)
    manifest = Manifest(config=config, layers=(layer,))
    data = manifest.as_bytes().replace(b'"schemaVersion":2', b'"schemaVersion": 2')
    with store.locked():
        store.write_manifest(name, manifest, data=data)
    return data


def test_a_model_is_brought_layer_by_layer_and_its_manifest_last(
    registry, lying, name, store, model, layer
):
    told: list[tuple[str, int]] = []

    registry.push(name, store, told=lambda layer, sent: told.append((layer.media_type, sent)))

    assert lying.blobs[str(layer.digest)] == WEIGHTS
    assert lying.manifests["me/mine:v1"] == model
    assert [each.method for each in lying.seen][-1] == "PUT"
    assert "/manifests/v1" in lying.seen[-1].path
    assert lying.seen[-1].headers["Content-Type"] == (
        "application/vnd.docker.distribution.manifest.v2+json"
    )
    assert (WEIGHTS_TYPE, len(WEIGHTS)) in told
    assert [kind for kind, _ in told][-1] == CONFIG_TYPE


def test_what_is_there_is_not_sent_again(registry, lying, name, store, model):
    registry.push(name, store, told=lambda layer, sent: None)
    lying.seen.clear()

    registry.push(name, store, told=lambda layer, sent: None)

    assert [each.method for each in lying.seen] == ["HEAD", "HEAD", "PUT"]


def test_a_large_file_goes_in_parts_as_ollama_sends_them(registry, lying, name, store, layer):
    registry.send(name, layer, store=store, told=ignored)

    parts = lying.asked_for("PATCH", "/uploads/")
    assert [each.headers["Content-Range"] for each in parts] == [
        "0-99999",
        "100000-199999",
        "200000-299999",
        "300000-300004",
    ]
    assert {each.headers["X-Redirect-Uploads"] for each in parts} == {"1"}
    assert {each.headers["Content-Type"] for each in parts} == {"application/octet-stream"}
    last = lying.asked_for("PUT", "/uploads/")[0]
    sums = [
        hashlib.md5(WEIGHTS[start : start + PART_BYTES], usedforsecurity=False).digest()
        for start in range(0, len(WEIGHTS), PART_BYTES)
    ]
    etag = hashlib.md5(b"".join(sums), usedforsecurity=False).hexdigest()
    assert f"etag={etag}-4" in last.path
    assert f"digest=sha256%3A{layer.digest.hex}" in last.path
    assert last.headers["Content-Length"] == "0"


def test_an_empty_file_has_no_parts(registry, lying, name, store):
    empty = keep(store, b"", WEIGHTS_TYPE)

    registry.send(name, empty, store=store, told=ignored)

    assert lying.blobs[str(empty.digest)] == b""
    assert not lying.asked_for("PATCH", "/uploads/")


def unknown(asked: Asked) -> bool:
    if asked.command == "HEAD":
        asked.say(404)
    return asked.command == "HEAD"


def test_a_file_of_another_model_there_is_not_sent(registry, lying, name, store):
    layer = keep(store, WEIGHTS, WEIGHTS_TYPE, source=f"{lying.host}/me/base:latest")
    lying.lies = [once(unknown)]
    lying.blobs[str(layer.digest)] = WEIGHTS

    registry.send(name, layer, store=store, told=ignored)

    begun = lying.asked_for("POST", "/uploads/")[0]
    assert "from=me%2Fbase" in begun.path
    assert f"mount=sha256%3A{layer.digest.hex}" in begun.path
    assert not lying.asked_for("PATCH", "/uploads/")


@pytest.mark.parametrize("source", ["library/base", "/models/blobs/sha256-1", "elsewhere/a/b:c"])
def test_a_file_of_elsewhere_is_not_asked_to_be_mounted(registry, lying, name, store, source):
    layer = keep(store, WEIGHTS, WEIGHTS_TYPE, source=source)

    registry.send(name, layer, store=store, told=ignored)

    assert "mount" not in lying.asked_for("POST", "/uploads/")[0].path


def breaks_off(lying: LyingRegistry, *, after_bytes: int):
    """The connection ends in the middle of a part, and so much of it was kept."""

    def lie(asked: Asked) -> bool:
        if asked.command != "PATCH" or not asked.headers["Content-Range"].startswith("100000-"):
            return False
        here = lying.uploads[asked.path.rpartition("/")[2]]
        here += asked.rfile.read(after_bytes)
        asked.rfile.read(PART_BYTES - after_bytes)
        asked.hang_up()
        return True

    return once(lie)


def test_a_part_that_breaks_goes_on_where_the_registry_stands(registry, lying, name, store, layer):
    lying.lies = [breaks_off(lying, after_bytes=40_000)]

    registry.send(name, layer, store=store, told=ignored)

    ranges = [each.headers["Content-Range"] for each in lying.asked_for("PATCH", "/uploads/")]
    assert ranges[1:3] == ["100000-199999", "140000-199999"]
    assert lying.blobs[str(layer.digest)] == WEIGHTS


def test_nothing_is_not_taken_for_one_byte(registry, lying, name, store, layer):
    """As real registries say it of an upload that has nothing yet."""

    def breaks(asked: Asked) -> bool:
        if asked.command == "PATCH":
            asked.hang_up()
        return asked.command == "PATCH"

    def says_nothing_yet(asked: Asked) -> bool:
        is_asked = asked.command == "GET" and "/uploads/" in asked.path
        if is_asked:
            asked.say(204, Range="0-0")
        return is_asked

    lying.lies = [once(breaks), says_nothing_yet]

    registry.send(name, layer, store=store, told=ignored)

    assert lying.blobs[str(layer.digest)] == WEIGHTS
    ranges = [each.headers["Content-Range"] for each in lying.asked_for("PATCH", "/uploads/")]
    assert ranges[:2] == ["0-99999", "0-99999"]


@pytest.mark.parametrize("status", [404, 416])
def test_an_upload_the_registry_forgot_begins_anew(registry, lying, name, store, layer, status):
    def forgets(asked: Asked) -> bool:
        if asked.command != "GET" or "/uploads/" not in asked.path:
            return False
        lying.uploads.clear()
        asked.say(status)
        return True

    lying.lies = [breaks_off(lying, after_bytes=40_000), forgets]

    registry.send(name, layer, store=store, told=ignored)

    assert len(lying.asked_for("POST", "/uploads/")) == 2
    assert lying.blobs[str(layer.digest)] == WEIGHTS


def loses_all(lying: LyingRegistry, *, method: str, status: int):
    """What came before this part, or before the end, is gone, and the registry says so."""

    def lie(asked: Asked) -> bool:
        is_first = asked.headers.get("Content-Range", "").startswith("0-")
        if asked.command != method or "/uploads/" not in asked.path or is_first:
            return False
        asked.rfile.read(int(asked.headers["Content-Length"]))
        here = asked.path.partition("?")[0].rpartition("/")[2]
        del lying.uploads[here][:]
        if status == 404:
            del lying.uploads[here]
        asked.say(status)
        return True

    return once(lie)


@pytest.mark.parametrize(("method", "status"), [("PATCH", 404), ("PATCH", 416), ("PUT", 404)])
def test_an_upload_the_registry_lost_meanwhile_begins_anew(
    registry, lying, name, store, layer, method, status
):
    lying.lies = [loses_all(lying, method=method, status=status)]

    registry.send(name, layer, store=store, told=ignored)

    assert len(lying.asked_for("POST", "/uploads/")) == 2
    assert lying.blobs[str(layer.digest)] == WEIGHTS


def test_a_file_that_was_taken_is_not_sent_again_for_want_of_the_last_answer(
    registry, lying, name, store, layer
):
    def takes_and_breaks(asked: Asked) -> bool:
        is_end = asked.command == "PUT" and "digest=" in asked.path
        if is_end:
            here = asked.path.partition("?")[0].rpartition("/")[2]
            lying.blobs[str(layer.digest)] = bytes(lying.uploads.pop(here))
            asked.hang_up()
        return is_end

    lying.lies = [takes_and_breaks]

    registry.send(name, layer, store=store, told=ignored)

    assert len(lying.asked_for("POST", "/uploads/")) == 1
    assert lying.blobs[str(layer.digest)] == WEIGHTS


def test_parts_go_straight_to_where_the_registry_says(registry, lying, name, store, layer):
    """A 307 to a part: it is put there, and the next goes where the answer said."""
    straight: list[bytes] = []

    def sends_on(asked: Asked) -> bool:
        if asked.command == "PATCH":
            asked.rfile.read(int(asked.headers["Content-Length"]))
            asked.say(307, Location=f"/straight/{len(straight)}", Docker_Upload_Location=asked.path)
            return True
        if asked.path.startswith("/straight/"):
            straight.append(asked.rfile.read(int(asked.headers["Content-Length"])))
            asked.say(200)
            return True
        if asked.command == "PUT" and "digest=" in asked.path:
            lying.uploads[asked.path.partition("?")[0].rpartition("/")[2]][:] = b"".join(straight)
        return False

    lying.lies = [sends_on]

    registry.send(name, layer, store=store, told=ignored)

    assert lying.blobs[str(layer.digest)] == WEIGHTS
    assert len(straight) == 4


def test_a_file_the_registry_finds_damaged_is_said_to_be_so(registry, lying, name, store, layer):
    store.blob_path(layer.digest).write_bytes(b"?" + WEIGHTS[1:])

    with pytest.raises(Failed) as told:
        registry.send(name, layer, store=store, told=ignored)

    assert "DIGEST_INVALID" in told.value.contract_text
    assert str(layer.digest) not in lying.blobs


@pytest.mark.threat("E5")
@pytest.mark.parametrize("status", [401, 403])
def test_a_push_that_is_refused_is_told_as_refused(registry, lying, name, store, layer, status):
    def refuses(asked: Asked) -> bool:
        if asked.command == "POST":
            asked.say(status)
        return asked.command == "POST"

    lying.lies = [refuses]

    with pytest.raises(Denied):
        registry.send(name, layer, store=store, told=ignored)

    assert len(lying.asked_for("POST", "/uploads/")) == 1


def test_a_registry_that_breaks_every_part_is_given_up(registry, lying, name, store, layer):
    def breaks(asked: Asked) -> bool:
        if asked.command == "PATCH":
            asked.hang_up()
            return True
        return False

    lying.lies = [breaks]

    with pytest.raises(Unreachable) as told:
        registry.send(name, layer, store=store, told=ignored)

    assert told.value.contract_text.startswith("max retries exceeded: ")
    assert not lying.manifests


def test_a_push_nobody_wants_ends(registry, lying, name, store, layer):
    reached: list[bool] = []

    def silent(asked: Asked) -> bool:
        if asked.command != "PATCH":
            return False
        reached.append(True)
        asked.registry.released.wait()
        asked.hang_up()
        return True

    lying.lies = [silent]

    with pytest.raises(Cancelled):
        registry.send(name, layer, store=store, told=ignored, wanted=lambda: not reached)
