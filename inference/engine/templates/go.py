"""Runs a chat template in Go's language, as the layers of Ollama's models have it, on messages.

Not for the language (`gotext`), nor for which template writes a prompt. Runs where `jinja.py` runs,
and gives what that gives: text with the template's own letters raised (see `origin.py`).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import gotext
from gotext import Limits, List, Marks, Template, Value
from inference.engine.templates import go_values
from inference.engine.templates.jinja import MAX_OUTPUT_CHARS, TemplateRefused
from inference.engine.templates.origin import lowered, raised

# Stands in where a prompt is to be gone on with and no template says how.
BARE_TEMPLATE = "{{ .Prompt }}"
_MARKS = Marks(mark=raised, plain=lowered)
_RESPONSE = "Response"
_MAX_STEPS = 2_000_000


class GoTemplate:
    """One template, parsed; where it does not say where the answer goes, that is its end."""

    def __init__(self, source: str, *, max_output_chars: int = MAX_OUTPUT_CHARS) -> None:
        self._limits = Limits(steps=_MAX_STEPS, chars=max_output_chars)
        try:
            template = gotext.parse(source)
            self._names = gotext.names_in(template)
            if not self._names & {"messages", "response"}:
                template = gotext.parse(f"{source}{{{{ .{_RESPONSE} }}}}")
        except gotext.TemplateError as error:
            raise _refused(error) from None
        self._template = template
        self._last = gotext.until_field(template, _RESPONSE)

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        bos_text: str,
        eos_text: str,
        now: float,
        fields: Mapping[str, Any] | None = None,
    ) -> str:
        """`messages` hold cleaned text; roles are our own words. `now` is unix seconds.

        `fields` may hold `tools`, `suffix`, and `think`, a level or whether; None is unset.
        """
        given = fields or {}
        today = datetime.fromtimestamp(now, tz=UTC).astimezone().date()
        thinking = _thinking(given.get("think"))
        turns = _collated(messages)

        def run(template: Template, data: Mapping[str, Value]) -> str:
            whole = {**thinking, **data}
            return template.render(whole, today=today, marks=_MARKS, limits=self._limits)

        try:
            if given.get("suffix") and turns and turns[-1]["content"]:
                prompt, suffix = turns[-1]["content"], given["suffix"]
                data = {"Prompt": prompt, "Suffix": suffix, _RESPONSE: ""}
                return run(self._template, data)
            if "messages" in self._names:
                return run(self._template, _talk(turns, tools=given.get("tools")))
            rounds = _rounds(turns)
            written = [run(self._template, each) for each in rounds[:-1]]
            written.append(run(self._last, rounds[-1]))
        except gotext.TemplateError as error:
            raise _refused(error) from None
        if sum(map(len, written)) > self._limits.chars:
            raise TemplateRefused("output is too large", is_about_messages=False)
        return "".join(written)


def _refused(error: gotext.TemplateError) -> TemplateRefused:
    return TemplateRefused(str(error), is_about_messages=False)


def _thinking(think: bool | str | None) -> dict[str, Value]:
    level = think if isinstance(think, str) else ("medium" if think else "")
    return {"Think": bool(think), "ThinkLevel": raised(level), "IsThinkSet": think is not None}


def _collated(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Turns of one role in a row as one, but for results of tools."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        before = turns[-1] if turns else {"role": ""}
        if message["role"] != before["role"] or message["role"] == "tool":
            turns.append({**message, "content": message["content"] or ""})
            continue
        before["content"] = f"{before['content']}\n\n{message['content'] or ''}"
        for name in ("tool_calls", "thinking"):
            if name in message:
                before[name] = before.get(name, type(message[name])()) + message[name]
    return turns


def _talk(turns: Sequence[Mapping[str, Any]], *, tools: Sequence[Any] | None) -> dict[str, Value]:
    messages = [go_values.message(turn) for turn in turns]
    return {
        "System": _system(turns),
        "Messages": List(messages, go_type="[]*template.templateMessage"),
        "Tools": go_values.tools(tools or ()),
        _RESPONSE: "",
    }


def _system(turns: Sequence[Mapping[str, Any]]) -> str:
    return "\n\n".join(turn["content"] for turn in turns if turn["role"] == "system")


def _rounds(turns: Sequence[Mapping[str, Any]]) -> list[dict[str, Value]]:
    """A question and its answer each, for templates that know no more; the last is still open."""
    rounds: list[dict[str, Value]] = [_round()]
    for turn in turns:
        now, role = rounds[-1], turn["role"]
        is_begun = now[_RESPONSE] or (role == "system" and now["Prompt"])
        if role in ("system", "user") and is_begun:
            rounds.append(now := _round())
        name = _ROUND_NAMES.get(role)
        if name:
            now[name] = turn["content"]
    return rounds


def _round() -> dict[str, Value]:
    return {"System": "", "Prompt": "", _RESPONSE: ""}


_ROUND_NAMES = {"system": "System", "user": "Prompt", "assistant": _RESPONSE}
