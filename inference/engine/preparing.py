"""From a request to a sequence that can run: its prompt, its sampler, its splitter.

Not for slots or order. Templates that are not ours run in a child process. Making a prompt can take
a second: it touches no sequence, and is done in a thread beside the engine's.
"""

from collections.abc import Callable
from collections.abc import Sequence as List
from dataclasses import dataclass
from typing import Any

from inference.engine import documents, sampling
from inference.engine.backend import Backend
from inference.engine.grammar import wanted
from inference.engine.grammar.compiling import Compiler, Making
from inference.engine.grammar.constraint import Constraint
from inference.engine.grammar.network import NotKeepable
from inference.engine.pictures.seen import Seen
from inference.engine.prompt import (
    PLAIN_TEMPLATE,
    NoSuchToken,
    Prompt,
    PromptBuilder,
    TooLong,
    shown,
)
from inference.engine.replies import choose
from inference.engine.replies.dialects import Dialect
from inference.engine.replies.tools import Tools, random_id
from inference.engine.sequence import Sequence, Why
from inference.engine.templates.go import BARE_TEMPLATE
from inference.engine.templates.jinja import TemplateRefused
from inference.engine.templates.origin import cleaned
from inference.engine.templates.sandbox import ChildRenderer, Language, Renderer, TrustedRenderer
from inference.engine.text import TextStream
from inference.engine.turns import read_tools
from inference.protocol import Request

_MAX_WORDS = 200


class Unprepared(Exception):
    """There is nothing to run: how the request ends instead."""

    def __init__(self, why: Why, detail: str = "", *, words: str = "", shown: str = "") -> None:
        super().__init__(detail)
        self.why = why
        self.detail = detail
        self.words = words
        self.shown = shown


@dataclass(frozen=True, slots=True)
class Made:
    """What is made of a request before anything is done with its sequence."""

    prompt: Prompt
    dialect: Dialect
    tools: Tools


class Preparer:
    """Prepares the requests of one backend; keeps the builder of the template used last.

    `make` is for one thread at a time, `prepare` for the engine's, `close` for when nobody makes.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        wall_clock: Callable[[], float],
        new_seed: Callable[[], int],
        renderer: Renderer | None,
        new_call_id: Callable[[], str] = random_id,
    ) -> None:
        self._backend = backend
        self._new_call_id = new_call_id
        self._wall_clock = wall_clock
        self._new_seed = new_seed
        self._trusted: Renderer = TrustedRenderer()
        self._untrusted = renderer
        if renderer is None and backend.vocabulary.template is not None:
            self._untrusted = ChildRenderer()
        self._builder: PromptBuilder | None = None
        self._compiler = Compiler(spelt=backend.vocabulary.spelt)

    def close(self) -> None:
        self._compiler.close()
        self._trusted.close()
        if self._untrusted is not None:
            self._untrusted.close()

    def make(self, request: Request, *, pictures: List[Seen]) -> Made:
        """The prompt; `pictures` are all of the request. Raises Unprepared."""
        builder = self._builder_for(request)
        fields = _fields(request, builder)
        try:
            prompt = documents.built(
                builder.build,
                request.messages,
                pictures=pictures,
                context_length=self._backend.limits.context_length,
                so_far=request.so_far,
                published=request.published,
                fields=fields,
                completion=request.completion,
                truncate=request.truncate,
                shift=request.shift,
            )
        except TemplateRefused as refusal:
            words = str(refusal)[:_MAX_WORDS] if builder.language == "go" else ""
            raise Unprepared("failed", "template", words=words) from None
        except NoSuchToken:
            raise Unprepared("failed", "engine", words="context holds unknown tokens") from None
        except TooLong as refusal:
            if request.so_far and _fits(builder, request, fields=fields, pictures=pictures):
                raise Unprepared("length") from None
            words = self._too_long(refusal.token_count)
            raise Unprepared("failed", "too-long", words=words) from None
        if request.is_shown:
            raise Unprepared("done", shown=shown(prompt.parts))
        return Made(prompt, builder.dialect, self._tools(request))

    def _too_long(self, token_count: int | None) -> str:
        """As llama.cpp's own server says it of a request that nothing may be left out of."""
        if token_count is None:
            return ""
        room = self._backend.limits.context_length
        return (
            f"request ({token_count} tokens) exceeds the available context size ({room} tokens),"
            " try increasing it"
        )

    def prepare(self, sequence: Sequence, made: Made | Unprepared | None = None) -> None:
        """Fill the sequence in; once more, without `made`, when its grammar is there.

        Raises Unprepared.
        """
        if isinstance(made, Unprepared):
            sequence.shown = made.shown
            raise made
        if made is not None:
            self._fill(sequence, made)
        if not sequence.is_being_made:
            self._equip(sequence)
            sequence.is_prepared = True

    def _fill(self, sequence: Sequence, made: Made) -> None:
        prompt, options = made.prompt, sequence.request.options
        sequence.tokens = list(prompt.tokens)
        sequence.prompt_length = len(prompt.tokens)
        sequence.read_messages = prompt.read_messages
        sequence.document_chars, sequence.cut_chars = prompt.document_chars, prompt.cut_chars
        sequence.spans = list(prompt.spans)
        if options.num_predict is not None:
            sequence.max_said = max(0, options.num_predict - prompt.kept_count)
        sequence.shared_count = prompt.shared_count
        sequence.text = TextStream(stop=options.stop)
        sequence.splitter, sequence.marks = choose.reading(
            made.dialect,
            vocabulary=self._backend.vocabulary,
            tools=made.tools,
            wants_thinking=sequence.request.think is not False,
            is_open=prompt.thinks,
            is_going_on=prompt.is_going_on,
        )
        sequence.grammar = self._grammar(sequence, prompt, dialect=made.dialect)

    def _equip(self, sequence: Sequence) -> None:
        request = sequence.request
        recipe = sampling.recipe(
            request.options,
            seed=self._new_seed(),
            context_length=self._backend.limits.context_length,
        )
        sequence.sampler = self._backend.new_sampler(
            recipe,
            history=sequence.tokens,
            logprobs=request.logprobs,
            constraint=_constraint(sequence),
        )

    def _tools(self, request: Request) -> Tools:
        """An answer that is held to a format calls nothing."""
        return Tools.read("" if request.format else request.tools, new_id=self._new_call_id)

    def _grammar(self, sequence: Sequence, prompt: Prompt, *, dialect: Dialect) -> Making | None:
        request = sequence.request
        if request.format is None:
            return None
        thoughts = wanted.thoughts(
            dialect,
            vocabulary=self._backend.vocabulary,
            marks=sequence.marks,
            wants_thinking=request.think is not False,
            is_open=prompt.thinks,
            is_going_on=prompt.is_going_on,
        )
        return self._compiler.begin(request.format.schema, thoughts=thoughts)

    def _builder_for(self, request: Request) -> PromptBuilder:
        source, language = self._template_of(request)
        built = self._builder
        if built is None or (built.template, built.language) != (source, language):
            is_go = language == "go"
            built = self._builder = PromptBuilder(
                self._backend.vocabulary,
                template=source,
                renderer=self._renderer_for(source),
                context_length=self._backend.limits.context_length,
                wall_clock=self._wall_clock,
                usual_fields=None if is_go else _thinking_fields(None, Dialect.of(source)),
                language=language,
            )
        return built

    def _template_of(self, request: Request) -> tuple[str, Language]:
        """What writes the prompt: a template of its own, the weights' one, or what stands in."""
        if request.template is not None:
            return request.template, "go"
        if request.go_template is not None:
            raise Unprepared("failed", "template", words="the template cannot be read")
        source = request.model.template or self._backend.vocabulary.template
        if source is None and request.completion is not None:
            return BARE_TEMPLATE, "go"
        return source or PLAIN_TEMPLATE, "jinja"

    def _renderer_for(self, source: str) -> Renderer:
        if source in (PLAIN_TEMPLATE, BARE_TEMPLATE):
            return self._trusted
        if self._untrusted is None:
            self._untrusted = ChildRenderer()
        return self._untrusted


