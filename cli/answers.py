"""An answer as it arrives: its thinking framed, its words wrapped, its statistics behind it.

Not for asking. Answers go to stdout, statistics to stderr.
"""

import json
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cli import units
from cli.wrapping import Wrapper

_GREY, _BOLD, _PLAIN = "\x1b[38;5;245m", "\x1b[1m", "\x1b[0m"


@dataclass(slots=True, kw_only=True)
class Style:
    """How answers are shown."""

    is_wrapped: bool = True
    is_verbose: bool = False
    hides_thinking: bool = False


@dataclass(slots=True)
class Answer:
    """What was said, and the last part with its statistics (empty when it was cut short)."""

    content: str = ""
    thinking: str = ""
    calls: list[Mapping[str, Any]] = field(default_factory=list)
    last: Mapping[str, Any] = field(default_factory=dict)


class _Screen:
    """Writes to stdout. A pipe gets the words as they are: no wrapping, no colours."""

    def __init__(self, style: Style) -> None:
        self._is_terminal = sys.stdout.isatty()
        columns = shutil.get_terminal_size().columns
        self._wrapper = Wrapper(columns) if self._is_terminal and style.is_wrapped else None
        self._hides_thinking = style.hides_thinking
        self._is_thinking = False
        self._has_ended_line = True

    def think(self, text: str) -> None:
        if self._hides_thinking or not text:
            return
        if not self._is_thinking:
            self._is_thinking = True
            self._raw(f"{_GREY}{_BOLD}Thinking...{_PLAIN}\n{_GREY}", plain="Thinking...\n")
        self._write(text)

    def say(self, text: str) -> None:
        if not text:
            return
        self._end_thinking()
        self._write(text)

    def call(self, call: Mapping[str, Any]) -> None:
        self._end_thinking()
        function = call.get("function") or {}
        arguments = json.dumps(function.get("arguments") or {}, ensure_ascii=False)
        name = f"{function.get('name', '')}()"
        self._write(
            f"  Model called a non-existent function '{name}' with arguments: {arguments}\n"
        )

    def end(self) -> None:
        if self._is_thinking and self._is_terminal:
            sys.stdout.write(_PLAIN)
        sys.stdout.flush()

    def _end_thinking(self) -> None:
        if not self._is_thinking:
            return
        self._is_thinking = False
        if not self._has_ended_line:
            self._write("\n")
        told = "...done thinking."
        self._raw(f"{_PLAIN}{_GREY}{_BOLD}{told}{_PLAIN}\n\n", plain=f"{told}\n\n")

    def _write(self, text: str) -> None:
        self._has_ended_line = text.endswith("\n")
        sys.stdout.write(self._wrapper.feed(text) if self._wrapper else text)
        sys.stdout.flush()

    def _raw(self, coloured: str, *, plain: str) -> None:
        sys.stdout.write(coloured if self._is_terminal else plain)
        sys.stdout.flush()


def show(parts: Iterable[Mapping[str, Any]], *, style: Style, into: Answer | None = None) -> Answer:
    """Shows the parts until they end. `into` is filled as they come, so that Ctrl-C loses none."""
    answer = into or Answer()
    screen = _Screen(style)
    try:
        for part in parts:
            _take(part, answer, screen)
    finally:
        screen.end()
    return answer


def tell_statistics(last: Mapping[str, Any]) -> None:
    sys.stderr.write("".join(f"{line}\n" for line in statistics(last)))
    sys.stderr.flush()


def statistics(last: Mapping[str, Any]) -> Iterable[str]:
    """What `--verbose` says; what is zero is left out."""

    def line(name: str, value: str) -> str:
        return f"{name + ':':<22}{value}"

    for name, key in (("total duration", "total_duration"), ("load duration", "load_duration")):
        if nanoseconds := last.get(key):
            yield line(name, units.duration(nanoseconds))
    for name in ("prompt eval", "eval"):
        key = name.replace(" ", "_")
        count, nanoseconds = last.get(f"{key}_count"), last.get(f"{key}_duration")
        if count:
            yield line(f"{name} count", f"{count} token(s)")
        if nanoseconds:
            yield line(f"{name} duration", units.duration(nanoseconds))
            yield line(f"{name} rate", f"{(count or 0) / nanoseconds * 1e9:.2f} tokens/s")


def _take(part: Mapping[str, Any], answer: Answer, screen: _Screen) -> None:
    message = part.get("message") or part
    thinking = message.get("thinking") or ""
    content = message.get("content") or part.get("response") or ""
    answer.thinking += thinking
    answer.content += content
    screen.think(thinking)
    screen.say(content)
    for call in message.get("tool_calls") or []:
        answer.calls.append(call)
        screen.call(call)
    if part.get("done"):
        answer.last = part
