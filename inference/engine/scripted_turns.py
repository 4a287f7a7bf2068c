"""Which part of what a scripted model has read is the question, and what it has said to it so far.

Not for what it answers: that is in scripted.py.
"""

from collections.abc import Callable

START, END = "<|im_start|>", "<|im_end|>"
_MOST_ASKED = 256


class Asked:
    """The questions without turns, as bare prompts are: nothing in them says where they end.

    So they are remembered. After a wrong guess, or from a memory that was put aside and brought
    back, an answer to one of them goes on where it was.
    """

    def __init__(self) -> None:
        self._texts: dict[bytes, None] = {}  # an ordered set

    def last(self, text: bytes, *, answer: Callable[[bytes], bytes]) -> tuple[bytes, bytes]:
        """The last question in the text, and what has been said to it."""
        if START.encode() in text:
            return _last_turns(text)
        known = [each for each in self._texts if text.startswith(each)]
        for question in sorted(known, key=len, reverse=True):
            said = text[len(question) :]
            if answer(question).startswith(said):
                return question, said
        self._texts[text] = None
        if len(self._texts) > _MOST_ASKED:
            del self._texts[next(iter(self._texts))]
        return text, b""


def _last_turns(text: bytes) -> tuple[bytes, bytes]:
    turns = text.split(START.encode())
    questions = [turn for turn in turns if turn.startswith(b"user\n")]
    question = (
        questions[-1].removeprefix(b"user\n").partition(END.encode())[0] if questions else text
    )
    last = turns[-1]
    said = last.removeprefix(b"assistant\n") if last.startswith(b"assistant\n") else b""
    return question, said
