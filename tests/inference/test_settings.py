"""The worker's settings: read once, never guessed."""

from pathlib import Path

import pytest

from inference import settings
from inference.settings import BadSetting


def test_an_empty_environment_gives_the_defaults(tmp_path: Path) -> None:
    config = settings.read({"PORTAL_HOME": str(tmp_path)})

    assert config.backend == "llama"
    assert config.redis_url == f"unix://{tmp_path / 'valkey.sock'}"
    assert config.models == tmp_path / "models"
    assert config.keep_alive_seconds == 300
    assert config.load_timeout_seconds == 300
    assert config.lease_seconds == 15
    assert config.stall_seconds == 60
    assert config.max_loaded_models is None
    assert config.cache_type == "f16"
    assert config.flash_attention is None
    assert config.gpu_overhead_bytes == 0
    assert config.park_bytes == 512 * 1024 * 1024
    assert config.park_directory is None
    assert config.host


@pytest.mark.parametrize(
    ("text", "means"), [("1", True), ("true", True), ("0", False), ("False", False), ("", None)]
)
def test_flash_attention_is_read_as_ollama_reads_it(text: str, means: bool | None) -> None:
    assert settings.read({"OLLAMA_FLASH_ATTENTION": text}).flash_attention is means


def test_parking_can_be_switched_off_and_sent_to_a_disk(tmp_path: Path) -> None:
    config = settings.read({"INFERENCE_PARK_BYTES": "0", "INFERENCE_PARK_DIR": str(tmp_path)})

    assert (config.park_bytes, config.park_directory) == (0, tmp_path)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5m", 300), ("300", 300), ("1h30m", 5400), ("1.5h", 5400), ("500ms", 0.5), (" '0' ", 0)],
)
def test_keep_alive_is_read_as_ollama_reads_it(text: str, seconds: float) -> None:
    assert settings.read({"OLLAMA_KEEP_ALIVE": text}).keep_alive_seconds == seconds


@pytest.mark.parametrize("text", ["-1", "-1s", "-5m"])
def test_a_negative_keep_alive_means_for_ever(text: str) -> None:
    assert settings.read({"OLLAMA_KEEP_ALIVE": text}).keep_alive_seconds is None


@pytest.mark.parametrize("text", ["0", "-1m"])
def test_no_load_timeout_means_waiting(text: str) -> None:
    assert settings.read({"OLLAMA_LOAD_TIMEOUT": text}).load_timeout_seconds is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OLLAMA_KEEP_ALIVE", "soon"),
        ("OLLAMA_KEEP_ALIVE", "5m later"),
        ("OLLAMA_KEEP_ALIVE", "1e3s"),
        ("OLLAMA_LOAD_TIMEOUT", "5 minutes"),
        ("OLLAMA_NUM_PARALLEL", "-1"),
        ("OLLAMA_NUM_PARALLEL", "1000"),
        ("OLLAMA_NUM_PARALLEL", "٣"),
        ("OLLAMA_MAX_LOADED_MODELS", "many"),
        ("INFERENCE_BACKEND", "onnx"),
        ("INFERENCE_LEASE_SECONDS", "0"),
        ("INFERENCE_LEASE_SECONDS", "nan"),
        ("INFERENCE_STALL_SECONDS", "-5"),
        ("INFERENCE_HOST", "a host"),
        ("INFERENCE_HOST", "../etc"),
        ("INFERENCE_THREADS", "all"),
        ("INFERENCE_PARK_BYTES", "half"),
        ("OLLAMA_KV_CACHE_TYPE", "q2"),
        ("OLLAMA_GPU_OVERHEAD", "1GB"),
        ("INFERENCE_SPEED", "fast"),
    ],
)
def test_a_bad_or_unknown_value_is_named(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=name):
        settings.read({name: value})


def test_the_blob_path_is_that_of_ollama(tmp_path: Path) -> None:
    config = settings.read({"OLLAMA_MODELS": str(tmp_path)})

    assert config.blob_path("ab" * 32) == tmp_path / "blobs" / f"sha256-{'ab' * 32}"
