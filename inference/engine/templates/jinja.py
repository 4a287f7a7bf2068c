"""Runs a chat template written in Jinja, in the immutable sandbox. Limits are set by whoever calls.

A template that came with a model must only run in the child process of `sandbox.py`: this sandbox
keeps it from our objects, not from eating time and memory.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from jinja2 import Environment, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Macro, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace, pass_environment
from jinja2.visitor import NodeTransformer

from inference.engine.templates.origin import is_own, lowered, raised

MAX_OUTPUT_CHARS = 32_000_000


class TemplateRefused(Exception):
    """The template failed, refused these messages, or went past a limit. Carries no text of people.

    `is_about_messages`: it said so itself, or stumbled; the messages in another shape may do.
    """

    def __init__(self, reason: str, *, is_about_messages: bool = True) -> None:
        super().__init__(reason)
        self.is_about_messages = is_about_messages


class ChatTemplate:
    """One template, compiled. Renders with its own letters raised (see `origin.py`)."""

    def __init__(self, source: str, *, max_output_chars: int = MAX_OUTPUT_CHARS) -> None:
        self._max_output_chars = max_output_chars
        environment = _Sandbox()
        with _refusing():
            tree = _Raise(environment).visit(environment.parse(source))
            code = environment.compile(tree)
            self._template = environment.template_class.from_code(
                environment, code, environment.make_globals(None), None
            )

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        bos_text: str,
        eos_text: str,
        now: float,
        fields: Mapping[str, Any] | None = None,
    ) -> str:
        """`messages` hold cleaned text; roles are our own words. `now` is unix seconds.

        `fields` are further names for the template: of these `reasoning_effort` is our own word.
        """
        today = datetime.fromtimestamp(now, tz=UTC).astimezone()
        named = {"tools": None, "documents": None, **(fields or {})}
        if isinstance(named.get("reasoning_effort"), str):
            named["reasoning_effort"] = raised(named["reasoning_effort"])
        with _refusing():
            return _limited(
                self._template.generate(
                    **named,
                    messages=[_as_given(message) for message in messages],
                    add_generation_prompt=True,
                    bos_token=raised(bos_text),
                    eos_token=raised(eos_text),
                    raise_exception=_raise_exception,
                    strftime_now=lambda form: today.strftime(lowered(form)),
                ),
                limit=self._max_output_chars,
            )


class Arguments(dict[str, Any]):
    """Arguments of a call, for templates that read a mapping and for those that write a string."""

    def __str__(self) -> str:
        return json.dumps(self, ensure_ascii=False)

    def __add__(self, text: str) -> str:
        return str(self) + text

    def __radd__(self, text: str) -> str:
        return text + str(self)


def _as_given(message: Mapping[str, Any]) -> dict[str, Any]:
    given = {**message, "role": raised(message["role"])}
    if "tool_calls" in message:
        given["tool_calls"] = [_with_arguments(call) for call in message["tool_calls"]]
    return given


def _with_arguments(call: Mapping[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return {**call, "function": {**function, "arguments": Arguments(function["arguments"])}}


def _limited(pieces: Any, *, limit: int) -> str:
    taken: list[str] = []
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > limit:
            raise TemplateRefused("output is too large")
        taken.append(piece)
    return "".join(taken)


class _refusing:  # noqa: N801 - reads as a word after `with`
    """Turns whatever a hostile template can raise into TemplateRefused."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is None or issubclass(kind, TemplateRefused):
            return
        if issubclass(kind, Exception):
            raise TemplateRefused(kind.__name__) from None


def _raise_exception(message: object = "") -> None:
    raise TemplateRefused("the template refuses these messages")


class _Generation(Extension):
    """`{% generation %}` marks what a trainer learns from; for us only its content matters."""

    tags = {"generation"}  # noqa: RUF012 - jinja's own type for it

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


