"""What a parsed template consists of. Plain data: no parsing, no rendering."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypedDict


class Place(TypedDict):
    """Where a node begins: `column` in bytes from the beginning of its line."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """`line` and `column` as in `Place`; `source` is how Go would write it again."""

    line: int = 1
    column: int = 0
    source: str = ""


# ── Expressions ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal(Node):
    """A number, a truth value, nil, or a text; `is_text` is what a template itself writes."""

    value: bool | int | float | str | None
    is_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot(Node):
    """The dot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field(Node):
    """`.A.B`: a chain of names, from the dot."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable(Node):
    """`$x.A`: a variable with its dollar sign, then names."""

    name: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain(Node):
    """`(…).A.B`: names behind something else."""

    base: "Expression"
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Function(Node):
    """The name of a function."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Node):
    """A value, or a function and its arguments."""

    words: tuple["Expression", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline(Node):
    """Commands, each given the value of the one before; perhaps set to variables."""

    commands: tuple[Command, ...]
    variables: tuple[str, ...] = ()
    is_assigned: bool = False


Expression = Literal | Dot | Field | Variable | Chain | Function | Pipeline


# ── Statements ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Node):
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(Node):
    pipeline: Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Break(Node):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Continue(Node):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Node):
    """`{{template "name" …}}`."""

    name: str
    pipeline: Pipeline | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch(Node):
    """`if`, `with` or `range`, as `kind` says."""

    kind: str
    pipeline: Pipeline
    body: "Block"
    otherwise: "Block | None" = None


Statement = Text | Action | Break | Continue | Call | Branch
Block = tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A template: what it writes, and the named ones that it defines."""

    root: Block
    named: dict[str, Block] = field(default_factory=dict)


def expressions(pipeline: Pipeline | None) -> Iterator[Expression]:
    """Every expression in a pipeline, in order, the inner ones as well."""
    for command in pipeline.commands if pipeline else ():
        for word in command.words:
            yield from _within(word)


def _within(word: Expression) -> Iterator[Expression]:
    yield word
    if isinstance(word, Pipeline):
        yield from expressions(word)
    elif isinstance(word, Chain):
        yield from _within(word.base)
