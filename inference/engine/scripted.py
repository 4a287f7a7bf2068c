"""A backend that follows a script, for tests and for running the portal without a model.

It holds what each slot has read, and answers from that alone, as a real model does: so a crossed
row, a dirty slot or a wrong prefix shows in its answers. Tokens are up to three bytes of text.
"""

import json
import math
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from inference.engine.backend import (
    BackendError,
    Chosen,
    Chunk,
    DeviceLost,
    Limits,
    Marker,
    Sampler,
    Sizes,
    Unloadable,
)
from inference.engine.grammar.constraint import Constraint
from inference.engine.grammar.network import EVERY_BYTE
from inference.engine.pictures.seen import Eyes
from inference.engine.sampling import Recipe
from inference.engine.scripted_eyes import ScriptedEyes
from inference.engine.scripted_turns import END, START, Asked
from inference.protocol import Alternative, TokenLogprob

_MARKERS = (START, END, "<|endoftext|>", "<think>", "</think>")
_FIRST_BYTES_TOKEN = 1_000
_TOKEN_BYTES = 3
_SPAN = 1 << 8 * _TOKEN_BYTES
# A token ends with its line, so that what was said reads the same as what is then read.
_PARTS = re.compile(rb"[^\n]{0,2}\n|[^\n]{1,3}")
VOCABULARY_SIZE = _FIRST_BYTES_TOKEN + _TOKEN_BYTES * _SPAN
_DEEDS = ("abort", "hang", "exit", "raise", "oom", "device-lost")


class ScriptError(ValueError):
    """The script is not a list of rules that we know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Answers messages that `when` is found in. `deed` is done after the last piece is said."""

    when: re.Pattern[str]
    says: tuple[str, ...]
    every_seconds: float = 0.0
    deed: str | None = None

    @property
    def text(self) -> str:
        return "".join(self.says)


def read_script(text: str) -> list[Rule]:
    """Rules as JSON: `when`, `says`, `every_ms`, `and`, `repeat`; the first match answers."""
    try:
        entries = json.loads(text)
        return [_rule(entry) for entry in entries]
    except (ValueError, TypeError, KeyError, AttributeError, re.error) as error:
        raise ScriptError(str(error)) from error


def _rule(entry: dict[str, Any]) -> Rule:
    unknown = entry.keys() - {"when", "says", "every_ms", "and", "repeat"}
    if unknown or entry.get("and") not in (None, *_DEEDS):
        raise ScriptError(f"unknown: {sorted(unknown)} {entry.get('and')}")
    says = [entry["says"]] if isinstance(entry["says"], str) else list(entry["says"])
    return Rule(
        when=re.compile(entry.get("when", ""), re.DOTALL),
        says=tuple(says * int(entry.get("repeat", 1))),
        every_seconds=float(entry.get("every_ms", 0)) / 1000,
        deed=entry.get("and"),
    )


class ScriptedVocabulary:
    """Every text has tokens, and every token its bytes. Other markers make it another model."""

    def __init__(
        self,
        *,
        markers: Sequence[str] = _MARKERS,
        ends: Sequence[str] = (END, "<|endoftext|>"),
        template: str | None = None,
        bos_text: str = "",
    ) -> None:
        self._markers = {
            text: Marker(token=at, is_control=not text.endswith("think>"))
            for at, text in enumerate(markers)
        }
        self._texts = {marker.token: text for text, marker in self._markers.items()}
        self._ends = frozenset(self._markers[text].token for text in ends)
        self._template = template
        self._bos_text = bos_text

    @property
    def markers(self) -> Mapping[str, Marker]:
        return self._markers

    @property
    def template(self) -> str | None:
        return self._template

    @property
    def bos_token(self) -> int | None:
        return self._markers[self._bos_text].token if self._bos_text else None

    @property
    def bos_text(self) -> str:
        return self._bos_text

    @property
    def eos_text(self) -> str:
        return self._texts[min(self._ends)]

    @property
    def longest_token_bytes(self) -> int:
        return max(_TOKEN_BYTES, *(len(text.encode()) for text in self._markers))

    @property
    def spelt(self) -> bytes:
        return EVERY_BYTE

    def encode(self, text: str, *, continues: bool = False) -> list[int]:
        return [byte_token(part) for part in _PARTS.findall(text.encode())]

    def piece(self, token: int) -> bytes:
        marker = self._markers.get(self._texts.get(token, ""))
        if marker is not None:
            return b"" if marker.is_control else self._texts[token].encode()
        if not _FIRST_BYTES_TOKEN <= token < VOCABULARY_SIZE:
            raise ValueError(token)
        length, value = divmod(token - _FIRST_BYTES_TOKEN, _SPAN)
        data: bytes = value.to_bytes(_TOKEN_BYTES, "big")
        return data[_TOKEN_BYTES - length - 1 :]

    def is_end(self, token: int) -> bool:
        return token in self._ends

    def shown(self, tokens: Sequence[int]) -> bytes:
        """Tokens as text with the markers in it, as this model reads them."""
        return b"".join(
            self._texts[token].encode() if token in self._texts else self.piece(token)
            for token in tokens
        )


