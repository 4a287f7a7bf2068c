"""A models folder as Ollama lays it out, written without any of our own code that writes one."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DEFAULT = "registry.ollama.ai/library"
CONFIG = "application/vnd.docker.container.image.v1+json"
KIND = "application/vnd.ollama.image."
Layers = Sequence[tuple[str, bytes | Path]]


class OllamaFolder:
    """`put` is what `ollama pull` and `ollama create` leave behind."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs"
        self.blobs.mkdir(parents=True)

    def put(
        self, name: str, layers: Layers, *, config: Mapping[str, Any] | None = None, **more: Any
    ) -> Path:
        """`name` is host/namespace/model/tag or model/tag; a layer is (kind, bytes or a file)."""
        full = name if name.count("/") == 3 else f"{DEFAULT}/{name}"
        settings = {
            "model_format": "gguf",
            "model_family": "llama",
            "model_families": ["llama"],
            "model_type": "320",
            "file_type": "Q4_K_M",
            **(config or {}),
            # As registries deliver them: keys that nobody reads.
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": []},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": self._layer(CONFIG, json.dumps(settings).encode()),
            "layers": [self._layer(_media_type(kind), data) for kind, data in layers],
            **more,
        }
        path = self.root / "manifests" / full
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(manifest))  # as received: with spaces, without a line end
        return path

    def half_written(self, digest: str = "a" * 64) -> Path:
        """A download that an Ollama broke off."""
        whole = self.blobs / f"sha256-{digest}-partial"
        whole.write_bytes(b"half")
        part = {"N": 0, "Offset": 0, "Size": 100, "Completed": 4}
        (self.blobs / f"sha256-{digest}-partial-0").write_text(json.dumps(part))
        return whole

    def tree(self) -> dict[str, bytes]:
        """Every file below the folder with its bytes, but what is our own business."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and path.name != ".portal-lock"
        }

    def _layer(self, media_type: str, data: bytes | Path) -> dict[str, Any]:
        content = data if isinstance(data, bytes) else data.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        path = self.blobs / f"sha256-{digest}"
        if isinstance(data, Path):
            if not path.exists():
                os.link(data, path)
        else:
            path.write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


def _media_type(kind: str) -> str:
    return kind if "/" in kind else KIND + kind
