"""Renders templates where they can do no harm: ours here, those of models in a limited child.

The child is kept warm and is replaced when a template has killed it (threat E18).
"""

import json
import os
import select
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from inference.engine.templates.jinja import ChatTemplate, TemplateRefused

_LENGTH = struct.Struct(">Q")
_ROOT = Path(__file__).resolve().parents[3]
# Only a net below the child's own limit of processor time, which a busy machine does not stretch.
_WALL_SECONDS = 20.0
_READ_BYTES = 1024 * 1024
_MAX_ANSWER_BYTES = 256 * 1024 * 1024

Messages = Sequence[Mapping[str, str]]


class Renderer(Protocol):
    def render(
        self, source: str, messages: Messages, *, bos_text: str, eos_text: str, now: float
    ) -> str:
        """The rendered text with the template's own letters raised, or TemplateRefused."""
        ...

    def close(self) -> None: ...


class TrustedRenderer:
    """For templates that we wrote ourselves, in this process."""

    def __init__(self) -> None:
        self._templates: dict[str, ChatTemplate] = {}

    def render(
        self, source: str, messages: Messages, *, bos_text: str, eos_text: str, now: float
    ) -> str:
        if source not in self._templates:
            self._templates = {source: ChatTemplate(source)}
        template = self._templates[source]
        return template.render(messages, bos_text=bos_text, eos_text=eos_text, now=now)

    def close(self) -> None:
        self._templates.clear()


class ChildRenderer:
    """For templates of models. Starts its child at once, so that the first request is quick."""

    def __init__(self) -> None:
        self._child = self._start()
        self._is_ready = False

    def render(
        self, source: str, messages: Messages, *, bos_text: str, eos_text: str, now: float
    ) -> str:
        job = {
            "source": source,
            "messages": [dict(message) for message in messages],
            "bos_text": bos_text,
            "eos_text": eos_text,
            "now": now,
        }
        answer = self._ask(json.dumps(job).encode())
        if "text" in answer:
            return answer["text"]
        raise TemplateRefused(answer.get("refused", ""))

    @property
    def pid(self) -> int:
        return self._child.pid

    def close(self) -> None:
        self._child.kill()
        self._child.communicate()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "inference.engine.templates.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd=_ROOT,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
        )

    def _ask(self, job: bytes) -> dict[str, str]:
        if self._child.poll() is not None:
            self._restart()
        try:
            if not self._is_ready:
                self._receive()
                self._is_ready = True
            self._send(job)
            return self._receive()
        except (OSError, EOFError, ValueError):
            self._restart()
            raise TemplateRefused("past a limit", is_about_messages=False) from None

    def _restart(self) -> None:
        self.close()
        self._child = self._start()
        self._is_ready = False

    def _send(self, job: bytes) -> None:
        pipe = cast(BinaryIO, self._child.stdin)
        view = memoryview(_LENGTH.pack(len(job)) + job)
        while view:
            view = view[pipe.write(view) or 0 :]

    def _receive(self) -> dict[str, str]:
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size))
        if length > _MAX_ANSWER_BYTES:
            raise ValueError(length)
        loaded: dict[str, str] = json.loads(self._exactly(length))
        return loaded

    def _exactly(self, wanted: int) -> bytes:
        pipe = cast(BinaryIO, self._child.stdout)
        parts: list[bytes] = []
        while wanted:
            ready, _, _ = select.select([pipe], [], [], _WALL_SECONDS)
            part = pipe.read(min(wanted, _READ_BYTES)) if ready else b""
            if not part:
                raise EOFError
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)
