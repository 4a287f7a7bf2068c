"""From a request to a sequence that can run: its prompt, its sampler, its splitter.

Not for slots or order. Templates that are not ours run in a child process.
"""

from collections.abc import Callable, Iterable
from concurrent import futures
from typing import Any

from inference.engine import sampling
from inference.engine.backend import Backend
from inference.engine.grammar import wanted
from inference.engine.grammar.compiling import Compiler, Making
from inference.engine.grammar.constraint import Constraint
from inference.engine.grammar.network import NotKeepable
from inference.engine.prompt import PLAIN_TEMPLATE, Prompt, PromptBuilder, TooLong
from inference.engine.replies import choose
from inference.engine.replies.dialects import Dialect
from inference.engine.replies.tools import Tools, random_id
from inference.engine.sequence import Sequence, Why
from inference.engine.templates.jinja import TemplateRefused
from inference.engine.templates.sandbox import ChildRenderer, Renderer, TrustedRenderer
from inference.engine.text import TextStream
from inference.engine.turns import read_tools
from inference.protocol import Request

# How long is waited at once for a grammar when there is nothing else to do.
_MOMENT_SECONDS = 0.02


class Unprepared(Exception):
    """There is nothing to run: how the request ends instead."""

    def __init__(self, why: Why, detail: str = "", *, words: str = "") -> None:
        super().__init__(detail)
        self.why = why
        self.detail = detail
        self.words = words


class Preparer:
    """Prepares the requests of one backend; keeps the builder of the template used last."""

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

    def prepare(self, sequence: Sequence) -> None:
        """Fill the sequence in; once more when its grammar is made. Raises Unprepared."""
        if not sequence.tokens:
            self._begin(sequence)
        if not sequence.is_being_made:
            self._equip(sequence)
            sequence.is_prepared = True

    def wait(self, sequences: Iterable[Sequence]) -> None:
        """A moment at most, until a grammar is made that one of these waits for."""
        awaited = [s.grammar for s in sequences if s.grammar is not None and s.is_being_made]
        if awaited:
            futures.wait(awaited, timeout=_MOMENT_SECONDS, return_when=futures.FIRST_COMPLETED)

    def _begin(self, sequence: Sequence) -> None:
        request = sequence.request
        builder = self._builder_for(request)
        try:
            prompt = builder.build(
                request.messages,
                so_far=request.so_far,
                published=request.published,
                fields=_fields(request, builder.dialect),
                pictures=sequence.pictures,
            )
        except TemplateRefused:
            raise Unprepared("failed", "template") from None
        except TooLong:
            if request.so_far and self._fits(builder, sequence):
                raise Unprepared("length") from None
            raise Unprepared("failed", "too-long") from None
        self._fill(sequence, prompt, dialect=builder.dialect)

    def _fill(self, sequence: Sequence, prompt: Prompt, *, dialect: Dialect) -> None:
        options = sequence.request.options
        sequence.tokens = list(prompt.tokens)
        sequence.prompt_length = len(prompt.tokens)
        sequence.spans = list(prompt.spans)
        if options.num_predict is not None:
            sequence.max_said = max(0, options.num_predict - prompt.kept_count)
        sequence.shared_count = prompt.shared_count
        sequence.text = TextStream(stop=options.stop)
        sequence.splitter, sequence.marks = choose.reading(
            dialect,
            vocabulary=self._backend.vocabulary,
            tools=self._tools(sequence.request),
            wants_thinking=sequence.request.think is not False,
            is_open=prompt.thinks,
            is_going_on=prompt.is_going_on,
        )
        sequence.grammar = self._grammar(sequence, prompt, dialect=dialect)

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
        source = request.model.template or self._backend.vocabulary.template or PLAIN_TEMPLATE
        if self._builder is None or self._builder.template != source:
            self._builder = PromptBuilder(
                self._backend.vocabulary,
                template=source,
                renderer=self._renderer_for(source),
                context_length=self._backend.limits.context_length,
                wall_clock=self._wall_clock,
                usual_fields=_thinking_fields(None, Dialect.of(source)),
            )
        return self._builder

    def _renderer_for(self, source: str) -> Renderer:
        if source == PLAIN_TEMPLATE:
            return self._trusted
        if self._untrusted is None:
            self._untrusted = ChildRenderer()
        return self._untrusted

    def _fits(self, builder: PromptBuilder, sequence: Sequence) -> bool:
        """Whether only the kept text is too much: then the context is simply full."""
        request = sequence.request
        try:
            builder.build(
                request.messages,
                fields=_fields(request, builder.dialect),
                pictures=sequence.pictures,
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


def _fields(request: Request, dialect: Dialect) -> dict[str, Any]:
    """What the template is told of this request beside its messages."""
    tools = read_tools(request.tools)
    fields = _thinking_fields(request.think, dialect)
    return fields if tools is None else {**fields, "tools": tools}


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
