"""Messages → the token ids a model reads, within its context, safe from what messages pretend.

Not for sampling or slots, nor for telling people's text from the template's: see `encoding.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from inference.engine.backend import Vocabulary
from inference.engine.encoding import Encoder
from inference.engine.pictures.seen import Seen, Span
from inference.engine.replies.dialects import Dialect
from inference.engine.templates.jinja import TemplateRefused
from inference.engine.templates.origin import Run, parted_at_pictures, runs
from inference.engine.templates.sandbox import Fields, Language, Renderer
from inference.engine.turns import Turns, shapes, turns_of, weight, without_orphans
from inference.protocol import Completion, Message

# Stands in when neither the model nor an administrator brings a template.
PLAIN_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# A message list of this size cannot fit anywhere, and rendering it would only cost time.
_MAX_RENDERED_CHARS = 8_000_000
# Beginnings that may be shared, kept for the prompts that administrators published last.
_MAX_STARTS = 16
# Two talks that go on unlike each other from their first letter.
_UNLIKE = ("a", "b")


# Of a prompt that is cut in its middle, so many tokens of the beginning stay (Ollama's num_keep).
_KEPT_TOKENS = 4
# Text of more characters for each token of the context is not read for the sake of its two ends.
_MAX_CUT_CHARS_A_TOKEN, _MAX_CUT_CHARS = 64, 1_000_000


class TooLong(Exception):
    """What must be read does not fit in the context.

    `token_count` is known where nothing was to be left out: what the whole would have taken.
    """

    def __init__(self, token_count: int | None = None) -> None:
        super().__init__()
        self.token_count = token_count


class NoSuchToken(Exception):
    """Tokens of earlier that this model does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Token ids in order; the last `kept_count` are of the answer kept from an earlier attempt.

    `thinks` when the template ends inside the opening tag. `is_going_on` when the beginning of the
    answer is there already. The first `shared_count` tokens are the same for everybody: they stem
    from the template and the published messages alone. `spans` are pictures among the tokens, each
    with where it begins. `parts` are what was rendered. Where older messages did not fit, the
    newest `read_messages` are in it, those of the system aside; 0: all of them. Their documents
    are `document_chars` long, of which `cut_chars` were left out (`documents.py`).
    """

    tokens: list[int]
    kept_count: int = 0
    thinks: bool = False
    is_going_on: bool = False
    shared_count: int = 0
    spans: Sequence[tuple[int, Span]] = ()
    parts: Sequence[Run] = ()
    read_messages: int = 0
    document_chars: int = 0
    cut_chars: int = 0


class PromptBuilder:
    """Builds prompts for one model with one template, which is written in `language`.

    `usual_fields` is what the template is given when a request wishes nothing of its own.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        *,
        template: str,
        renderer: Renderer,
        context_length: int,
        wall_clock: Callable[[], float],
        usual_fields: Fields | None = None,
        language: Language = "jinja",
    ) -> None:
        self._vocabulary = vocabulary
        self.template = template
        self.language = language
        is_go = language == "go"
        self.dialect = Dialect.of_go(template) if is_go else Dialect.of(template)
        self._renderer = renderer
        self.context_length = context_length
        self._wall_clock = wall_clock
        self._usual_fields = usual_fields or {}
        self._encoder = Encoder(vocabulary, template=template)
        self._starts: dict[tuple[object, ...], list[int]] = {}

    def build(
        self,
        messages: Sequence[Message],
        *,
        so_far: str = "",
        published: int = 0,
        fields: Fields | None = None,
        pictures: Sequence[Seen] = (),
        completion: Completion | None = None,
        truncate: bool = True,
        shift: bool = False,
    ) -> Prompt:
        """The longest prompt that leaves room for a token: old messages go, the system's stay.

        `pictures` are all those of the messages, in order. An answer in the last place is gone on
        with; templates in Go's language see to that themselves. Raises TooLong when the last
        message cannot fit, TemplateRefused when the template fails.
        """
        parted, begun = _parted(messages)
        is_begun = bool(begun)
        asked, begun = (parted, begun) if self.language == "jinja" else (messages, "")
        kept = self._continued(so_far)
        ending = [*self._continued(begun), *kept]
        before = self._known(completion.context if completion else ())
        is_raw = completion is not None and completion.is_raw
        turns = turns_of(asked, template=self.template)
        weights = [weight(message) for message in asked]
        droppable = [at for at, turn in enumerate(turns[:-1]) if turn["role"] != "system"]

        def written(newest: int) -> list[Run] | None:
            dropped = set(droppable[: len(droppable) - newest])
            if sum(w for at, w in enumerate(weights) if at not in dropped) > _MAX_RENDERED_CHARS:
                return None
            newer: Turns = [turn for at, turn in enumerate(turns) if at not in dropped]
            chosen = without_orphans(newer, last=turns[-1]) if dropped else newer
            return self._runs(chosen, fields=fields, is_raw=is_raw)

        def fitting(newest: int) -> Prompt | None:
            parts = written(newest)
            if parts is None:
                return None
            return self._attempt(
                parts,
                pictures,
                before=before,
                ending=ending,
                kept_count=len(kept),
                read_messages=newest + 1 if newest < len(droppable) else 0,
            )

        best = fitting(0 if truncate else len(droppable))
        if best is None and not truncate:
            raise TooLong(self._count(written(len(droppable)), before=before, ending=ending))
        if best is None:
            parts = written(0) if shift and not (kept or pictures) else None
            best = self._cut(parts, before=before, ending=ending)
        elif truncate:
            best = _longest(fitting, shortest=best, most=len(droppable))
        start = self._start_for_all(tuple(asked[:published]))
        return replace(
            best,
            shared_count=0 if before else _agreeing(start, best.tokens),
            is_going_on=best.is_going_on or is_begun,
        )

    def _runs(self, turns: Turns, *, fields: Fields | None, is_raw: bool) -> list[Run]:
        """What the template writes; a raw prompt stands for all of that, as if it had."""
        if is_raw:
            return [Run(turns[-1]["content"], True)]
        return runs(self._rendered(turns, fields=fields))

    def _known(self, tokens: Sequence[int]) -> list[int]:
        try:
            for token in tokens:
                self._vocabulary.piece(token)
        except ValueError:
            raise NoSuchToken from None
        return list(tokens)

    def _cut(self, parts: list[Run] | None, *, before: list[int], ending: list[int]) -> Prompt:
        """A prompt that is too long, without its middle, so that half of the context is free."""
        most_chars = min(self.context_length * _MAX_CUT_CHARS_A_TOKEN, _MAX_CUT_CHARS)
        if parts is None or sum(len(part.text) for part in parts) > most_chars:
            raise TooLong
        tokens = self._joined(self._encoder.whole(parts), before=before) + ending
        keep = min(_KEPT_TOKENS + self._begins(tokens), self.context_length - 2)
        length = self.context_length - max((self.context_length - keep) // 2, 1)
        return Prompt(
            tokens=[*tokens[:keep], *tokens[len(tokens) - (length - keep) :]],
            thinks=_ends_inside_thinking(parts, opening=self.dialect.opening),
            is_going_on=bool(ending),
            parts=parts,
        )

    def _count(
        self, parts: list[Run] | None, *, before: Sequence[int], ending: Sequence[int]
    ) -> int | None:
        """How many tokens all of it is; at least so many, where counting them would take long."""
        if parts is None:
            return None
        is_short = sum(len(part.text) for part in parts) <= _MAX_CUT_CHARS
        count = len(self._encoder.whole(parts)) if is_short else self._encoder.fewest(parts)
        return count + len(before) + len(ending)

    def _joined(self, tokens: list[int], *, before: Sequence[int]) -> list[int]:
        """With the tokens of earlier in front, but behind the one that begins every prompt."""
        at = self._begins(tokens)
        return [*tokens[:at], *before, *tokens[at:]]

    def _begins(self, tokens: Sequence[int]) -> int:
        """1 where these begin with the token that every prompt begins with."""
        begin = self._vocabulary.bos_token
        return int(begin is not None and list(tokens[:1]) == [begin])

    def _continued(self, text: str) -> list[int]:
        return self._encoder.continuation(text, meant=self.dialect.thinking_tags) if text else []

    def _attempt(
        self,
        parts: list[Run],
        pictures: Sequence[Seen],
        *,
        before: list[int],
        ending: list[int],
        kept_count: int,
        read_messages: int,
    ) -> Prompt | None:
        rendered = list(parts)
        thinks = _ends_inside_thinking(parts, opening=self.dialect.opening)
        if ending:
            parts.extend(self.dialect.answer_opening(is_thinking=thinks))
        room = self.context_length - 1
        if self._encoder.fewest(parts) > room:
            return None
        encoded = self._encoder.illustrated(parts, pictures, most=room)
        tokens = self._joined(encoded.tokens, before=before) + ending
        spare = sum(span.token_count - span.length for _, span in encoded.spans)
        if len(tokens) + spare > room:
            return None
        return Prompt(
            tokens=tokens,
            kept_count=kept_count,
            thinks=thinks,
            is_going_on=bool(ending),
            spans=[(start + len(before), span) for start, span in encoded.spans],
            parts=rendered,
            read_messages=read_messages,
        )

    def _rendered(self, turns: Turns, *, fields: Fields | None) -> str:
        """Rendered as it is or, where a template accepts only strict turns, in such a shape."""
        tried = shapes(turns) if self.language == "jinja" else (turns,)
        for at, shape in enumerate(tried):
            try:
                return self._renderer.render(
                    self.template,
                    shape,
                    bos_text=self._vocabulary.bos_text,
                    eos_text=self._vocabulary.eos_text,
                    now=self._wall_clock(),
                    fields=self._usual_fields if fields is None else fields,
                    language=self.language,
                )
            except TemplateRefused as refusal:
                if at == len(tried) - 1 or not refusal.is_about_messages:
                    raise
        raise AssertionError("a shape either renders or raises")

    def _start_for_all(self, published: tuple[Message, ...]) -> list[int]:
        """How every prompt may begin that begins with these messages, and nobody's own.

        Two talks go on differently behind them. What both still have in common cannot depend on how
        a talk goes on, wherever this template may write it.
        """
        today = datetime.fromtimestamp(self._wall_clock(), tz=UTC).astimezone().date()
        key = (today, published)
        if key not in self._starts:
            while len(self._starts) >= _MAX_STARTS:
                self._starts.pop(next(iter(self._starts)))
            self._starts[key] = self._start(published)
        return self._starts[key]

    def _start(self, published: tuple[Message, ...]) -> list[int]:
        talks = []
        for word in _UNLIKE:
            messages = [*published, Message(role="user", content=word)]
            turns = turns_of(messages, template=self.template)
            try:
                parts = runs(self._rendered(turns, fields=None))
            except TemplateRefused:
                return []
            if self._encoder.fewest(parts) >= self.context_length:
                return []
            talks.append(self._encoder.whole(parts))
        one, other = talks
        return one[: _agreeing(one, other)]


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


def _parted(messages: Sequence[Message]) -> tuple[Sequence[Message], str]:
    """What is asked, and the answer that has been begun in the last place."""
    last = messages[-1]
    has_begun = last.role == "assistant" and not (last.tool_calls or last.thinking)
    if has_begun and last.content and len(messages) > 1:
        return messages[:-1], last.content
    return messages, ""


def _agreeing(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _ends_inside_thinking(parts: Sequence[Run], *, opening: str | None) -> bool:
    """Whether the template's own last words open the thinking; a message that ends so does not."""
    last = next((part for part in reversed(parts) if part.text.strip()), Run("", False))
    return opening is not None and last.is_own and last.text.endswith(opening)


def shown(parts: Sequence[Run]) -> str:
    """What was rendered as people may read it: pictures have their numbers."""
    pieces = parted_at_pictures("".join(part.text for part in parts))
    return "".join(piece if isinstance(piece, str) else f"[img-{piece}]" for piece in pieces)