def _fits(
    builder: PromptBuilder, request: Request, *, fields: dict[str, Any], pictures: List[Seen]
) -> bool:
    """Whether only the kept text is too much: then the context is simply full."""
    try:
        documents.built(
            builder.build,
            request.messages,
            pictures=pictures,
            context_length=builder.context_length,
            fields=fields,
        )
    except TooLong:
        return False
    return True


def _constraint(sequence: Sequence) -> Constraint | None:
    if sequence.grammar is None:
        return None
    try:
        return wanted.constraint(
            sequence.grammar, marks=sequence.marks, so_far=sequence.request.so_far
        )
    except NotKeepable as refusal:
        raise Unprepared("failed", "format", words=str(refusal)) from None


def _fields(request: Request, builder: PromptBuilder) -> dict[str, Any]:
    """What the template is told of this request beside its messages."""
    tools = read_tools(request.tools)
    dialect = builder.dialect
    if builder.language == "jinja":
        fields = _thinking_fields(request.think, dialect)
    else:
        suffix = request.completion.suffix if request.completion else ""
        fields = {"think": _level(request.think, dialect), "suffix": cleaned(suffix)}
    return fields if tools is None else {**fields, "tools": tools}


def _level(think: bool | str | None, dialect: Dialect) -> bool | str | None:
    """As `_thinking_fields`, for templates that know it by one name."""
    if think is None:
        return True if dialect.thinks else None
    return "high" if dialect.is_harmony and think == "max" else think


def _thinking_fields(think: bool | str | None, dialect: Dialect) -> dict[str, Any]:
    """Models that can think do so unless they are told not to. Templates know it by two names."""
    if think is None and not dialect.thinks:
        return {}
    is_on = think is not False
    fields: dict[str, Any] = {"enable_thinking": is_on, "thinking": is_on}
    if isinstance(think, str):
        # The highest level that models with this dialect were taught.
        is_too_high = dialect.is_harmony and think == "max"
        fields["reasoning_effort"] = "high" if is_too_high else think
    return fields
