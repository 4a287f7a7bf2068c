"""Replies of gpt-oss: messages on channels, each with a header of its own.

`analysis` is thinking, a message to a function is a call of it, all others are answer.
"""

import re
from collections.abc import Callable
from typing import Literal

from inference.engine.replies.blocks import MAX_BLOCK_CHARS, MAX_HEAD_CHARS
from inference.engine.replies.pieces import Kind, Part
from inference.engine.replies.tools import Tools
from inference.engine.templates.origin import lowered
from inference.engine.text import overlap

START, CHANNEL, CONSTRAIN = "<|start|>", "<|channel|>", "<|constrain|>"
MESSAGE, END, CALL, RETURN = "<|message|>", "<|end|>", "<|call|>", "<|return|>"
TAGS = (START, CHANNEL, CONSTRAIN, MESSAGE, END, CALL, RETURN)
ANSWER_HEADER = CHANNEL + "final" + MESSAGE

_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)")
_RECIPIENT = re.compile(r"\bto=([^\s<]+)")


class Harmony:
    """`is_open` when the prompt has already begun a message of the answer."""

    def __init__(self, *, tools: Tools, spell: Callable[[str], str], is_open: bool = False) -> None:
        self._tools = tools
        self._message = spell(MESSAGE)
        self._beginnings = tuple(spell(tag) for tag in (START, CHANNEL, MESSAGE))
        self._endings = tuple(spell(tag) for tag in (END, CALL, RETURN, START, CHANNEL))
        # These begin the next header, so that they are read again.
        self._reread = (spell(START), spell(CHANNEL))
        self._state: Literal["header", "text", "call"] = "text" if is_open else "header"
        self._kind: Kind = "answer"
        self._name = ""
        self._held = ""
        self._body: list[str] = []
        self._size = 0

    @property
    def is_thinking(self) -> bool:
        return self._state == "header" or self._kind == "thinking"

    def feed(self, text: str) -> list[Part]:
        self._held += text
        parts: list[Part] = []
        while self._read_header(parts) if self._state == "header" else self._read_body(parts):
            pass
        return parts

    def finish(self) -> list[Part]:
        held, self._held = self._held, ""
        if self._state == "header":
            is_markup = any(tag in held for tag in self._beginnings)
            return [Part(held)] if held and not is_markup else []
        parts: list[Part] = []
        self._say(held, parts)
        if self._state == "call":
            self._call(parts)
        return parts

    def _read_header(self, parts: list[Part]) -> bool:
        before, has_message, after = self._held.partition(self._message)
        if self._may_be_header():
            if has_message and len(before) <= MAX_HEAD_CHARS:
                self._enter(lowered(before))
                self._held = after
                return True
            if len(self._held) <= MAX_HEAD_CHARS + len(self._message):
                return False
        self._state, self._kind = "text", "answer"
        # A tag that began no header is text like the rest, or it would be looked at for ever.
        tag = next((tag for tag in self._reread if self._held.startswith(tag)), "")
        self._say(tag, parts)
        self._held = self._held[len(tag) :]
        return True

    def _may_be_header(self) -> bool:
        start = self._held.lstrip()
        known = (*self._beginnings, "to=")
        return any(start.startswith(tag) or tag.startswith(start) for tag in known)

    def _enter(self, header: str) -> None:
        channel = _CHANNEL.search(header)
        recipient = _RECIPIENT.search(header)
        name = recipient.group(1).removeprefix("functions.") if recipient else ""
        is_analysis = channel is not None and channel.group(1) == "analysis"
        self._state = "call" if name in self._tools else "text"
        self._kind = "thinking" if is_analysis and name not in self._tools else "answer"
        self._name = name

    def _read_body(self, parts: list[Part]) -> bool:
        found = [(at, tag) for tag in self._endings if (at := self._held.find(tag)) >= 0]
        if not found:
            kept = max(overlap(self._held, tag) for tag in self._endings)
            self._say(self._held[: len(self._held) - kept], parts)
            self._held = self._held[len(self._held) - kept :]
            return False
        at, tag = min(found)
        self._say(self._held[:at], parts)
        self._held = self._held[at if tag in self._reread else at + len(tag) :]
        if self._state == "call":
            self._call(parts)
        self._state, self._kind = "header", "answer"
        return True

    def _say(self, text: str, parts: list[Part]) -> None:
        if not text:
            return
        if self._state == "text":
            parts.append(Part(text, self._kind))
            return
        self._body.append(text)
        self._size += len(text)
        if self._size > MAX_BLOCK_CHARS:
            parts.append(Part("".join(self._body)))
            self._state, self._kind, self._body, self._size = "text", "answer", [], 0

    def _call(self, parts: list[Part]) -> None:
        written, self._body, self._size = "".join(self._body), [], 0
        call = self._tools.call(self._name, written)
        if call is not None:
            parts.append(Part("", call=call))
        elif written:
            parts.append(Part(written))
