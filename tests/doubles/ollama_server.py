"""A server that answers as a real Ollama does, on loopback: statuses, framing, words, field order.

Written from Ollama's published behaviour, for clients that must work against both. It has no models
but those it is given, and remembers what it was asked. Not for testing the portal.
"""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from tests.doubles.go_server import Asked, Fields, GoServer, Wrong

CREATED = "2026-08-21T10:00:00.123456789Z"
MODIFIED = "2026-08-21T12:00:00.5+02:00"
COUNTERS = {
    "total_duration": 2_345_678_901,
    "load_duration": 45_100,
    "prompt_eval_count": 26,
    "prompt_eval_duration": 120_000_000,
    "eval_count": 290,
    "eval_duration": 2_100_000_000,
}
PACE_SECONDS = 0.005
THOUGHT = ("Waves are ", "short.")


@dataclass
class Kept:
    """A model that this server has. `said` answers every question."""

    name: str
    size: int = 1_321_098_329
    capabilities: tuple[str, ...] = ("completion",)
    said: tuple[str, ...] = ("Because of ", "Rayleigh scattering.")
    more: Fields = field(default_factory=dict)

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()

    @property
    def details(self) -> Fields:
        return {
            "parent_model": "",
            "format": "gguf",
            "family": "llama",
            "families": ["llama"],
            "parameter_size": "1.2B",
            "quantization_level": "Q8_0",
        }


