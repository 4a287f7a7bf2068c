"""Renders templates where they can do no harm: ours here, those of models in a limited child.

The child is kept warm and is replaced when a template has killed it (threat E18).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from inference.engine.limited import ChildDied, LimitedChild
from inference.engine.templates.jinja import ChatTemplate, TemplateRefused

Messages = Sequence[Mapping[str, Any]]
Fields = Mapping[str, Any]


class Renderer(Protocol):
    def render(
        self,
        source: str,
        messages: Messages,
        *,
        bos_text: str,
        eos_text: str,
        now: float,
        fields: Fields | None = None,
    ) -> str:
        """The rendered text with the template's own letters raised, or TemplateRefused."""
        ...

    def close(self) -> None: ...


class TrustedRenderer:
    """For templates that we wrote ourselves, in this process."""

    def __init__(self) -> None:
        self._templates: dict[str, ChatTemplate] = {}

    def render(
        self,
        source: str,
        messages: Messages,
        *,
        bos_text: str,
        eos_text: str,
        now: float,
        fields: Fields | None = None,
    ) -> str:
        if source not in self._templates:
            self._templates = {source: ChatTemplate(source)}
        template = self._templates[source]
        return template.render(
            messages, bos_text=bos_text, eos_text=eos_text, now=now, fields=fields
        )

    def close(self) -> None:
        self._templates.clear()


class ChildRenderer:
    """For templates of models. Starts its child at once, so that the first request is quick."""

    def __init__(self) -> None:
        self._child = LimitedChild("inference.engine.templates.child")

    def render(
        self,
        source: str,
        messages: Messages,
        *,
        bos_text: str,
        eos_text: str,
        now: float,
        fields: Fields | None = None,
    ) -> str:
        job = {
            "source": source,
            "messages": [dict(message) for message in messages],
            "bos_text": bos_text,
            "eos_text": eos_text,
            "now": now,
            "fields": dict(fields or {}),
        }
        try:
            answer: dict[str, str] = json.loads(self._child.ask(json.dumps(job).encode()))
        except ChildDied:
            raise TemplateRefused("past a limit", is_about_messages=False) from None
        if "text" in answer:
            return answer["text"]
        raise TemplateRefused(answer.get("refused", ""))

    @property
    def pid(self) -> int:
        return self._child.pid

    def close(self) -> None:
        self._child.close()