def byte_token(data: bytes) -> int:
    """The token of one to three bytes."""
    value = int.from_bytes(data, "big")
    return _FIRST_BYTES_TOKEN + (len(data) - 1) * _SPAN + value


@dataclass(frozen=True, slots=True)
class _Script:
    """The script leaves nothing to chance, so there is nothing to sample."""

    logprobs: int | None

    def close(self) -> None:
        return None


@dataclass(slots=True)
class _Memory:
    tokens: list[int]
    # What is being said to these tokens and how many bytes of it are in them; None: read again.
    rule: Rule | None = None
    said_bytes: int = 0


class ScriptedBackend:
    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        context_length: int,
        slots: int,
        vocabulary: ScriptedVocabulary | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rules = list(rules)
        self._vocabulary = vocabulary or ScriptedVocabulary()
        self._memories = [_Memory([]) for _ in range(slots)]
        self._limits = Limits(
            slots=slots,
            context_length=context_length,
            batch_tokens=512,
            vocabulary_size=VOCABULARY_SIZE,
        )
        self._sleep = sleep
        self._eyes = ScriptedEyes(self._vocabulary)
        self._asked = Asked()

    @property
    def limits(self) -> Limits:
        return self._limits

    @property
    def sizes(self) -> Sizes:
        return Sizes(model_bytes=1024, context_bytes=1024)

    @property
    def vocabulary(self) -> ScriptedVocabulary:
        return self._vocabulary

    @property
    def eyes(self) -> Eyes | None:
        return self._eyes

    def decode(self, batch: Sequence[Chunk]) -> list[Chosen]:
        for chunk in batch:
            self._read(chunk)
        wanted = [chunk for chunk in batch if chunk.sampler is not None]
        pauses = [self._now_saying(chunk.slot).every_seconds for chunk in wanted]
        if pauses and max(pauses) > 0:
            self._sleep(max(pauses))
        return [chosen for chunk in wanted for chosen in self._choose_all(chunk)]

    def length(self, slot: int) -> int:
        return len(self._memories[slot].tokens)

    def cut(self, slot: int, *, length: int) -> bool:
        self._memories[slot] = _Memory(self._memories[slot].tokens[:length])
        return True

    def floor(self, slot: int) -> int:
        return 0

    def mark(self, slot: int) -> bytes:
        return self.save(slot)

    def rewind(self, slot: int, state: bytes, *, length: int) -> bool:
        return self.restore(slot, state) and self.length(slot) == length

    def saved_bytes(self, slot: int) -> int:
        return 4 * len(self._memories[slot].tokens)

    def save(self, slot: int) -> bytes:
        tokens = self._memories[slot].tokens
        return b"".join(token.to_bytes(4, "big", signed=True) for token in tokens)

    def restore(self, slot: int, state: bytes) -> bool:
        if len(state) // 4 > self._limits.context_length:
            return False
        cells = [state[at : at + 4] for at in range(0, len(state), 4)]
        self._memories[slot] = _Memory([int.from_bytes(c, "big", signed=True) for c in cells])
        return True

    def new_sampler(
        self,
        recipe: Recipe,
        *,
        history: Sequence[int],
        logprobs: int | None = None,
        constraint: Constraint | None = None,
    ) -> Sampler:
        """What a script says keeps to no format but its own."""
        return _Script(logprobs)

    def close(self) -> None:
        self._memories.clear()

    def _read(self, chunk: Chunk) -> None:
        """All but the guesses, which are read as they prove right."""
        memory = self._memories[chunk.slot]
        if chunk.start != len(memory.tokens):
            raise BackendError("a chunk does not begin where its slot ends")
        if chunk.start + len(chunk.tokens) > self._limits.context_length:
            raise BackendError("a chunk ends past its slot")
        self._take_in(chunk.certain, memory=memory)

    def _take_in(self, tokens: Sequence[int], *, memory: _Memory) -> None:
        memory.tokens.extend(tokens)
        if memory.rule is not None and len(tokens) == 1:
            memory.said_bytes += len(self._vocabulary.piece(tokens[0]))
        else:
            memory.rule = None

    def _choose_all(self, chunk: Chunk) -> list[Chosen]:
        """One token, and one more for each guess that proves right; all guesses are held then."""
        memory = self._memories[chunk.slot]
        guesses = list(chunk.tokens[len(chunk.tokens) - chunk.drafted :])
        chosen = [self._choose(chunk)]
        while guesses and chosen[-1].token == guesses[0]:
            self._take_in([guesses.pop(0)], memory=memory)
            chosen.append(self._choose(chunk))
        if guesses:
            memory.tokens.extend(guesses)
            memory.rule = None
        return chosen

    def _choose(self, chunk: Chunk) -> Chosen:
        token = self._next_token(chunk.slot)
        wanted = chunk.sampler.logprobs if isinstance(chunk.sampler, _Script) else None
        return Chosen(
            sequence=chunk.sequence,
            slot=chunk.slot,
            position=len(self._memories[chunk.slot].tokens),
            token=token,
            logprobs=None if wanted is None else _logprobs(self._vocabulary.piece(token), wanted),
        )

    def _now_saying(self, slot: int) -> Rule:
        memory = self._memories[slot]
        if memory.rule is None:
            text = self._vocabulary.shown(memory.tokens)
            question, said = self._asked.last(text, answer=self._answer_to)
            memory.rule = self._rule_for(question)
            memory.said_bytes = len(said)
        return memory.rule

    def _answer_to(self, question: bytes) -> bytes:
        return self._rule_for(question).text.encode()

    def _rule_for(self, asked: bytes) -> Rule:
        question = asked.decode("utf-8", "replace")
        for rule in self._rules:
            if rule.when.search(question):
                return rule
        return Rule(when=re.compile(""), says=(f"You said: {question}",))

    def _next_token(self, slot: int) -> int:
        rule, said = self._now_saying(slot), self._memories[slot].said_bytes
        part = _PARTS.match(self._piece_at(rule, said))
        if part is not None:
            return byte_token(part.group())
        if rule.deed is not None:
            _do(rule.deed, sleep=self._sleep)
        return self._vocabulary.markers[self._vocabulary.eos_text].token

    def _piece_at(self, rule: Rule, position: int) -> bytes:
        """What is left of the piece at this byte, so that tokens end where pieces do."""
        for piece in rule.says:
            data = piece.encode()
            if position < len(data):
                return data[position:]
            position -= len(data)
        return b""


