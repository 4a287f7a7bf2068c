"""A template layer is read by the worker, where the weights lie, and only if it is whole."""

import hashlib
import logging
from pathlib import Path

import pytest

from inference import protocol
from inference.engine.templates.layers import MAX_BYTES, Layers, Unreadable
from tests.inference.conftest import MakeRequest, Portal, StartWorker, Until


def laid(folder: Path, data: bytes) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    (folder / f"sha256-{sha256}").write_bytes(data)
    return sha256


def layers_in(folder: Path) -> Layers:
    return Layers(lambda sha256: folder / f"sha256-{sha256}")


def test_a_layer_is_read_once(tmp_path: Path) -> None:
    sha256 = laid(tmp_path, "{{ .Prompt }}é".encode())
    layers = layers_in(tmp_path)

    assert layers.text(sha256) == "{{ .Prompt }}é"
    (tmp_path / f"sha256-{sha256}").unlink()
    assert layers.text(sha256) == "{{ .Prompt }}é"


@pytest.mark.threat("E16")
@pytest.mark.parametrize("data", [b"changed", b"x" * (MAX_BYTES + 1), None])
def test_what_is_not_what_its_name_says_is_not_read(tmp_path: Path, data: bytes | None) -> None:
    sha256 = laid(tmp_path, b"{{ .Prompt }}")
    path = tmp_path / f"sha256-{sha256}"
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)

    with pytest.raises(Unreadable):
        layers_in(tmp_path).text(sha256)


def test_a_request_gets_its_template_or_stays_without(
    tmp_path: Path, make_request: MakeRequest, caplog: pytest.LogCaptureFixture
) -> None:
    sha256 = laid(tmp_path, b"{{ .Prompt }}")
    layers = layers_in(tmp_path)

    assert layers.filled(make_request(go_template=sha256)).template == "{{ .Prompt }}"
    assert layers.filled(make_request(go_template=sha256, template="own")).template == "own"
    assert layers.filled(make_request()).template is None
    with caplog.at_level(logging.ERROR):
        assert layers.filled(make_request(go_template="f" * 64)).template is None
    assert "cannot be read" in caplog.text


def test_a_layer_writes_the_prompts_of_a_worker_and_a_missing_one_fails_in_words(
    tmp_path: Path,
    start_worker: StartWorker,
    portal: Portal,
    make_request: MakeRequest,
    until: Until,
) -> None:
    blobs = tmp_path / "models" / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    sha256 = laid(blobs, b"<{{ .Prompt }}>{{ .Response }}")
    start_worker()

    good = portal.submit(make_request("Hello", go_template=sha256, is_shown=True))
    bad = portal.submit(make_request("Hello", go_template="f" * 64))
    end = until(lambda: portal.end(good))
    failure = until(lambda: portal.end(bad))

    assert portal.text(good) == "<Hello>"
    assert (end.why, failure.why, failure.detail) == ("done", "failed", "template")
    assert isinstance(end, protocol.End)
