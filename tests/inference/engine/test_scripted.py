"""The scripted model says its answer once, whatever happens to its memory in the middle of it."""

from collections.abc import Callable
from uuid import UUID

import pytest

from inference.engine.backend import Chunk
from inference.engine.scripted import ScriptedBackend, read_script

QUESTION = "the capital of France? "
ANSWER = "Paris is the capital, Paris is the capital of France."
SCRIPT = f'[{{"when": "capital of France", "says": "{ANSWER}"}}]'
TURNS = f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n"


class Slot:
    """The only one of a backend, read and answered token by token."""

    def __init__(self) -> None:
        self.backend = ScriptedBackend(read_script(SCRIPT), context_length=512, slots=1)
        self._sampler = self.backend.new_sampler((), history=[])
        self.said = b""

    def reads(self, *tokens: int, drafted: int = 0) -> int:
        """What the model chooses behind these."""
        chunk = Chunk(
            sequence=UUID(int=1),
            slot=0,
            start=self.backend.length(0),
            tokens=tokens,
            sampler=self._sampler,
            drafted=drafted,
        )
        token = self.backend.decode([chunk])[0].token
        self.said += self.backend.vocabulary.piece(token)
        return token


def guesses_wrong(slot: Slot, token: int) -> int:
    held = slot.backend.length(0) + 1
    chosen = slot.reads(token, 7, drafted=1)
    slot.backend.cut(0, length=held)
    return chosen


def is_put_aside(slot: Slot, token: int) -> int:
    state = slot.backend.save(0)
    slot.backend.cut(0, length=0)
    slot.backend.restore(0, state)
    return slot.reads(token)


def is_read_again(slot: Slot, token: int) -> int:
    """As where its memory was given to somebody else."""
    state = slot.backend.save(0)
    cells = [state[at : at + 4] for at in range(0, len(state), 4)]
    slot.backend.cut(0, length=0)
    return slot.reads(*(int.from_bytes(cell, "big", signed=True) for cell in cells), token)


@pytest.mark.parametrize("happens", [guesses_wrong, is_put_aside, is_read_again])
@pytest.mark.parametrize("prompt", [QUESTION, TURNS], ids=["bare", "in turns"])
def test_it_goes_on_where_it_was(happens: Callable[[Slot, int], int], prompt: str) -> None:
    slot = Slot()
    vocabulary = slot.backend.vocabulary
    tokens = _tokens(slot, prompt)
    token = slot.reads(*tokens)

    while not vocabulary.is_end(token):
        token = happens(slot, token)

    assert slot.said.decode() == ANSWER


def test_the_same_question_again_is_answered_from_the_beginning() -> None:
    slot = Slot()
    for _ in range(2):
        slot.said = b""
        slot.backend.cut(0, length=0)
        token = slot.reads(*_tokens(slot, QUESTION))
        while not slot.backend.vocabulary.is_end(token):
            token = slot.reads(token)
        assert slot.said.decode() == ANSWER


def _tokens(slot: Slot, prompt: str) -> list[int]:
    """As the encoder does: markers are tokens of their own."""
    vocabulary = slot.backend.vocabulary
    tokens: list[int] = []
    for part in prompt.replace("<|im_start|>", "\0S\0").replace("<|im_end|>", "\0E\0").split("\0"):
        marker = {"S": "<|im_start|>", "E": "<|im_end|>"}.get(part)
        tokens += [vocabulary.markers[marker].token] if marker else vocabulary.encode(part)
    return tokens
