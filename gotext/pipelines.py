"""Tokens within one action → a pipeline, with Go's complaints. Not for statements."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace

from gotext import literals, nodes
from gotext.lexer import Kind, Token
from gotext.nodes import Chain, Command, Dot, Expression, Field, Function, Literal, Pipeline
from gotext.tokens import Tokens

_MAX_DEPTH = 40
_BEGINS_COMMAND = frozenset(
    {
        *(Kind.BOOL, Kind.CHARACTER, Kind.DOT, Kind.FIELD, Kind.IDENTIFIER, Kind.NUMBER),
        *(Kind.NIL, Kind.RAW_STRING, Kind.STRING, Kind.VARIABLE, Kind.OPEN),
    }
)


class Pipelines:
    """Reads pipelines; knows which variables may be used where."""

    def __init__(self, tokens: Tokens, *, known: Collection[str]) -> None:
        self._tokens = tokens
        self._known = known
        self._variables = ["$"]
        self._depth = 0

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Variables declared within end with it."""
        count = len(self._variables)
        yield
        del self._variables[count:]

    @contextmanager
    def own_variables(self) -> Iterator[None]:
        """A definition sees no variables of what stands around it."""
        outer, self._variables = self._variables, ["$"]
        yield
        self._variables = outer

    def pipeline(self, context: str, end: Kind) -> Pipeline:
        first = self._tokens.peek_word()
        variables, is_assigned = self._declared(context)
        commands: list[Command] = []
        while True:
            token = self._tokens.next_word()
            if token.kind is end:
                break
            if token.kind not in _BEGINS_COMMAND:
                self._tokens.unexpected(token, context)
            self._tokens.step_back()
            commands.append(self._command())
        self._check(commands, context)
        sign = " = " if is_assigned else " := "
        head = ", ".join(variables) + sign if variables else ""
        return Pipeline(
            commands=tuple(commands),
            variables=variables,
            is_assigned=is_assigned,
            source=head + " | ".join(command.source for command in commands),
            **self._place(first),
        )

    def _check(self, commands: list[Command], context: str) -> None:
        if not commands:
            self._tokens.refuse(f"missing value for {context}")
        for at, command in enumerate(commands[1:]):
            if isinstance(command.words[0], Literal | Dot):
                self._tokens.refuse(f"non executable command in pipeline stage {at + 2}")

    def _declared(self, context: str) -> tuple[tuple[str, ...], bool]:
        """`$x :=`, `$x =`, and for `range` `$i, $e :=`; the names, and whether they were known."""
        names: list[str] = []
        while self._tokens.peek_word().kind is Kind.VARIABLE:
            variable = self._tokens.next()
            space = self._tokens.peek().kind is Kind.SPACE
            following = self._tokens.peek_word()
            if following.kind in (Kind.ASSIGN, Kind.DECLARE):
                self._tokens.next()
                return self._set(names, variable), following.kind is Kind.ASSIGN
            if following.kind is not Kind.COMMA:
                for _ in range(1 + space):
                    self._tokens.step_back()
                break
            self._tokens.next()
            self._expect_second(context, count=len(names))
            self._set(names, variable)
        return (), False

    def _set(self, names: list[str], variable: Token) -> tuple[str, ...]:
        names.append(variable.text)
        self._variables.append(variable.text)
        return tuple(names)

    def _expect_second(self, context: str, *, count: int) -> None:
        if context != "range" or count:
            self._tokens.refuse(f"too many declarations in {context}")
        if self._tokens.peek_word().kind is not Kind.VARIABLE:
            self._tokens.refuse("range can only initialize variables")

    def _command(self) -> Command:
        words: list[Expression] = []
        first = self._tokens.peek_word()
        while True:
            self._tokens.peek_word()
            operand = self._operand()
            if operand is not None:
                words.append(operand)
            token = self._tokens.next()
            if token.kind is Kind.SPACE:
                continue
            if token.kind in (Kind.RIGHT, Kind.CLOSE):
                self._tokens.step_back()
            elif token.kind is not Kind.PIPE:
                self._tokens.unexpected(token, "operand")
            break
        if not words:
            self._tokens.refuse("empty command")
        source = " ".join(_as_word(word) for word in words)
        return Command(words=tuple(words), source=source, **self._place(first))

    def _operand(self) -> Expression | None:
        term = self._term()
        if term is None or self._tokens.peek().kind is not Kind.FIELD:
            return term
        names = []
        while self._tokens.peek().kind is Kind.FIELD:
            names.append(self._tokens.next().text[1:])
        source = _as_word(term) + "".join(f".{name}" for name in names)
        if isinstance(term, Field | nodes.Variable):
            return replace(term, names=(*term.names, *names), source=source)
        if isinstance(term, Literal | Dot):
            self._tokens.refuse(f'unexpected . after term "{term.source}"')
        return Chain(
            base=term, names=tuple(names), source=source, line=term.line, column=term.column
        )

    def _term(self) -> Expression | None:
        token = self._tokens.next_word()
        place = self._place(token)
        if token.kind is Kind.IDENTIFIER:
            if token.text not in self._known:
                self._tokens.refuse(f'function "{token.text}" not defined')
            return Function(name=token.text, source=token.text, **place)
        if token.kind is Kind.DOT:
            return Dot(source=".", **place)
        if token.kind is Kind.VARIABLE:
            if token.text not in self._variables:
                self._tokens.refuse(f'undefined variable "{token.text}"')
            return nodes.Variable(name=token.text, source=token.text, **place)
        if token.kind is Kind.FIELD:
            return Field(names=(token.text[1:],), source=token.text, **place)
        if token.kind is Kind.OPEN:
            return self._in_parentheses()
        return self._literal(token)

    def _in_parentheses(self) -> Pipeline:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self._tokens.refuse("nested too deep")
        pipeline = self.pipeline("parenthesized pipeline", Kind.CLOSE)
        self._depth -= 1
        return pipeline

    def _literal(self, token: Token) -> Literal | None:
        value: bool | int | float | str | None = None
        if token.kind in (Kind.STRING, Kind.RAW_STRING):
            value = literals.unquoted(token.text)
        elif token.kind is Kind.BOOL:
            value = token.text == "true"
        elif token.kind is Kind.NUMBER:
            value = literals.number(token.text)
        elif token.kind is Kind.CHARACTER:
            value = literals.character(token.text)
        elif token.kind is not Kind.NIL:
            self._tokens.step_back()
            return None
        if value is None and token.kind is not Kind.NIL:
            self._tokens.refuse(_COMPLAINTS.get(token.kind, "invalid syntax").format(token.text))
        return Literal(
            value=value,
            is_text=isinstance(value, str),
            source=token.text,
            **self._place(token),
        )

    def _place(self, token: Token) -> nodes.Place:
        return {"line": token.line, "column": self._tokens.column(token)}


_COMPLAINTS = {
    Kind.NUMBER: 'illegal number syntax: "{}"',
    Kind.CHARACTER: "malformed character constant: {}",
}


def _as_word(expression: Expression) -> str:
    if isinstance(expression, Pipeline):
        return f"({expression.source})"
    return expression.source
