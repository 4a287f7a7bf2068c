"""A cursor over tokens, and complaints about them in Go's words. Not for what they mean."""

from typing import NoReturn

from gotext import lexer
from gotext.errors import ParseError
from gotext.lexer import Kind, Token


class Tokens:
    """Spaces are tokens: `_word` methods pass over them, the others do not."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = lexer.tokens(source)
        self._at = 0
        self._action_line = 0

    def peek(self) -> Token:
        return self._tokens[min(self._at, len(self._tokens) - 1)]

    def next(self) -> Token:
        token = self.peek()
        self._at += 1
        return token

    def peek_word(self) -> Token:
        self._skip_space()
        return self.peek()

    def next_word(self) -> Token:
        self._skip_space()
        return self.next()

    def after_left(self) -> Token:
        """The first word of the action that begins here; nothing moves."""
        at = self._at + 1
        while at < len(self._tokens) and self._tokens[at].kind is Kind.SPACE:
            at += 1
        return self._tokens[min(at, len(self._tokens) - 1)]

    def step_back(self) -> None:
        self._at -= 1

    def expect(self, kind: Kind, context: str) -> Token:
        token = self.next_word()
        if token.kind is not kind:
            self.unexpected(token, context)
        return token

    def begin_action(self, token: Token) -> None:
        self._action_line = token.line

    def end_action(self) -> None:
        self._action_line = 0

    def column(self, token: Token) -> int:
        """Bytes from the beginning of its line."""
        start = self._source.rfind("\n", 0, token.at) + 1
        return len(self._source[start : token.at].encode("utf-8", "replace"))

    def unexpected(self, token: Token, context: str) -> NoReturn:
        if token.kind is not Kind.ERROR:
            self.refuse(f"unexpected {token} in {context}")
        extra = ""
        if self._action_line not in (0, token.line):
            started = f"started at :{self._action_line}"
            extra = f" {started}" if token.text.endswith(" action") else f" in action {started}"
        self.refuse(f"{token}{extra}")

    def refuse(self, complaint: str) -> NoReturn:
        last = self._tokens[min(max(self._at - 1, 0), len(self._tokens) - 1)]
        raise ParseError(f"template: :{last.line}: {complaint}")

    def _skip_space(self) -> None:
        while self.peek().kind is Kind.SPACE:
            self._at += 1
