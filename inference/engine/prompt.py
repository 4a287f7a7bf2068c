"""Messages → the token ids a model reads, within its context, safe from what messages pretend.

Not for sampling or slots. What people wrote is encoded as plain letters; only the template's own
text can become control tokens (threat E19).
"""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from inference.engine.backend import Marker, Vocabulary
from inference.engine.replies.think import CLOSING, OPENING
from inference.engine.templates.jinja import TemplateRefused
from inference.engine.templates.origin import Run, cleaned, runs
from inference.engine.templates.sandbox import Messages, Renderer
from inference.protocol import Message

# Stands in when neither the model nor an administrator brings a template.
PLAIN_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Words that were added to a vocabulary although they steer: kept out of people's text as well.
_STEERING = re.compile(r"<\|.*\|>|<｜.*｜>|\[/?[A-Z_]+\]|<\w+_of_\w+>|</?s>", re.DOTALL)
# Longer text is encoded in parts: some tokenizers recurse over what has no break in it.
_PART_CHARS = 16_384
_BREAK = re.compile(r"(?<=\S)(?=\s)")
# A message list of this size cannot fit anywhere, and rendering it would only cost time.
_MAX_RENDERED_CHARS = 8_000_000


class TooLong(Exception):
    """The last message and the system messages alone do not fit in the context."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Token ids in order; the last `kept_count` are of the answer kept from an earlier attempt.

    `thinks` when the template ends inside the opening tag.
    """

    tokens: list[int]
    kept_count: int = 0
    thinks: bool = False


class PromptBuilder:
    """Builds prompts for one model with one template."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        template: str,
        renderer: Renderer,
        context_length: int,
        wall_clock: Callable[[], float],
    ) -> None:
        self._vocabulary = vocabulary
        self._template = template
        self._renderer = renderer
        self._context_length = context_length
        self._wall_clock = wall_clock
        self._marker_pattern = _any_of(vocabulary.markers)
        steering = {
            text: marker
            for text, marker in vocabulary.markers.items()
            if marker.is_control or text in template or _STEERING.fullmatch(text)
        }
        self._steering_tokens = frozenset(marker.token for marker in steering.values())
        self._steering_pattern = _any_of(steering)

    def build(self, messages: Sequence[Message], *, so_far: str = "") -> Prompt:
        """The longest prompt that leaves room for a token: old messages go, the system's stay.

        Raises TooLong when the last message cannot fit, TemplateRefused when the template fails.
        """
        spoken = [_as_spoken(message) for message in messages]
        room = self._context_length - 1
        kept = self._encoded_continuation(so_far) if so_far else []
        droppable = [at for at, message in enumerate(spoken[:-1]) if message["role"] != "system"]

        def fitting(newest: int) -> Prompt | None:
            dropped = set(droppable[: len(droppable) - newest])
            chosen = [message for at, message in enumerate(spoken) if at not in dropped]
            return self._attempt(chosen, kept=kept, room=room)

        best = fitting(0)
        if best is None:
            raise TooLong
        return _longest(fitting, shortest=best, most=len(droppable))

    def _attempt(self, chosen: Messages, *, kept: list[int], room: int) -> Prompt | None:
        if sum(len(message["content"]) for message in chosen) > _MAX_RENDERED_CHARS:
            return None
        parts = runs(self._rendered(chosen))
        thinks = _ends_inside_thinking(parts)
        if thinks and kept:
            parts.append(Run(CLOSING, True))
            parts.append(Run("\n\n", False))
        lower_bound = sum(len(part.text) for part in parts) // self._vocabulary.longest_token_bytes
        if lower_bound > room:
            return None
        tokens = [*self._encoded(parts), *kept]
        if len(tokens) > room:
            return None
        return Prompt(tokens=tokens, kept_count=len(kept), thinks=thinks)

    def _rendered(self, messages: Messages) -> str:
        """Rendered as it is or, where a template accepts only strict turns, in such a shape."""
        shapes = (
            messages,
            _from_first_question(_merged(messages)),
            _from_first_question(_merged(_without_system(messages))),
        )
        for at, shape in enumerate(shapes):
            try:
                return self._renderer.render(
                    self._template,
                    shape,
                    bos_text=self._vocabulary.bos_text,
                    eos_text=self._vocabulary.eos_text,
                    now=self._wall_clock(),
                )
            except TemplateRefused as refusal:
                if at == len(shapes) - 1 or not refusal.is_about_messages:
                    raise
        raise AssertionError("a shape either renders or raises")

    def _encoded(self, parts: Sequence[Run]) -> list[int]:
        tokens: list[int] = []
        for item in _spaced(self._pieces(parts)):
            if isinstance(item, Marker):
                tokens.append(item.token)
            elif item:
                tokens.extend(self._encoded_plain(item, continues=False))
        begin = self._vocabulary.bos_token
        if begin is not None and tokens[:1] != [begin]:
            tokens.insert(0, begin)
        return tokens

    def _pieces(self, parts: Sequence[Run]) -> list[Marker | str]:
        """Markers of the template, and between them all other text joined, whoever wrote it."""
        pieces: list[Marker | str] = [""]

        def add_text(text: str) -> None:
            last = pieces[-1]
            if isinstance(last, str):
                pieces[-1] = last + text
            else:
                pieces.append(text)

        for text, is_own in parts:
            if not is_own or self._marker_pattern is None:
                add_text(text)
                continue
            position = 0
            for found in self._marker_pattern.finditer(text):
                add_text(text[position : found.start()])
                pieces.append(self._vocabulary.markers[found.group()])
                position = found.end()
            add_text(text[position:])
        return pieces

    def _encoded_continuation(self, text: str) -> list[int]:
        """Text of the model's own, going on; thinking tags in it are meant."""
        tokens: list[int] = []
        for piece in re.split(f"({re.escape(OPENING)}|{re.escape(CLOSING)})", cleaned(text)):
            marker = self._vocabulary.markers.get(piece) if piece in (OPENING, CLOSING) else None
            if marker is not None:
                tokens.append(marker.token)
            elif piece:
                tokens.extend(self._encoded_plain(piece, continues=True))
        return tokens

    def _encoded_plain(self, text: str, *, continues: bool) -> list[int]:
        tokens: list[int] = []
        for part in _in_parts(text):
            tokens.extend(self._guarded(part, continues=continues))
            continues = True
        return tokens

    def _guarded(self, text: str, *, continues: bool) -> list[int]:
        """Plain tokens, proved: a tokenizer that made a steering one gets its text cut finer."""
        tokens = self._vocabulary.encode(text, continues=continues)
        if self._steering_tokens.isdisjoint(tokens):
            return tokens
        pieces = self._cut_markers(text)
        if len(pieces) == 1:
            pieces = list(text) if len(text) > 1 else []
        tokens = []
        for piece in pieces:
            tokens.extend(self._guarded(piece, continues=continues))
            continues = True
        return tokens

    def _cut_markers(self, text: str) -> list[str]:
        if self._steering_pattern is None:
            return [text]
        cuts = [found.start() + 1 for found in self._steering_pattern.finditer(text)]
        edges = [0, *(cut for cut in cuts if cut < len(text)), len(text)]
        return [text[start:end] for start, end in itertools.pairwise(edges)]