class OllamaServer:
    """Runs in threads of this process until the block ends."""

    def __init__(self, *models: Kept) -> None:
        self.models = {model.name: model for model in models}
        self.loaded: dict[str, Fields] = {}
        # What a registry would have; pulling makes it a model here.
        self.registry: dict[str, Kept] = {}
        # Set by whoever wants an answer that goes on until its client leaves.
        self.is_endless = False
        self._http = GoServer(
            {
                ("GET", "/api/version"): self.version,
                ("GET", "/api/tags"): self.tags,
                ("GET", "/api/ps"): self.ps,
                ("POST", "/api/show"): self.show,
                ("POST", "/api/generate"): self.generate,
                ("POST", "/api/chat"): self.chat,
                ("POST", "/api/embed"): self.embed,
                ("POST", "/api/pull"): self.pull,
                ("POST", "/api/push"): self.push,
                ("POST", "/api/create"): self.create,
                ("POST", "/api/copy"): self.copy,
                ("DELETE", "/api/delete"): self.delete,
            },
            bare="Ollama is running",
            uploads=("/api/blobs/", self.blob),
        )

    def __enter__(self) -> Self:
        self._http.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.end()

    @property
    def address(self) -> str:
        return self._http.address

    @property
    def asked(self) -> list[Asked]:
        return self._http.asked

    @property
    def has_been_left(self) -> threading.Event:
        return self._http.has_been_left

    def bodies(self, path: str) -> list[Fields]:
        """What was asked of this path, in order."""
        return [asked.body for asked in self.asked if asked.path == path]

    # ── What each route says ─────────────────────────────────────────────────────────────────

    def version(self, _: Fields) -> Fields:
        return {"version": "0.20.0"}

    def tags(self, _: Fields) -> Fields:
        return {
            "models": [
                {
                    "name": model.name,
                    "model": model.name,
                    "modified_at": MODIFIED,
                    "size": model.size,
                    "digest": model.digest,
                    "details": model.details,
                    "capabilities": list(model.capabilities),
                }
                for model in self.models.values()
            ]
        }

    def ps(self, _: Fields) -> Fields:
        until = datetime.now(UTC) + timedelta(minutes=4, seconds=59)
        return {
            "models": [
                {
                    "name": name,
                    "model": name,
                    "size": 2_200_000_000,
                    "digest": self.models[name].digest,
                    "details": self.models[name].details,
                    "expires_at": until.isoformat(),
                    "size_vram": 0,
                    "context_length": 4096,
                    **more,
                }
                for name, more in self.loaded.items()
            ]
        }

    def show(self, body: Fields) -> Fields:
        name = body.get("model") or body.get("name") or ""
        if not name:
            raise Wrong(400, "model is required")
        model = self.models.get(_tagged(name))
        if model is None:
            raise Wrong(404, f"model '{_tagged(name)}' not found")
        info = {
            "modelfile": f'# Modelfile generated by "ollama show"\n\nFROM {model.name}\n',
            "details": model.details,
            "model_info": {
                "general.architecture": "llama",
                "general.parameter_count": 1_235_814_432,
                "llama.context_length": 131_072,
                "llama.embedding_length": 2048,
            },
            "capabilities": list(model.capabilities),
            "modified_at": MODIFIED,
        }
        return {**info, **model.more}

    def generate(self, body: Fields) -> Fields | Iterator[Fields]:
        model = self._model(body, empty="model '' not found", status=404)
        stays = body.get("keep_alive")
        if isinstance(stays, str) and stays.isdigit():
            raise Wrong(400, f'time: missing unit in duration "{stays}"')
        head = {"model": body["model"], "created_at": CREATED}
        if not body.get("prompt"):
            reason = self._load_or_unload(model, body)
            return {**head, "response": "", "done": True, "done_reason": reason}
        self._must_think(model, body)
        self.loaded.setdefault(model.name, {})

        def lines() -> Iterator[Fields]:
            for thought in self._thoughts(model, body):
                yield {**head, "response": "", "thinking": thought, "done": False}
            for said in self._said(model):
                yield {**head, "response": said, "done": False}
            ending = {"done": True, "done_reason": "stop", "context": [1, 2, 3]}
            yield {**head, "response": "", **ending, **COUNTERS}

        return lines()

    def chat(self, body: Fields) -> Fields | Iterator[Fields]:
        model = self._model(body, empty="model is required", status=400)
        head = {"model": body["model"], "created_at": CREATED}
        nothing = {"role": "assistant", "content": ""}
        if not body.get("messages"):
            reason = self._load_or_unload(model, body)
            return {**head, "message": nothing, "done": True, "done_reason": reason}
        if "completion" not in model.capabilities:
            raise Wrong(400, f'"{body["model"]}" does not support chat')
        self._must_think(model, body)

        def lines() -> Iterator[Fields]:
            for thought in self._thoughts(model, body):
                yield {**head, "message": {**nothing, "thinking": thought}, "done": False}
            for said in self._said(model):
                yield {**head, "message": {**nothing, "content": said}, "done": False}
            yield {**head, "message": nothing, "done": True, "done_reason": "stop", **COUNTERS}

        return lines()

    def embed(self, body: Fields) -> Fields:
        model = self._model(body, empty="model '' not found", status=404)
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        vector = [0.6, 0.8, 0.0][: body.get("dimensions") or 3]
        return {"model": model.name, "embeddings": [vector for _ in texts], "prompt_eval_count": 8}

    def pull(self, body: Fields) -> Iterator[Fields]:
        name = _tagged(body.get("model") or body.get("name") or "")
        yield {"status": "pulling manifest"}
        if name not in self.registry:
            yield {"error": "pull model manifest: file does not exist"}
            return
        model = self.registry[name]
        digest = f"sha256:{model.digest}"
        pulling = {"status": f"pulling {model.digest[:12]}", "digest": digest, "total": model.size}
        for completed in (model.size // 3, model.size):
            yield {**pulling, "completed": completed}
        for status in ("verifying sha256 digest", "writing manifest", "success"):
            yield {"status": status}
        self.models[name] = model

    def push(self, body: Fields) -> Iterator[Fields]:
        model = self._model(body, empty="model is required", status=400)
        digest = f"sha256:{model.digest}"
        yield {"status": "retrieving manifest"}
        yield {
            "status": f"pushing {model.digest[:12]}",
            "digest": digest,
            "total": model.size,
            "completed": model.size,
        }
        yield {"status": "pushing manifest"}
        yield {"status": "success"}

    def create(self, body: Fields) -> Iterator[Fields]:
        name = _tagged(body.get("model") or body.get("name") or "")
        if not name.strip(":") or "@" in name:
            raise Wrong(400, "invalid model name")
        self.models[name] = Kept(name)
        yield {"status": "using existing layer sha256:" + "a" * 64}
        yield {"status": "writing manifest"}
        yield {"status": "success"}

    def copy(self, body: Fields) -> None:
        source = self.models.get(_tagged(body["source"]))
        if source is None:
            raise Wrong(404, f'model "{body["source"]}" not found')
        self.models[_tagged(body["destination"])] = source

    def delete(self, body: Fields) -> None:
        model = self._model(body, empty="model is required", status=400)
        del self.models[model.name]
        self.loaded.pop(model.name, None)

    def blob(self, name: str, data: bytes) -> int:
        """The status of an upload whose bytes are what its name says."""
        got = f"sha256:{hashlib.sha256(data).hexdigest()}"
        if got != name:
            raise Wrong(400, f'digest mismatch, expected "{name}", got "{got}"')
        return 201

    # ── What they have in common ─────────────────────────────────────────────────────────────

    def _model(self, body: Fields, *, empty: str, status: int) -> Kept:
        name = body.get("model") or body.get("name") or ""
        if not name:
            raise Wrong(status, empty)
        model = self.models.get(_tagged(name))
        if model is None:
            raise Wrong(404, f"model '{name}' not found")
        return model

    def _load_or_unload(self, model: Kept, body: Fields) -> str:
        if body.get("keep_alive") == 0:
            self.loaded.pop(model.name, None)
            return "unload"
        self.loaded.setdefault(model.name, {})
        return "load"

    @staticmethod
    def _must_think(model: Kept, body: Fields) -> None:
        if body.get("think") and "thinking" not in model.capabilities:
            raise Wrong(400, f'"{body["model"]}" does not support thinking')

    @staticmethod
    def _thoughts(model: Kept, body: Fields) -> tuple[str, ...]:
        is_thinking = "thinking" in model.capabilities and body.get("think") is not False
        return THOUGHT if is_thinking else ()

    def _said(self, model: Kept) -> Iterator[str]:
        yield from model.said
        while self.is_endless and not self.has_been_left.wait(PACE_SECONDS):
            yield "word "


def _tagged(name: str) -> str:
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"
