"""Replies with tool calls between tags: told from the text around them, whole or not at all.

Not for what a call looks like inside: see `bodies.py`. A block that turns out to hold no call of an
offered tool is text, tags and all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import NamedTuple

from inference.engine.replies.balance import Balance
from inference.engine.replies.bodies import Calls, Reader
from inference.engine.replies.pieces import Part
from inference.engine.replies.tools import Tools
from inference.engine.templates.origin import lowered
from inference.engine.text import overlap

MAX_BLOCK_CHARS = 1_000_000
# So much may stand between an opening tag and the JSON value behind it: a name, an id.
MAX_HEAD_CHARS = 600
# A closing tag may stand in a text of the call itself; so many are passed over.
_MAX_CLOSINGS = 8
# Space at the end of what was said waits: before a call it means nothing.
_MAX_GAP_CHARS = 64


# A call that does not end so may have been cut short, and must not be made with half its arguments.
_OWN_ENDS = ("}", "]", ")", "```", "</function>", "<｜tool▁call▁end｜>", "<|tool_call_end|>")


@dataclass(frozen=True, slots=True)
class Form:
    """One way of writing calls: between two tags or, without a closing one, up to the end of a
    JSON value. `inner` are further words of the vocabulary that may stand between. `may_stay_open`
    when what stands between shows its own end, so that a reply may stop short of the closing tag.
    """

    opening: str
    closing: str | None
    read: Reader
    inner: tuple[str, ...] = ()
    may_stay_open: bool = True

    @property
    def tags(self) -> tuple[str, ...]:
        return (self.opening, *([self.closing] if self.closing else []), *self.inner)

    def spelled(self, spell: Callable[[str], str]) -> "Form":
        closing = spell(self.closing) if self.closing else None
        return replace(self, opening=spell(self.opening), closing=closing)


class _Closed(NamedTuple):
    """A block at its end. `calls` None: `text` is what it was instead. `rest` comes behind it."""

    calls: Calls | None
    text: str
    rest: str


class Blocks:
    """`forms` are tried at their opening tags, whichever comes first."""

    is_thinking = False

    def __init__(self, forms: Sequence[Form], *, tools: Tools) -> None:
        self._forms = tuple(forms)
        self._tools = tools
        self._held = ""
        self._block: _Block | None = None
        self._voice = Voice()

    def feed(self, text: str) -> list[Part]:
        parts: list[Part] = []
        pending: str | None = text
        while pending is not None:
            pending = self._move(pending, parts)
        return parts

    def finish(self) -> list[Part]:
        parts: list[Part] = []
        while self._block is not None:
            pending = self._leave(self._block.finish(), parts)
            parts.extend(self.feed(pending))
        held, self._held = self._held, ""
        self._voice.say(held, parts)
        self._voice.end(parts)
        return parts

    def _move(self, text: str, parts: list[Part]) -> str | None:
        """One step with this text; what is left of it, or None when more must come."""
        if self._block is None:
            return self._scan(self._held + text, parts)
        closed = self._block.feed(text)
        return None if closed is None else self._leave(closed, parts)

    def _leave(self, closed: _Closed, parts: list[Part]) -> str:
        """What the block was; gives what is still to be read behind it."""
        opening = "" if self._block is None else self._block.form.opening
        self._block = None
        for call in closed.calls or ():
            self._voice.call(Part("", call=call), parts)
        if closed.calls is not None:
            return closed.rest
        # Perhaps the call began later: there only, so that no text is read again and again.
        later = closed.text.rfind(opening, len(opening))
        said = closed.text if later < 0 else closed.text[:later]
        self._voice.say(said, parts)
        return closed.text[len(said) :] + closed.rest

    def _scan(self, text: str, parts: list[Part]) -> str | None:
        found = [(at, form) for form in self._forms if (at := text.find(form.opening)) >= 0]
        if not found:
            kept = max(overlap(text, form.opening) for form in self._forms)
            self._held = text[len(text) - kept :]
            self._voice.say(text[: len(text) - kept], parts)
            return None
        at, form = min(found, key=itemgetter(0))
        self._held = ""
        self._voice.say(text[:at], parts)
        self._block = (_Tagged if form.closing else _Valued)(form, self._tools)
        return text[at + len(form.opening) :]


class Voice:
    """Says the text around calls, without the space that only sets them apart."""

    def __init__(self) -> None:
        self._gap = ""
        self._has_called = False

    def say(self, text: str, parts: list[Part]) -> None:
        if self._has_called:
            text = text.lstrip()
        if not text:
            return
        self._has_called = False
        text = self._gap + text
        shown = text.rstrip()
        kept = min(len(text) - len(shown), _MAX_GAP_CHARS)
        shown, self._gap = text[: len(text) - kept], text[len(text) - kept :]
        if shown:
            parts.append(Part(shown))

    def call(self, part: Part, parts: list[Part]) -> None:
        self._gap, self._has_called = "", True
        parts.append(part)

    def end(self, parts: list[Part]) -> None:
        if self._gap:
            parts.append(Part(self._gap))
        self._gap = ""


@dataclass(slots=True)
class _Block:
    form: Form
    tools: Tools
    pieces: list[str] = field(default_factory=list)
    size: int = 0

    def feed(self, text: str) -> _Closed | None:
        raise NotImplementedError

    def finish(self) -> _Closed:
        """The model stopped here: what is whole counts, closed or not."""
        body = self.joined()
        whole = lowered(body[: len(body) - overlap(body, self.form.closing or "")])
        is_whole = self.form.may_stay_open and whole.rstrip().endswith(_OWN_ENDS)
        calls = self.form.read(whole, self.tools) if is_whole else None
        return _Closed(calls, self.form.opening + body, "")

    def joined(self) -> str:
        self.pieces[:] = ["".join(self.pieces)]
        return self.pieces[0]

    def released(self, length: int) -> _Closed:
        """No call after all: the opening tag and so much behind it are text."""
        body = self.joined()
        return _Closed(None, self.form.opening + body[:length], body[length:])


@dataclass(slots=True)
class _Tagged(_Block):
    """Up to the closing tag. One that stands in an open text or list of the call is passed over."""

    tail: str = ""
    passed: int = 0

    def feed(self, text: str) -> _Closed | None:
        closing = self.form.closing or ""
        window, start = self.tail + text, 0
        self.pieces.append(text)
        self.size += len(text)
        while (at := window.find(closing, start)) >= 0:
            cut = self.size - len(window) + at
            if cut > MAX_BLOCK_CHARS:
                break
            closed = self._closed(cut, len(closing))
            if closed is not None:
                return closed
            start = at + 1
        self.tail = window[max(start, len(window) - len(closing) + 1) :]
        if self.size >= MAX_BLOCK_CHARS + len(closing):
            return self.released(MAX_BLOCK_CHARS)
        return None

    def _closed(self, cut: int, closing_length: int) -> _Closed | None:
        body = self.joined()
        inner = lowered(body[:cut])
        calls = self.form.read(inner, self.tools)
        if calls is not None:
            return _Closed(calls, "", body[cut + closing_length :])
        if self.passed < _MAX_CLOSINGS and _goes_on(inner):
            self.passed += 1
            return None
        return self.released(cut + closing_length)


@dataclass(slots=True)
class _Valued(_Block):
    """Up to the end of the first JSON value."""

    balance: Balance | None = None

    def feed(self, text: str) -> _Closed | None:
        before = self.size
        self.pieces.append(text)
        self.size += len(text)
        if self.balance is None:
            start = self._start()
            if start is None:
                return self.released(MAX_HEAD_CHARS) if self.size > MAX_HEAD_CHARS else None
            self.balance = Balance()
            before, text = start, self.joined()[start:]
        end = self.balance.feed(text)
        if end is not None and before + end <= MAX_BLOCK_CHARS:
            body, cut = self.joined(), before + end
            calls = self.form.read(lowered(body[:cut]), self.tools)
            return _Closed(calls, "", body[cut:]) if calls else self.released(cut)
        return self.released(MAX_BLOCK_CHARS) if self.size > MAX_BLOCK_CHARS else None

    def _start(self) -> int | None:
        """Where the value begins: an object, or a list that begins with one."""
        body = self.joined()
        brace = body.find("{", 0, MAX_HEAD_CHARS)
        if brace < 0:
            return None
        bracket = body.find("[", 0, brace)
        return bracket if body[:brace].strip() == "[" else brace


def _goes_on(body: str) -> bool:
    """Whether this is only the beginning of a call, so that a later closing tag may end it."""
    start = body.lstrip()
    if start.startswith("<function="):
        return not start.rstrip().endswith("</function>")
    return start.startswith(("{", "[")) and Balance().feed(start) is None
