"""Tool calls as Ollama finds them behind one tag of a template, however the model wraps its JSON.

The rules are Ollama's, for models whose template shows no way of writing calls that we know better.
Not for the families of `blocks.py`.
"""

import json
from typing import Any, Literal

from inference.engine.replies.balance import Balance
from inference.engine.replies.blocks import MAX_BLOCK_CHARS, Voice
from inference.engine.replies.pieces import Part, Splitter
from inference.engine.replies.plain import Plain
from inference.engine.replies.tools import Tools
from inference.engine.text import overlap
from inference.protocol import ToolCall

_BRACKETS = ("{", "[")
_MAX_DEPTH = 64


class Tag:
    """`tag` begins a call. As a bare bracket it counts only in front of everything else; replies
    that begin otherwise are given to `otherwise`. Text behind the first call is dropped."""

    is_thinking = False

    def __init__(self, tag: str, *, tools: Tools, otherwise: Splitter | None = None) -> None:
        self._tag = tag
        self._is_bracket = tag in _BRACKETS
        self._otherwise = otherwise or Plain()
        self._state: Literal["looking", "calling", "over"] = "looking"
        self._voice = Voice()
        self._held = ""
        self._search = _Search(tag, tools)

    def feed(self, text: str) -> list[Part]:
        parts: list[Part] = []
        if self._state == "looking":
            text = self._look(self._held + text, parts)
        if self._state == "calling":
            parts.extend(Part("", call=call) for call in self._search.feed(text))
            if not self._search.is_given_up:
                return parts
            self._state, text = "over", self._search.released()
        if self._state == "over":
            parts.extend(self._otherwise.feed(text))
        return parts

    def finish(self) -> list[Part]:
        parts: list[Part] = []
        if self._state == "looking":
            self._voice.say(self._held, parts)
        elif self._state == "calling" and self._is_bracket and not self._search.has_called:
            parts.extend(self._otherwise.feed(self._search.released()))
        if not self._search.has_called:
            self._voice.end(parts)
        return [*parts, *self._otherwise.finish()]

    def _look(self, text: str, parts: list[Part]) -> str:
        """What is to be read in the state that follows; nothing while it looks on."""
        at = text.find(self._tag)
        if self._is_bracket:
            return self._look_in_front(text, at)
        if at < 0:
            kept = overlap(text, self._tag)
            self._held = text[len(text) - kept :]
            self._voice.say(text[: len(text) - kept], parts)
            return ""
        self._state, self._held = "calling", ""
        self._voice.say(text[:at], parts)
        return text[at:]

    def _look_in_front(self, text: str, at: int) -> str:
        if at < 0 and not text.strip():
            self._held = text
            return ""
        is_first = at >= 0 and not text[:at].strip()
        self._state, self._held = "calling" if is_first else "over", ""
        return text


class _Search:
    """Looks for calls in what follows the tag, object by object."""

    def __init__(self, tag: str, tools: Tools) -> None:
        self._tag = tag
        self._tools = tools
        self.has_called = False
        self.is_given_up = False
        self._list = Balance("[")
        self._object: Balance | None = None
        self._object_pieces: list[str] = []
        self._begin()

    def feed(self, text: str) -> list[ToolCall]:
        calls: list[ToolCall] = []
        position = 0
        while position < len(text) and not self.is_given_up:
            if self._object is None:
                brace = text.find("{", position)
                end = len(text) if brace < 0 else brace
                self._keep(text[position:end])
                position = end
                if brace >= 0 and not self.is_given_up:
                    self._object, self._object_pieces = Balance("{"), []
                continue
            closed = self._object.feed(text[position:])
            end = len(text) if closed is None else position + closed
            self._object_pieces.append(text[position:end])
            self._keep(text[position:end])
            position = end
            if closed is not None and not self.is_given_up:
                calls.extend(self._close())
        self._pieces.append(text[position:])
        return calls

    def released(self) -> str:
        """All that was read since the last call."""
        return "".join(self._pieces)

    def _begin(self) -> None:
        self._pieces: list[str] = []
        self._segment: list[str] = []
        self._size = 0
        self._name: str | None = None
        self._object, self._object_pieces = None, []

    def _keep(self, text: str) -> None:
        self._pieces.append(text)
        self._segment.append(text)
        self._size += len(text)
        is_list_over = self._tag == "[" and self._list.feed(text) is not None
        if is_list_over or self._size > MAX_BLOCK_CHARS:
            self._give_up()

    def _give_up(self) -> None:
        """Content after all; but behind a call nothing is content."""
        if self.has_called:
            self._begin()
        else:
            self.is_given_up = True

    def _close(self) -> list[ToolCall]:
        """An object is whole: perhaps a call."""
        self._name = self._name or self._earliest_name("".join(self._segment))
        written = "".join(self._object_pieces)
        self._object, self._segment = None, []
        call = self._call(written)
        if call is not None:
            self.has_called = True
            self._begin()
            return [call]
        if self._tag == "{":
            self._give_up()
        return []

    def _earliest_name(self, text: str) -> str | None:
        """The name that stands first; of two at one place the longer."""
        found = [(text.find(name), -len(name), name) for name in self._tools.functions]
        return min((each for each in found if each[0] >= 0), default=(0, 0, None))[2]

    def _call(self, written: str) -> ToolCall | None:
        try:
            value = json.loads(written)
        except (ValueError, RecursionError):
            return None
        if self._name is None or not isinstance(value, dict):
            return None
        own = value.get("name")
        if isinstance(own, str):
            # A call that names itself is never taken for another one.
            return self._tools.call(own, _arguments(value, own))
        return self._tools.call(self._name, _arguments(value, self._name))


def _arguments(value: dict[str, Any], name: str) -> object:
    found = _found(value, name, depth=0)
    return value if found is None else found


def _found(value: dict[str, Any], name: str, *, depth: int) -> object | None:
    if "name" in value:
        named = [_object(value.get(key)) for key in ("arguments", "parameters")]
        return next((each for each in named if each is not None), {})
    own = _object(value.get(name))
    if own is not None or depth > _MAX_DEPTH:
        return own
    children = (each for each in value.values() if isinstance(each, dict))
    deeper = (_found(child, name, depth=depth + 1) for child in children)
    return next((each for each in deeper if each is not None), None)


def _object(value: object) -> dict[str, Any] | None:
    """The object, also when it is written as text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None
