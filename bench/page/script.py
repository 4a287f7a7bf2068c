"""What the model behind the measured page answers, and at what pace. Measures nothing.

A token is taken for four characters, as in most English text.
"""

import random

PERSON = "paula"
CHINESE = "baola"
# As the long talk of the page's tests names it.
MODEL = "smollm2:135m"
LONG_QUESTIONS = 1_000
CHARS_A_TOKEN = 4
TOKENS_A_SECOND = 200
# An hour at the pace at which most models write on an office's machine.
HOUR_TOKENS = 3_600 * 20
HOUR_ANSWERS = 100

# One step of the scripted model says up to three characters; it sleeps so long before each.
_STEP_MS = 2.6
_STREAMED_CHARS = 60_000

_WORDS = (
    *("the", "a", "our", "this", "each", "no", "every", "new", "old", "late", "early", "small"),
    *("large", "open", "meeting", "project", "invoice", "holiday", "report", "key", "desk", "plan"),
    *("printer", "window", "train", "office", "team", "week", "month", "hour", "budget", "is"),
    *("was", "has", "needs", "takes", "gives", "shows", "keeps", "asks", "before", "after"),
    *("until", "with", "without", "between", "because"),
)


def prose(chance: random.Random, *, chars: int) -> str:
    """Headings, paragraphs, lists, tables and short blocks of code, as models write them."""
    kinds = (_paragraph, _list, _code, _table)
    sections: list[str] = []
    length = 0
    while length < chars:
        parts = (f"## {_sentence(chance)}", _paragraph(chance), chance.choice(kinds)(chance))
        sections.append("\n\n".join(parts))
        length += len(sections[-1]) + 2
    return "\n\n".join(sections)[:chars]


def program(chance: random.Random, *, chars: int) -> str:
    """One block of code without an end: the hardest that grows, since it is one block."""
    lines = ["```python"]
    while sum(len(line) + 1 for line in lines) < chars:
        name = chance.choice(_WORDS)
        lines += [
            f"def {name}_{len(lines)}({chance.choice(_WORDS)}: int) -> str:",
            f'    """{_sentence(chance)}"""',
            f'    return f"{name} {{{chance.randint(1, 99)} * 2}}"  # {_sentence(chance)}',
            "",
        ]
    return "\n".join(lines)[:chars]


def rules() -> list[dict[str, object]]:
    """The script of the backend; the first rule that fits a question answers it."""
    chance = random.Random(41)
    streamed = {"prose": prose, "program": program}
    answer_chars = HOUR_TOKENS * CHARS_A_TOKEN // HOUR_ANSWERS
    return [
        *(
            dict[str, object](
                when=f"^Stream {name}",
                says=[write(chance, chars=_STREAMED_CHARS)],
                every_ms=_STEP_MS,
            )
            for name, write in streamed.items()
        ),
        *(
            dict[str, object](
                when=f"^Question {number} of the hour$", says=[prose(chance, chars=answer_chars)]
            )
            for number in range(1, HOUR_ANSWERS + 1)
        ),
    ]


def _sentence(chance: random.Random) -> str:
    words = chance.choices(_WORDS, k=chance.randint(6, 16))
    return f"{' '.join(words).capitalize()}."


def _paragraph(chance: random.Random) -> str:
    sentences = [_sentence(chance) for _ in range(chance.randint(3, 7))]
    sentences[0] = f"**{sentences[0]}**"
    return " ".join(sentences)


def _list(chance: random.Random) -> str:
    return "\n".join(f"{n}. `{n}` {_sentence(chance)}" for n in range(1, chance.randint(4, 9)))


def _code(chance: random.Random) -> str:
    return f"{program(chance, chars=chance.randint(400, 1_200))}\n```"


def _table(chance: random.Random) -> str:
    rows = "\n".join(
        f"| {_sentence(chance)} | {chance.random():.3f} | {chance.choice(_WORDS)} |"
        for _ in range(chance.randint(4, 12))
    )
    return f"| what | how much | who |\n|:--|--:|---|\n{rows}"