def _longest(fitting: Callable[[int], Prompt | None], *, shortest: Prompt, most: int) -> Prompt:
    """The prompt with the most of the newest messages, found in few tries from the short end.

    From the short end, so that a long history costs no more than what fits of it.
    """
    best, fits, fails = shortest, 0, most + 1
    reach = 1
    while fails - fits > 1:
        middle = min(fits + reach, most) if fails > most else (fits + fails) // 2
        prompt = fitting(middle)
        if prompt is None:
            fails = middle
        else:
            best, fits, reach = prompt, middle, reach * 2
    return best


def _as_spoken(message: Message) -> dict[str, str]:
    spoken = {"role": message.role, "content": cleaned(message.content)}
    if message.thinking:
        spoken["reasoning_content"] = spoken["thinking"] = cleaned(message.thinking)
    return spoken


def _merged(messages: Messages) -> list[dict[str, str]]:
    """Neighbours of one role as one message, as strict templates want."""
    merged: list[dict[str, str]] = []
    for message in messages:
        if merged and merged[-1]["role"] == message["role"] != "tool":
            merged[-1]["content"] += "\n\n" + message["content"]
        else:
            merged.append(dict(message))
    return merged


def _from_first_question(messages: Messages) -> Messages:
    """Without answers whose question has been dropped, as strict templates want."""
    system = [message for message in messages if message["role"] == "system"]
    others = [message for message in messages if message["role"] != "system"]
    while len(others) > 1 and others[0]["role"] != "user":
        others.pop(0)
    return [*system, *others]


def _without_system(messages: Messages) -> list[dict[str, str]]:
    """System words at the head of the first question, for templates that know no system."""
    system = [message["content"] for message in messages if message["role"] == "system"]
    others = [dict(message) for message in messages if message["role"] != "system"]
    if not others or others[0]["role"] != "user":
        others.insert(0, {"role": "user", "content": ""})
    others[0]["content"] = "\n\n".join([*system, others[0]["content"]])
    return others


def _spaced(pieces: Sequence[Marker | str]) -> list[Marker | str]:
    """Without the space that markers swallow on either side."""
    result = list(pieces)
    for at, piece in enumerate(result):
        if not isinstance(piece, Marker):
            continue
        before = result[at - 1] if at else ""
        if piece.strips_left and isinstance(before, str):
            result[at - 1] = before.rstrip()
        after = result[at + 1] if at + 1 < len(result) else ""
        if piece.strips_right and isinstance(after, str) and at + 1 < len(result):
            result[at + 1] = after.lstrip()
    return result


def _in_parts(text: str) -> list[str]:
    """Cut where a word ends, so that the tokens are the same as those of the whole."""
    parts: list[str] = []
    while len(text) > _PART_CHARS:
        breaks = [found.start() for found in _BREAK.finditer(text, _PART_CHARS // 2, _PART_CHARS)]
        end = breaks[-1] if breaks else _PART_CHARS
        parts.append(text[:end])
        text = text[end:]
    return [*parts, text]


def _any_of(markers: Mapping[str, Marker]) -> re.Pattern[str] | None:
    """Longest first, as tokenizers look for them."""
    if not markers:
        return None
    return re.compile("|".join(re.escape(text) for text in sorted(markers, key=len, reverse=True)))


def _ends_inside_thinking(parts: Sequence[Run]) -> bool:
    """Whether the template's own last words open the thinking; a message that ends so does not."""
    last = next((part for part in reversed(parts) if part.text.strip()), Run("", False))
    return last.is_own and last.text.endswith(OPENING)
