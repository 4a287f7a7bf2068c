"""ChatBox up to 1.10, as its requests and its reader are described: nothing but what it sends.

Not for versions that came later: those have their real libraries, in node/chatbox.mjs.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.api.old_reader import Broken, OldReader, as_chunks

SECONDS = 60.0


@dataclass
class Shown:
    """What the person sees. `error` stands where the answer should, or behind it."""

    text: str = ""
    error: str = ""
    lines: list[bytes] = field(default_factory=list)
    is_finished: bool = False


class OldChatBox:
    """One installation, with what a person typed as the address of her Ollama."""

    def __init__(self, typed: str) -> None:
        self.host = normalised(typed)

    def models(self) -> list[str]:
        """Names as they come back in requests. Without a header of any kind."""
        with httpx.Client(headers={}, timeout=SECONDS) as http:
            return [model["name"] for model in http.get(f"{self.host}/api/tags").json()["models"]]

    def ask(
        self, model: str, messages: list[dict[str, Any]], *, network_bytes: int | None = None
    ) -> Shown:
        """The whole answer. `network_bytes`: how much of it each read brings, else what comes."""
        shown, reader = Shown(), OldReader()
        with self.stream(model, messages) as response:
            body = b""
            for chunk in response.iter_raw():
                body += chunk
                _feed(reader, as_chunks(chunk, size=network_bytes or len(chunk)), shown)
        shown.text, shown.is_finished = reader.finish(), reader.is_finished
        shown.lines = body.split(b"\n")
        return shown

    def stream(self, model: str, messages: list[dict[str, Any]]) -> Any:
        """The open connection, for whoever wants to leave it."""
        return httpx.stream(
            "POST",
            f"{self.host}/api/chat",
            json={
                "model": model,
                "messages": messages,
                "stream": True,
                "options": {"temperature": 0.7},
            },
            timeout=SECONDS,
        )


def normalised(typed: str) -> str:
    """One slash less at the end, a scheme in front; nothing else is interpreted."""
    host = typed.strip().removesuffix("/")
    host = host if host.startswith("http") else f"http://{host}"
    return re.sub(r"\Ahttp://localhost:11434\Z", "http://127.0.0.1:11434", host)


def asked(*turns: str, role: str = "user", **more: Any) -> list[dict[str, Any]]:
    return [{"role": role, "content": turn, **more} for turn in turns]


def _feed(reader: OldReader, chunks: Iterator[bytes], shown: Shown) -> None:
    for chunk in chunks:
        try:
            reader.feed(chunk)
        except Broken as error:
            shown.error = str(error)
