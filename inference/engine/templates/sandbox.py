"""Renders templates where they can do no harm: ours here, those of models in a limited child.

The child is kept warm and is replaced when a template has killed it (threat E18).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from inference.engine.limited import ChildDied, LimitedChild
from inference.engine.templates.go import GoTemplate
from inference.engine.templates.jinja import ChatTemplate, TemplateRefused

Messages = Sequence[Mapping[str, Any]]
Fields = Mapping[str, Any]
Language = Literal["jinja", "go"]


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
        language: Language = "jinja",
    ) -> str:
        """The rendered text with the template's own letters raised, or TemplateRefused."""
        ...

    def close(self) -> None: ...


def compiled(source: str, language: Language) -> ChatTemplate | GoTemplate:
    """Ready to render; raises TemplateRefused for what is not a template."""
    return ChatTemplate(source) if language == "jinja" else GoTemplate(source)


class TrustedRenderer:
    """For templates that we wrote ourselves, in this process."""

    def __init__(self) -> None:
        self._templates: dict[tuple[str, Language], ChatTemplate | GoTemplate] = {}

    def render(
        self,
        source: str,
        messages: Messages,
        *,
        bos_text: str,
        eos_text: str,
        now: float,
        fields: Fields | None = None,
        language: Language = "jinja",
    ) -> str:
        key = (source, language)
        if key not in self._templates:
            self._templates = {key: compiled(source, language)}
        template = self._templates[key]
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
        language: Language = "jinja",
    ) -> str:
        job = {
            "source": source,
            "messages": [dict(message) for message in messages],
            "bos_text": bos_text,
            "eos_text": eos_text,
            "now": now,
            "fields": dict(fields or {}),
            "language": language,
        }
        try:
            answer: dict[str, str] = json.loads(self._child.ask(json.dumps(job).encode()))
        except ChildDied:
            raise TemplateRefused("past a limit", is_about_messages=False) from None
        if "text" in answer:
            return answer["text"]
        raise TemplateRefused(answer.get("refused", ""), is_about_messages=language == "jinja")

    @property
    def pid(self) -> int:
        return self._child.pid

    def close(self) -> None:
        self._child.close()