class _Raise(NodeTransformer):
    """Raises what the template writes; leaves what it only looks things up or compares with."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def visit_TemplateData(self, node: nodes.TemplateData) -> nodes.Node:  # noqa: N802 - jinja's name
        node.data = raised(node.data)
        return node

    def visit_Const(self, node: nodes.Const) -> nodes.Node:  # noqa: N802 - jinja's name
        if isinstance(node.value, str):
            node.value = raised(node.value)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802 - jinja's name
        if isinstance(node.arg, nodes.Const):
            node.node = self.visit(node.node)
            return node
        return self.generic_visit(node)

    def visit_Pair(self, node: nodes.Pair) -> nodes.Node:  # noqa: N802 - jinja's name
        if not isinstance(node.key, nodes.Const):
            node.key = self.visit(node.key)
        node.value = self.visit(node.value)
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802 - jinja's name
        self.generic_visit(node)
        node.expr = _as_read(node.expr)
        for operand in node.ops:
            operand.expr = _as_read(operand.expr)
        return node


def _as_read(expression: nodes.Expr) -> nodes.Expr:
    return nodes.Filter(expression, "_as_read", [], [], None, None, lineno=expression.lineno)


def _plain(value: Any) -> Any:
    """A value as people read it, to compare or to look up with."""
    if isinstance(value, str):
        return lowered(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    return value


# Methods and filters whose arguments are written, not searched for: these stay raised.
_WRITING_METHODS = frozenset({"join", "append", "insert", "extend", "format", "setdefault"})
_REPLACING = "replace"
_LETTER_METHODS = frozenset({"upper", "lower", "title", "capitalize", "swapcase", "casefold"})
_WRITING_FILTERS = frozenset({"default", "d", "join", "replace", "format", "indent", "batch"})
_LETTER_FILTERS = frozenset({"upper", "lower", "title", "capitalize"})


class _Sandbox(ImmutableSandboxedEnvironment):
    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[loopcontrols, _Generation],
            cache_size=0,
        )
        self.globals.pop("lipsum", None)
        self.filters["tojson"] = _to_json
        for name, function in list(self.filters.items()):
            self.filters[name] = _filter_with_plain_arguments(name, function)
        self.filters["_as_read"] = _plain
        for name, test in cast(dict[str, Callable[..., Any]], self.tests.copy()).items():
            self.tests[name] = _with_plain_arguments(test, from_first=True)

    intercepted_binops = frozenset({"%"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        return super().call_binop(context, operator, _plain(left), right)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return super().getitem(obj, _plain(argument) if isinstance(argument, str) else argument)

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - as jinja's own: the template may pass a keyword `self`
        owner = getattr(__obj, "__self__", None)
        name = getattr(__obj, "__name__", "")
        if isinstance(__obj, Macro) or __obj in (Namespace, dict) or name in _WRITING_METHODS:
            return super().call(__context, __obj, *args, **kwargs)
        if isinstance(owner, str):
            if name in _LETTER_METHODS:
                return _letters(owner, name)
            if not is_own(owner):
                kept = 1 if name == _REPLACING else 0
                args = tuple(
                    _plain(a) if at != kept or not kept else a for at, a in enumerate(args)
                )
            return super().call(__context, __obj, *args, **kwargs)
        args = tuple(_plain(argument) for argument in args)
        return super().call(__context, __obj, *args, **kwargs)


def _letters(text: str, method: str) -> str:
    """Upper, lower and so on; the origin of the text stays what it was."""
    changed = cast(str, getattr(lowered(text), method)())
    return raised(changed) if is_own(text) and all_own(text) else changed


def all_own(text: str) -> bool:
    """Whether nothing but the template's own letters and space is in it."""
    return raised(lowered(text)) == text


def _filter_with_plain_arguments(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    if name in _LETTER_FILTERS:
        return lambda value: _letters(str(value), name)
    if name == _REPLACING:
        return _replace
    if name in _WRITING_FILTERS:
        return function
    return _with_plain_arguments(function)


def _with_plain_arguments(
    function: Callable[..., Any], *, from_first: bool = False
) -> Callable[..., Any]:
    """The same filter or test, reading its arguments as people do. Keeps jinja's marks on it."""
    leading = 1 if hasattr(function, "jinja_pass_arg") else 0
    first = leading if from_first else leading + 1

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        read = [_plain(argument) for argument in args[first:]]
        named = {name: _plain(argument) for name, argument in kwargs.items()}
        return function(*args[:first], *read, **named)

    if leading:
        vars(wrapped)["jinja_pass_arg"] = vars(function)["jinja_pass_arg"]
    return wrapped


def _replace(value: object, old: str, new: str, count: int = -1) -> str:
    text = str(value)
    return text.replace(old if is_own(text) else lowered(old), new, count)


@pass_environment
def _to_json(environment: Environment, value: Any, **options: Any) -> str:
    if isinstance(value, Undefined):
        raise TemplateRefused("UndefinedError")
    indent = options.get("indent")
    return json.dumps(
        value,
        ensure_ascii=False,
        indent=min(indent, 16) if isinstance(indent, int) else None,
        separators=options.get("separators"),
        sort_keys=bool(options.get("sort_keys", False)),
    )