def _logprobs(data: bytes, count: int) -> TokenLogprob:
    """As if each other token were half as likely as the one before it."""
    top = [
        Alternative(token=text.decode("utf-8", "replace"), logprob=at * math.log(0.5), data=text)
        for at, text in enumerate([data, *(b"%d" % number for number in range(1, count))], start=1)
    ]
    return TokenLogprob(
        token=top[0].token, logprob=top[0].logprob, data=data, top=tuple(top[:count])
    )


def _do(deed: str, *, sleep: Callable[[float], None]) -> NoReturn:
    if deed == "abort":
        os.abort()
    if deed == "exit":
        os._exit(70)
    if deed == "raise":
        raise BackendError("the script says so")
    if deed == "oom":
        raise MemoryError
    if deed == "device-lost":
        raise DeviceLost("the script says so")
    while True:
        sleep(3600)


def load(
    script: Path | None,
    *,
    context_length: int = 4096,
    slots: int = 4,
    progress: Callable[[float], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> ScriptedBackend:
    """A backend that follows this script, or echoes without one."""
    try:
        rules = read_script(script.read_text(encoding="utf-8")) if script else []
    except (OSError, ScriptError) as error:
        raise Unloadable(f"script: {type(error).__name__}") from error
    progress(1.0)
    return ScriptedBackend(rules, context_length=context_length, slots=slots, sleep=sleep)
