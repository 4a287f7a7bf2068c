"""Runs a parsed template within its limits. Not for functions or for how values print.

A template cannot reach anything but the values it is given: names are looked up in maps and
records, never asked of Python objects. Steps, text and depth are counted (threat E18).
"""

import datetime
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import NoReturn

from gotext import functions, nodes, showing
from gotext.errors import ExecError, Limits
from gotext.nodes import Block, Branch, Call, Command, Expression, Node, Pipeline, Statement
from gotext.values import List, Marks, Record, Table, Value, field_of, go_type, is_true


class _Jump(Enum):
    """What ends a turn of a loop before its end."""

    BREAK = "break"
    CONTINUE = "continue"


class _Stopped(ExecError):
    """A limit was reached, or the error already says where it was."""


def rendered(
    tree: nodes.Tree,
    data: Value,
    *,
    today: datetime.date,
    marks: Marks,
    limits: Limits,
) -> str:
    return _Renderer(tree, data, today=today, marks=marks, limits=limits).all()


class _Renderer:
    def __init__(
        self,
        tree: nodes.Tree,
        data: Value,
        *,
        today: datetime.date,
        marks: Marks,
        limits: Limits,
    ) -> None:
        self._tree = tree
        self._root = data
        self._marks = marks
        self._limits = limits
        self._at = functions.Circumstances(marks, today, self._spend)
        self._variables: list[list[tuple[str, Value]]] = [[("$", data)]]
        self._name = ""
        self._pieces: list[str] = []
        self._steps = self._chars = self._depth = 0

    def all(self) -> str:
        try:
            self._block(self._tree.root, self._root)
        except RecursionError:
            raise ExecError("template: :1: nested too deep") from None
        return "".join(self._pieces)

    # ── Statements ──────────────────────────────────────────────────────────────────────────────

    def _block(self, block: Block, dot: Value) -> _Jump | None:
        self._depth += 1
        if self._depth > self._limits.depth:
            raise _Stopped("template: :1: exceeded maximum template depth")
        jump = None
        for statement in block:
            jump = self._statement(statement, dot)
            if jump is not None:
                break
        self._depth -= 1
        return jump

    def _statement(self, statement: Statement, dot: Value) -> _Jump | None:
        self._step()
        if isinstance(statement, nodes.Text):
            self._write(self._marks.mark(statement.text))
        elif isinstance(statement, nodes.Action):
            value = self._pipeline(statement.pipeline, dot)
            if not statement.pipeline.variables:
                self._write(self._shown(value))
        elif isinstance(statement, nodes.Break | nodes.Continue):
            return _Jump.BREAK if isinstance(statement, nodes.Break) else _Jump.CONTINUE
        elif isinstance(statement, Call):
            self._call(statement, dot)
        elif statement.kind == "range":
            return self._range(statement, dot)
        else:
            return self._choice(statement, dot)
        return None

    def _choice(self, branch: Branch, dot: Value) -> _Jump | None:
        with self._scope():
            value = self._pipeline(branch.pipeline, dot)
            if is_true(value):
                return self._block(branch.body, value if branch.kind == "with" else dot)
            return self._block(branch.otherwise or (), dot)

    def _range(self, branch: Branch, dot: Value) -> _Jump | None:
        with self._scope():
            value = self._pipeline(branch.pipeline, dot)
            turns = self._turns(value, branch)
            is_empty = True
            for key, item in turns:
                is_empty = False
                with self._scope():
                    self._set_loop_variables(branch.pipeline, key, item)
                    jump = self._block(branch.body, item)
                if jump is _Jump.BREAK:
                    break
            if is_empty and branch.otherwise:
                return self._block(branch.otherwise, dot)
        return None

    def _turns(self, value: Value, branch: Branch) -> Iterator[tuple[Value, Value]]:
        if isinstance(value, Table):
            yield from ((key, value.entries[key]) for key in value.keys)
        elif isinstance(value, List):
            yield from enumerate(value.items)
        elif isinstance(value, int) and not isinstance(value, bool):
            if len(branch.pipeline.variables) > 1:
                says = f"can't use {value} to iterate over more than one variable"
                self._fail(branch.pipeline, says)
            number = 0
            while number < value:  # not `range`, which would refuse a number past its own bounds
                self._step()
                yield number, number
                number += 1
        elif value is not None:
            # Go names the value; here it could be somebody's text.
            self._fail(branch.pipeline, f"range can't iterate over {go_type(value)}")

    def _set_loop_variables(self, pipeline: Pipeline, key: Value, item: Value) -> None:
        names = pipeline.variables
        values = (item,) if len(names) == 1 else (key, item)
        for name, value in zip(names, values, strict=False):
            if pipeline.is_assigned:
                self._assign(name, value)
            else:
                self._variables[-1].append((name, value))

    def _call(self, call: Call, dot: Value) -> None:
        body = self._tree.named.get(call.name)
        if body is None:
            self._fail(call, f'template "{call.name}" not defined')
        value = self._pipeline(call.pipeline, dot) if call.pipeline else None
        outer, name = self._variables, self._name
        self._variables, self._name = [[("$", value)]], call.name
        self._block(body, value)
        self._variables, self._name = outer, name

    # ── Expressions ─────────────────────────────────────────────────────────────────────────────

    def _pipeline(self, pipeline: Pipeline, dot: Value) -> Value:
        value: Value = None
        for number, command in enumerate(pipeline.commands):
            final = (value,) if number else ()
            value = self._command(command, dot, final)
        for name in pipeline.variables if len(pipeline.variables) == 1 else ():
            if pipeline.is_assigned:
                self._assign(name, value)
            else:
                self._variables[-1].append((name, value))
        return value

    def _command(self, command: Command, dot: Value, final: Sequence[Value]) -> Value:
        first, *words = command.words
        if isinstance(first, nodes.Literal) and first.value is None:
            self._fail(command, "nil is not a command")
        if isinstance(first, nodes.Function):
            return self._function(command, first.name, words, dot, final)
        if words or final:
            self._refuse_arguments(first)
        return self._value(first, dot)

    def _refuse_arguments(self, first: Expression) -> NoReturn:
        if isinstance(first, nodes.Field | nodes.Chain | nodes.Variable) and first.names:
            name = first.names[-1]
            self._fail(first, f"{name} is not a method but has arguments")
        self._fail(first, f"can't give argument to non-function {first.source}")

    def _value(self, word: Expression, dot: Value) -> Value:
        self._step()
        if isinstance(word, nodes.Literal):
            return self._literal(word)
        if isinstance(word, nodes.Dot):
            return dot
        if isinstance(word, nodes.Field):
            return self._fields(word, dot, word.names)
        if isinstance(word, nodes.Variable):
            return self._fields(word, self._lookup(word.name), word.names)
        if isinstance(word, nodes.Chain):
            return self._fields(word, self._value(word.base, dot), word.names)
        if isinstance(word, Pipeline):
            return self._pipeline(word, dot)
        return self._function(Command(words=(word,), source=word.source), word.name, (), dot, ())

    def _literal(self, word: nodes.Literal) -> Value:
        return self._marks.mark(word.value) if isinstance(word.value, str) else word.value

    def _fields(self, word: Expression, value: Value, names: Sequence[str]) -> Value:
        for name in names:
            try:
                value = field_of(value, name)
            except ExecError as error:
                self._fail(word, str(error))
        return value

    def _lookup(self, name: str) -> Value:
        for scope in reversed(self._variables):
            for known, value in reversed(scope):
                if known == name:
                    return value
        raise _Stopped(f"template: :1: undefined variable: {name}")

    def _assign(self, name: str, value: Value) -> None:
        for scope in reversed(self._variables):
            for number in range(len(scope) - 1, -1, -1):
                if scope[number][0] == name:
                    scope[number] = (name, value)
                    return
        raise _Stopped(f"template: :1: undefined variable: {name}")

    def _function(
        self,
        command: Command,
        name: str,
        words: Sequence[Expression],
        dot: Value,
        final: Sequence[Value],
    ) -> Value:
        self._step()
        if name in functions.LAZY:
            return self._lazy(command, name, words, dot, final)
        values = [*(self._value(word, dot) for word in words), *final]
        try:
            return functions.FUNCTIONS[name](values, self._at)
        except _Stopped:
            raise
        except ExecError as error:
            called = "" if str(error).startswith("wrong number") else f"error calling {name}: "
            self._fail(command, f"{called}{error}")

    def _lazy(
        self,
        command: Command,
        name: str,
        words: Sequence[Expression],
        dot: Value,
        final: Sequence[Value],
    ) -> Value:
        """`and` and `or` give the argument that decides, and leave those behind it unread."""
        if not words and not final:
            self._fail(command, f"wrong number of args for {name}: want at least 1 got 0")
        value: Value = None
        for word in words:
            value = self._value(word, dot)
            if is_true(value) == (name == "or"):
                return value
        return final[0] if final else value

    # ── Counting and complaining ────────────────────────────────────────────────────────────────

    @contextmanager
    def _scope(self) -> Iterator[None]:
        self._variables.append([])
        yield
        self._variables.pop()

    def _shown(self, value: Value) -> str:
        text = showing.written(value, marks=self._marks)
        if isinstance(value, Record | Table | List):
            self._spend(len(text))
        return text

    def _write(self, text: str) -> None:
        self._spend(len(text))
        self._pieces.append(text)

    def _spend(self, chars: int) -> None:
        """Text costs steps too: much of it takes time."""
        self._chars += chars
        self._steps += chars >> 10
        if self._chars > self._limits.chars:
            raise _Stopped("template: :1: output is too large")

    def _step(self) -> None:
        self._steps += 1
        if self._steps > self._limits.steps:
            raise _Stopped("template: :1: too many steps")

    def _fail(self, node: Node, complaint: str) -> NoReturn:
        where = f"template: {self._name}:{node.line}:{node.column}"
        raise _Stopped(f'{where}: executing "{self._name}" at <{node.source}>: {complaint}')
