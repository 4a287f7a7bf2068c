"""Tokens → tree, with Go's complaints. Not for expressions (`pipelines.py`), nor for rendering."""

from gotext import functions, nodes
from gotext.errors import ParseError
from gotext.lexer import Kind, Token
from gotext.literals import unquoted
from gotext.nodes import Block, Branch, Call, Pipeline, Statement, Text, Tree
from gotext.pipelines import Pipelines
from gotext.template import Template
from gotext.tokens import Tokens

MAX_CHARS = 1_000_000
# Blocks within blocks. Go has no such bound; no template of people comes near it.
MAX_DEPTH = 60
_TOO_LONG = f"template: :1: longer than {MAX_CHARS} characters"


def parse(source: str) -> Template:
    """The template, or ParseError."""
    if len(source) > MAX_CHARS:
        raise ParseError(_TOO_LONG)
    parser = _Parser(source)
    root = parser.whole()
    return Template(Tree(root=root, named=parser.named))


class _Parser:
    def __init__(self, source: str) -> None:
        self.named: dict[str, Block] = {}
        self._tokens = Tokens(source)
        self._pipelines = Pipelines(self._tokens, known=functions.NAMES)
        self._range_depth = 0
        self._depth = 0

    def whole(self) -> Block:
        """The top level, where definitions may stand."""
        found: list[Statement] = []
        tokens = self._tokens
        while tokens.peek().kind is not Kind.END:
            if self._is_definition():
                self._define()
                continue
            statement = self._statement()
            if isinstance(statement, str):
                tokens.refuse(f"unexpected {{{{{statement}}}}}")
            found.append(statement)
        return tuple(found)

    def _is_definition(self) -> bool:
        tokens = self._tokens
        if tokens.peek().kind is not Kind.LEFT:
            return False
        word = tokens.after_left()
        return word.kind is Kind.KEYWORD and word.text == "define"

    def _define(self) -> None:
        tokens = self._tokens
        tokens.next()
        tokens.next_word()
        name = self._name("define clause")
        tokens.expect(Kind.RIGHT, "define clause")
        with self._pipelines.own_variables():
            body, ending = self._block()
        if ending != "end":
            tokens.refuse(f"unexpected {{{{{ending}}}}} in define clause")
        self._remember(name, body)

    def _remember(self, name: str, body: Block) -> None:
        """An empty definition does not take the place of one that says something."""
        if name not in self.named or not _says_something(self.named[name]):
            self.named[name] = body
        elif _says_something(body):
            self._tokens.refuse(f'template: multiple definition of template "{name}"')

    def _name(self, context: str) -> str:
        token = self._tokens.next_word()
        if token.kind not in (Kind.STRING, Kind.RAW_STRING):
            self._tokens.unexpected(token, context)
        return self._unquoted(token)

    def _unquoted(self, token: Token) -> str:
        text = unquoted(token.text)
        if text is None:
            self._tokens.refuse("invalid syntax")
        return text

    def _statement(self) -> Statement | str:
        """A statement, or the word that ends the list it would stand in."""
        tokens = self._tokens
        token = tokens.next()
        if token.kind is Kind.TEXT:
            return Text(text=token.text, line=token.line, column=tokens.column(token))
        if token.kind is not Kind.LEFT:
            tokens.unexpected(token, "input")
        tokens.begin_action(token)
        statement = self._action(token)
        tokens.end_action()
        return statement

    def _action(self, left: Token) -> Statement | str:
        tokens = self._tokens
        token = tokens.peek_word()
        if token.kind is Kind.KEYWORD and token.text != "define":
            tokens.next_word()
            return self._keyword(token)
        pipeline = self._pipelines.pipeline("command", Kind.RIGHT)
        return nodes.Action(
            pipeline=pipeline,
            line=token.line,
            column=tokens.column(token),
            source=f"{{{{{pipeline.source}}}}}",
        )

    def _keyword(self, token: Token) -> Statement | str:
        word = token.text
        if word in ("break", "continue"):
            return self._jump(token)
        if word == "else":
            return self._else()
        if word == "end":
            self._tokens.expect(Kind.RIGHT, "end")
            return "end"
        if word == "template":
            return self._call(token)
        if word == "block":
            return self._own_block(token)
        return self._branch(token)

    def _jump(self, token: Token) -> Statement:
        tokens, word = self._tokens, token.text
        closing = tokens.next_word()
        if closing.kind is not Kind.RIGHT:
            tokens.unexpected(closing, f"{{{{{word}}}}}")
        if not self._range_depth:
            tokens.refuse(f"{{{{{word}}}}} outside {{{{range}}}}")
        kind = nodes.Break if word == "break" else nodes.Continue
        return kind(line=token.line, column=tokens.column(token), source=f"{{{{{word}}}}}")

    def _else(self) -> str:
        """`else`, or `else if` and `else with`, whose own word is still to be read."""
        tokens = self._tokens
        following = tokens.peek_word()
        if following.kind is Kind.KEYWORD and following.text in ("if", "with"):
            return "else"
        tokens.expect(Kind.RIGHT, "else")
        return "else"

    def _call(self, token: Token) -> Call:
        tokens = self._tokens
        name = self._name("template clause")
        pipeline = None
        if tokens.peek_word().kind is Kind.RIGHT:
            tokens.next_word()
        else:
            pipeline = self._pipelines.pipeline("template clause", Kind.RIGHT)
        return self._called(token, name, pipeline)

    def _called(self, token: Token, name: str, pipeline: Pipeline | None) -> Call:
        return Call(
            name=name,
            pipeline=pipeline,
            line=token.line,
            column=self._tokens.column(token),
            source=f'{{{{template "{name}"}}}}',
        )

    def _own_block(self, token: Token) -> Call:
        """A definition and its use in one."""
        name = self._name("block clause")
        pipeline = self._pipelines.pipeline("block clause", Kind.RIGHT)
        with self._pipelines.own_variables():
            body, ending = self._block()
        if ending != "end":
            self._tokens.refuse(f"unexpected {{{{{ending}}}}} in block clause")
        self._remember(name, body)
        return self._called(token, name, pipeline)

    def _branch(self, token: Token) -> Branch:
        word = token.text
        with self._pipelines.scope():
            pipeline = self._pipelines.pipeline(word, Kind.RIGHT)
            self._range_depth += word == "range"
            body, ending = self._block()
            self._range_depth -= word == "range"
            otherwise = self._otherwise(word) if ending == "else" else None
        return Branch(
            kind=word,
            pipeline=pipeline,
            body=body,
            otherwise=otherwise,
            line=token.line,
            column=self._tokens.column(token),
        )

    def _otherwise(self, word: str) -> Block:
        tokens = self._tokens
        token = tokens.peek_word()
        if token.kind is Kind.KEYWORD and token.text in ("if", "with"):
            if token.text != word:
                tokens.unexpected(token, "else")
            tokens.next_word()
            return (self._nested(token),)
        body, ending = self._block()
        if ending != "end":
            tokens.refuse(f"expected end; found {{{{{ending}}}}}")
        return body

    def _nested(self, token: Token) -> Branch:
        self._enter()
        branch = self._branch(token)
        self._depth -= 1
        return branch

    def _block(self) -> tuple[Block, str]:
        """Statements up to the word that ends them, and that word."""
        self._enter()
        found: list[Statement] = []
        while not isinstance(statement := self._statement_before_end(), str):
            found.append(statement)
        self._depth -= 1
        return tuple(found), statement

    def _statement_before_end(self) -> Statement | str:
        if self._tokens.peek_word().kind is Kind.END:
            self._tokens.refuse("unexpected EOF")
        return self._statement()

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._tokens.refuse("nested too deep")


def _says_something(body: Block) -> bool:
    return any(not isinstance(each, Text) or each.text.strip() for each in body)
