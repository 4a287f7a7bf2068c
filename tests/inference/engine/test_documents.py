"""A document that does not fit is shortened from its end, and it is said by how much."""

from typing import Any

import msgspec
import pytest

from inference.engine import documents
from inference.engine.documents import REST
from inference.engine.prompt import Prompt, TooLong
from inference.protocol import Excerpt, Message, Stats
from tests.inference.engine.aboard import RecordingBackend, end_of, engine_on, request, run
from tests.inference.engine.families import CHATML
from tests.inference.engine.test_prompt import builder_of, vocabulary_of

CONTEXT = 1_000
# The scripted vocabulary makes a token of so many letters.
TOKEN = 3


def paper(tokens: int, *, question: str = "Why?", missing: int = 0) -> Message:
    """A question behind a document that takes about so many tokens."""
    content = f"<paper>{'x' * tokens * TOKEN}</paper>{question}"
    excerpt = Excerpt(start=7, end=7 + tokens * TOKEN, missing=missing)
    return Message(role="user", content=content, excerpts=(excerpt,))


def said(role: Any, tokens: int) -> Message:
    return Message(role=role, content="q" * tokens * TOKEN)


def built(*messages: Message, **how: Any) -> Prompt:
    builder = builder_of(CHATML, context_length=CONTEXT)
    return documents.built(builder.build, messages, context_length=CONTEXT, **how)


def text_of(prompt: Prompt) -> str:
    return vocabulary_of(CHATML).shown(prompt.tokens).decode()


def letters(prompt: Prompt, letter: str) -> int:
    """How many of the document, or of the talk around it, are in it."""
    return text_of(prompt).count(letter)


def test_what_fits_is_read_whole() -> None:
    prompt = built(paper(500))

    assert letters(prompt, "x") == 500 * TOKEN
    assert REST not in text_of(prompt)
    assert (prompt.document_chars, prompt.cut_chars, prompt.read_messages) == (1_500, 0, 0)


@pytest.mark.parametrize("tokens", [995, 5_000, 400_000])
def test_what_does_not_fit_is_read_from_its_beginning_and_the_rest_is_counted(tokens: int) -> None:
    prompt = built(paper(tokens))

    kept = letters(prompt, "x")
    assert f"<paper>{'x' * kept}{REST}</paper>Why?" in text_of(prompt)
    assert (prompt.document_chars, prompt.cut_chars) == (tokens * TOKEN, tokens * TOKEN - kept)
    # A quarter stays free for the answer, and the steps cost at most another quarter of the rest.
    assert CONTEXT // 2 < len(prompt.tokens) <= CONTEXT * 3 // 4


def test_what_was_left_out_before_it_came_here_is_counted_and_said_too() -> None:
    prompt = built(paper(100, missing=900))

    assert (prompt.document_chars, prompt.cut_chars) == (1_200, 900)
    assert REST in text_of(prompt)


def test_older_turns_go_before_the_document_does() -> None:
    older = [said("user", 200), said("assistant", 200)]

    prompt = built(*older, paper(700))

    assert letters(prompt, "q") == 200 * TOKEN
    assert letters(prompt, "x") == 700 * TOKEN
    assert (prompt.cut_chars, prompt.read_messages) == (0, 2)


def test_a_document_of_an_older_question_is_shortened_rather_than_forgotten() -> None:
    system = Message(role="system", content="Be brief.")
    before = [said("user", 10), said("assistant", 10)]
    after = [said("assistant", 150), said("user", 40)]

    prompt = built(system, *before, paper(900), *after)

    assert "Be brief." in text_of(prompt)
    assert 0 < letters(prompt, "x") == 900 * TOKEN - prompt.cut_chars
    assert letters(prompt, "q") == 190 * TOKEN, "all since then is read, and nothing from before"
    assert prompt.read_messages == 3
    assert len(prompt.tokens) <= CONTEXT * 7 // 8


def test_for_some_turns_the_same_part_of_it_is_read() -> None:
    """So that what was read of it is not read anew."""
    talk = [paper(5_000)]
    cuts = []
    for _ in range(3):
        cuts.append(built(*talk).cut_chars)
        talk += [said("assistant", 15), said("user", 15)]

    assert len(set(cuts)) == 1


def test_when_nothing_of_it_would_fit_the_talk_goes_on_without_it() -> None:
    after = [said("assistant", 960), said("user", 10)]

    prompt = built(paper(900), *after)

    assert letters(prompt, "x") == 0
    assert (prompt.read_messages, prompt.document_chars) == (2, 0)


def test_a_question_that_is_too_long_by_itself_is_still_refused() -> None:
    with pytest.raises(TooLong):
        built(paper(900, question="z" * 2_000 * TOKEN))


def test_the_answer_says_how_much_of_it_was_read() -> None:
    backend = RecordingBackend(vocabulary=vocabulary_of(CHATML), context_length=CONTEXT)
    engine = engine_on(backend)

    try:
        engine.submit(msgspec.structs.replace(request(), messages=(paper(5_000),)))
        end = end_of(run(engine))
    finally:
        engine.close()

    assert isinstance(end.stats, Stats)
    assert end.stats.document_chars == 15_000
    assert 12_000 < end.stats.cut_chars < 15_000


@pytest.mark.parametrize(
    "excerpts",
    [
        (Excerpt(start=0, end=99),),
        (Excerpt(start=2, end=1),),
        (Excerpt(start=0, end=3), Excerpt(start=2, end=4)),
    ],
)
def test_an_excerpt_that_is_not_in_its_message_is_no_message(
    excerpts: tuple[Excerpt, ...],
) -> None:
    with pytest.raises(ValueError, match="excerpt"):
        Message(role="user", content="words", excerpts=excerpts)
