"""The people: they ask over HTTP, read what streams back, and note when each piece came.

Not for starting servers or judging figures. Every wait is bounded by the time-out of the client.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import httpx

from bench import prompts
from bench.figures import Answer, Figures, figures_of, percentile
from bench.prompts import Message

Dialect = Literal["openai", "ollama"]

ANSWER_SECONDS = 280.0
RUNNING_WORDS = 8  # pieces each running answer has shown before the long prompt arrives


class Broken(RuntimeError):
    """A server refused, or ended an answer with an error. The message is the server's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where a server listens. `keys` are those of different people; none where nobody is asked.

    `other_model` is a second one that it can serve, if it can.
    """

    base: str
    model: str
    other_model: str = ""
    dialect: Dialect = "openai"
    keys: tuple[str, ...] = ()

    def headers(self, person: int) -> dict[str, str]:
        if not self.keys:
            return {}
        return {"Authorization": f"Bearer {self.keys[person % len(self.keys)]}"}


@dataclass(slots=True)
class Crowd:
    """Everybody who asks one server, and what they saw so far."""

    door: Door
    client: httpx.AsyncClient
    answers: list[Answer] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    async def ask(
        self,
        person: int,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        model: str = "",
        on_piece: Callable[[], None] = lambda: None,
    ) -> Answer:
        """One streamed answer. Raises `Broken` when there is none."""
        door = self.door
        path = "/api/chat" if door.dialect == "ollama" else "/v1/chat/completions"
        body = prompts.body(
            messages, model=model or door.model, max_tokens=max_tokens, dialect=door.dialect
        )
        reading = _Reading()
        begun = time.perf_counter()
        async with self.client.stream(
            "POST", door.base + path, json=body, headers=door.headers(person)
        ) as response:
            if response.status_code != httpx.codes.OK:
                raise Broken(f"{response.status_code} {(await response.aread())[:200]!r}")
            async for line in response.aiter_lines():
                if reading.take(line, dialect=door.dialect):
                    on_piece()
        ended = time.perf_counter()
        first = reading.pieces_at[0] if reading.pieces_at else ended
        return Answer(
            text="".join(reading.text),
            first=first - begun,
            pieces_at=tuple(reading.pieces_at),
            tokens=reading.tokens,
            prompt_tokens=reading.prompt_tokens,
        )

    async def note(self, asking: Awaitable[Answer], *, is_later_turn: bool = False) -> str:
        """Keep the answer, or that there was none. Its text."""
        try:
            answer = await asking
        except (Broken, httpx.HTTPError) as error:
            self.faults.append(f"{type(error).__name__}: {error}"[:300])
            return "no answer"
        self.answers.append(replace(answer, is_later_turn=is_later_turn))
        return answer.text


@dataclass(slots=True)
class _Reading:
    text: list[str] = field(default_factory=list)
    pieces_at: list[float] = field(default_factory=list)
    tokens: int = 0
    prompt_tokens: int = 0

    def take(self, line: str, *, dialect: Dialect) -> bool:
        """One line of the stream. Whether it showed something."""
        if dialect == "openai":
            if not line.startswith("data: ") or line == "data: [DONE]":
                return False
            line = line[len("data: ") :]
        if not line:
            return False
        value = json.loads(line)
        if "error" in value:
            raise Broken(str(value["error"]))
        piece = self._of_openai(value) if dialect == "openai" else self._of_ollama(value)
        if piece:
            self.pieces_at.append(time.perf_counter())
            self.text.append(piece)
        return bool(piece)

    def _of_openai(self, value: dict[str, Any]) -> str:
        if usage := value.get("usage"):
            self.tokens = int(usage["completion_tokens"])
            self.prompt_tokens = int(usage["prompt_tokens"])
        if not value.get("choices"):
            return ""
        delta = value["choices"][0]["delta"]
        return str(delta.get("content") or delta.get("reasoning_content") or "")

    def _of_ollama(self, value: dict[str, Any]) -> str:
        if value.get("done"):
            self.tokens = int(value.get("eval_count", 0))
            self.prompt_tokens = int(value.get("prompt_eval_count", 0))
        message = value.get("message", {})
        return str(message.get("content") or message.get("thinking") or "")


@asynccontextmanager
async def people_at(door: Door) -> AsyncIterator[Crowd]:
    """People at the door, who have not said anything yet."""
    # A connection each: llama-server closes kept ones without a word now and then.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS, limits=limits) as client:
        yield Crowd(door, client)


@asynccontextmanager
async def crowd(door: Door) -> AsyncIterator[Crowd]:
    """People at the door; the model is loaded and warm when they begin."""
    async with people_at(door) as people:
        await people.ask(0, [{"role": "user", "content": "Hello"}], max_tokens=4)
        yield people


async def burst(crowd: Crowd, *, people: int, times: int, max_tokens: int, seed: int) -> Figures:
    """Everybody asks at once, and once all are answered, again."""
    begun = time.perf_counter()
    for turn in range(times):
        asked = (
            crowd.ask(person, prompts.essay(seed, person, turn=turn), max_tokens=max_tokens)
            for person in range(people)
        )
        await asyncio.gather(*(crowd.note(asking) for asking in asked))
    return _figures(crowd, begun=begun)


async def talk(
    crowd: Crowd, *, people: int, turns: int, think_seconds: float, max_tokens: int, seed: int
) -> Figures:
    """Conversations that begin with the same words and interleave, people thinking in between."""
    begun = time.perf_counter()

    async def converse(person: int) -> None:
        chance = prompts.random_for(seed, person, turn=-1)
        said: list[Message] = [prompts.system()]
        await asyncio.sleep(chance.random() * think_seconds)
        for turn in range(turns):
            said.append(prompts.question(seed, person, turn=turn))
            asking = crowd.ask(person, tuple(said), max_tokens=max_tokens)
            text = await crowd.note(asking, is_later_turn=turn > 0)
            said.append({"role": "assistant", "content": text})
            if turn + 1 < turns:
                await asyncio.sleep(think_seconds * (0.5 + chance.random()))

    await asyncio.gather(*(converse(person) for person in range(people)))
    return _figures(crowd, begun=begun)


async def long_among(crowd: Crowd, *, running: int, max_tokens: int, seed: int) -> Figures:
    """A long prompt arrives while others are being answered: what that does to them."""
    shown = [0] * running
    all_running = asyncio.Event()
    begun = time.perf_counter()

    def seen(person: int) -> None:
        shown[person] += 1
        if min(shown) >= RUNNING_WORDS:
            all_running.set()

    async def write(person: int) -> None:
        asking = crowd.ask(
            person,
            prompts.essay(seed, person),
            max_tokens=max_tokens,
            on_piece=lambda: seen(person),
        )
        await crowd.note(asking)

    writing = [asyncio.create_task(write(person)) for person in range(running)]
    async with asyncio.timeout(ANSWER_SECONDS):
        await all_running.wait()
    arrived = time.perf_counter()
    long = await crowd.ask(running, prompts.long_text(seed), max_tokens=8)
    await asyncio.gather(*writing)
    return _figures(
        crowd, begun=begun, more=_held_up(crowd.answers, arrived=arrived, first=long.first)
    )


async def documents(
    crowd: Crowd, *, people: int, times: int, max_tokens: int, seed: int
) -> Figures:
    """Answers that quote what was asked about."""
    begun = time.perf_counter()
    for turn in range(times):
        asked = (
            crowd.ask(person, prompts.document(seed, person, turn=turn), max_tokens=max_tokens)
            for person in range(people)
        )
        await asyncio.gather(*(crowd.note(asking) for asking in asked))
    return _figures(crowd, begun=begun)


async def switch(crowd: Crowd, *, times: int, seed: int) -> Figures:
    """Two models by turns, where there is room for one: each answer waits for a loading."""
    door = crowd.door
    begun = time.perf_counter()
    for turn in range(times):
        name = door.model if turn % 2 else door.other_model
        asked = prompts.essay(seed, 0, turn=turn)
        await crowd.note(crowd.ask(0, asked, max_tokens=4, model=name))
    return _figures(crowd, begun=begun)


def _held_up(answers: Sequence[Answer], *, arrived: float, first: float) -> dict[str, float]:
    """The gaps of others that end while the long prompt is read."""
    gaps = [
        late - soon
        for answer in answers
        for soon, late in zip(answer.pieces_at, answer.pieces_at[1:], strict=False)
        if late > arrived and soon < arrived + first
    ]
    return {
        "long_first": round(first, 4),
        "others_gap_p95": percentile(gaps, 0.95) or 0.0,
        "others_gap_worst": percentile(gaps, 1.0) or 0.0,
        "others_gaps": float(len(gaps)),
    }


def _figures(crowd: Crowd, *, begun: float, more: dict[str, float] | None = None) -> Figures:
    return figures_of(
        crowd.answers,
        errors=len(crowd.faults),
        seconds=time.perf_counter() - begun,
        more=more,
    )
