"""What is asked: the same words for every server, made from a seed alone. Sends nothing."""

import random
from collections.abc import Mapping, Sequence

Message = Mapping[str, str]

QUESTION_WORDS = 20
LONG_WORDS = 1_450  # about 2,000 tokens of the starter model
PARAGRAPHS = 6

_NOUNS = """
invoice harvest compass lantern committee valley printer orchard schedule island
pension engine station recipe contract weather archive ferry blanket museum tariff
garage festival warehouse passport deadline canal bakery sensor catalogue
"""
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_SUBJECTS = (
    "the summer rota",
    "a broken projector",
    "visitor badges",
    "the cycling scheme",
    "an office move",
    "meeting minutes",
    "the phone system",
    "spare parts",
    "a training day",
    "late deliveries",
    "the intranet search",
    "first aid boxes",
)


SYSTEM = (
    "You answer for one company's staff. Be brief, friendly and exact. Say so when you do not know "
    "something, and never guess numbers, names or dates. Answer in the language of the question. "
    "Questions about pay, health or conflicts belong to the personnel office on the second floor. "
    "Do not repeat confidential figures. When a question is not clear, ask for what is missing."
)


def random_for(seed: int, person: int, *, turn: int = 0) -> random.Random:
    """The only source of chance; the same numbers give the same words."""
    return random.Random(f"{seed}/{person}/{turn}")


def system() -> Message:
    """What a whole company's conversations begin with: an administrator gave it to the model."""
    return {"role": "system", "content": SYSTEM}


def essay(seed: int, person: int, *, turn: int = 0) -> list[Message]:
    """A conversation of one question that asks for many words."""
    notes = _words(random_for(seed, person, turn=turn), QUESTION_WORDS)
    subject = _SUBJECTS[(person + turn) % len(_SUBJECTS)]
    asked = f"Write a long report about {subject}. Mention: {notes}"
    return [system(), {"role": "user", "content": asked}]


def question(seed: int, person: int, *, turn: int) -> Message:
    """What a person says next in a conversation."""
    notes = _words(random_for(seed, person, turn=turn), QUESTION_WORDS)
    subject = _SUBJECTS[(person + turn) % len(_SUBJECTS)]
    return {"role": "user", "content": f"Now about {subject}, point {turn + 1}: {notes}"}


def long_text(seed: int) -> list[Message]:
    """A question behind a text of about 2,000 tokens."""
    words = _words(random_for(seed, 10_000), LONG_WORDS)
    return [system(), {"role": "user", "content": f"Notes: {words}. Sum them up."}]


def document(seed: int, person: int, *, turn: int = 0) -> list[Message]:
    """A question whose answer stands in the document, word for word."""
    chance = random_for(seed, person, turn=turn)
    text = "\n\n".join(_paragraph(chance, number + 1) for number in range(PARAGRAPHS))
    asked = f"{text}\n\nCopy the text above, word for word, from its first paragraph on."
    return [system(), {"role": "user", "content": asked}]


def body(
    messages: Sequence[Message], *, model: str, max_tokens: int, dialect: str
) -> dict[str, object]:
    """A request that both servers read alike: greedy, and nothing left to a default that differs.

    `ignore_eos` is not asked for: answers end where the model ends them, on both sides.
    """
    common: dict[str, object] = {"model": model, "messages": list(messages), "stream": True}
    if dialect == "ollama":
        options = {"temperature": 0, "num_predict": max_tokens, "repeat_penalty": 1.0}
        return {**common, "options": options}
    usage = {"include_usage": True}
    return {**common, "temperature": 0, "max_tokens": max_tokens, "stream_options": usage}


def _paragraph(chance: random.Random, number: int) -> str:
    """Sentences as a small model has read them before: it cannot quote what makes no sense."""
    first, second, third = chance.sample(_NOUNS.split(), 3)
    day, other_day = chance.sample(_DAYS, 2)
    return (
        f"{number}. The {first} is looked after by the {second} team. It is checked every {day} "
        f"before noon, and the result is written down in the {third} book. If something is "
        f"missing, call the front desk and ask for a new one by {other_day}. Nobody needs a "
        f"form for that, but the {second} team must know about it."
    )


def _words(chance: random.Random, count: int) -> str:
    return " ".join(chance.choices(_NOUNS.split(), k=count))
