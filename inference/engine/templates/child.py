"""The process a model's template runs in: renders what comes on its input, dies past its limits.

Not for trusted templates, and never imported by the engine: `sandbox.py` starts it.
"""

import json
from typing import Any

from inference.engine import limited
from inference.engine.templates.go import GoTemplate
from inference.engine.templates.jinja import ChatTemplate, TemplateRefused

CPU_SECONDS = 0.4
_MEMORY_BYTES = 1024 * 1024 * 1024
# Uses every part of jinja that is imported late, since the limits end all opening of files.
_WARM_UP = """{% macro m(x) %}{{ x | tojson }}{% endmacro %}{% set n = namespace(a='') %}
{% for message in messages %}{% if loop.first and message.role == 'user' %}{{ m(message.content) }}
{% continue %}{% endif %}{% endfor %}{{ strftime_now('%d %B %Y') ~ 'x' | upper }}"""
_GO_WARM_UP = '{{ range .Messages }}{{ printf "%.1f %q" 1.5 .Content | html }}{{ json . }}{{ end }}'


class Answerer:
    """Keeps the template that was used last compiled."""

    def __init__(self) -> None:
        self._source = (_WARM_UP, "jinja")
        self._template: ChatTemplate | GoTemplate = ChatTemplate(_WARM_UP)
        message = {"role": "user", "content": "x"}
        self._template.render([message], bos_text="", eos_text="", now=0.0)
        GoTemplate(_GO_WARM_UP).render([message], bos_text="", eos_text="", now=0.0)

    def answer(self, question: bytes) -> bytes:
        try:
            answer = {"text": self._rendered(**json.loads(question))}
        except TemplateRefused as refusal:
            answer = {"refused": str(refusal)}
        return json.dumps(answer, ensure_ascii=False).encode("utf-8", errors="replace")

    def _rendered(self, *, source: str, language: str, **given: Any) -> str:
        if (source, language) != self._source:
            is_go = language == "go"
            self._template = GoTemplate(source) if is_go else ChatTemplate(source)
            self._source = (source, language)
        return self._template.render(given.pop("messages"), **given)


def main() -> None:
    limited.serve(Answerer().answer, cpu_seconds=CPU_SECONDS, memory_bytes=_MEMORY_BYTES)
