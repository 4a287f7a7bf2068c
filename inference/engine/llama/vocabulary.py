"""The tokenizer of a loaded model. Not for prompts: what may become a marker is decided there."""

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

from inference.engine.backend import BackendError, Marker, Unloadable
from inference.engine.grammar.tokens import Tokens, spelt
from inference.engine.llama.library import lib

_SPECIAL = (
    lib.LLAMA_TOKEN_ATTR_CONTROL | lib.LLAMA_TOKEN_ATTR_USER_DEFINED | lib.LLAMA_TOKEN_ATTR_UNKNOWN
)


class LlamaVocabulary:
    """The tokenizer of a loaded model."""

    def __init__(self, model: Any) -> None:
        self._vocab = lib.llama_model_get_vocab(model)
        self.size = int(lib.llama_vocab_n_tokens(self._vocab))
        self._pieces = [self._read_piece(token) for token in range(self.size)]
        self.ends = frozenset(
            token for token in range(self.size) if lib.llama_vocab_is_eog(self._vocab, token)
        )
        self.suppressed = self._read_suppressed()
        self._tokens: Tokens | None = None
        self._markers = dict(self._read_markers())
        template = lib.llama_model_chat_template(model, None)
        self._longest_token_bytes = max(
            1, *map(len, self._pieces), *(len(text.encode()) for text in self._markers)
        )
        self._template = template.decode("utf-8", "replace") if template else None
        self._invents_space = self._pieces_of(self._encode("a")).startswith(b" ")

    @property
    def markers(self) -> Mapping[str, Marker]:
        return self._markers

    @property
    def tokens(self) -> Tokens:
        """Its tokens in the order of their bytes; made for the first format that is wanted."""
        if self._tokens is None:
            self._tokens = Tokens(
                [b"" if token in self.ends else piece for token, piece in enumerate(self._pieces)]
            )
        return self._tokens

    @property
    def spelt(self) -> bytes:
        never = self.ends.union(self.suppressed)
        return spelt(piece for token, piece in enumerate(self._pieces) if token not in never)

    @property
    def template(self) -> str | None:
        return self._template

    @property
    def bos_token(self) -> int | None:
        token = int(lib.llama_vocab_bos(self._vocab))
        return token if lib.llama_vocab_get_add_bos(self._vocab) and token >= 0 else None

    @property
    def bos_text(self) -> str:
        return self._text(int(lib.llama_vocab_bos(self._vocab)))

    @property
    def eos_text(self) -> str:
        return self._text(int(lib.llama_vocab_eos(self._vocab)))

    @property
    def longest_token_bytes(self) -> int:
        return self._longest_token_bytes

    def encode(self, text: str, *, continues: bool = False) -> list[int]:
        if not (continues and self._invents_space):
            return self._encode(text)
        # A line break takes the invented space; behind it the text is read as going on.
        lead = self._encode("\n")
        tokens = self._encode("\n" + text)
        return tokens[len(lead) :] if tokens[: len(lead)] == lead else self._encode(text)

    def piece(self, token: int) -> bytes:
        if not 0 <= token < self.size:
            raise ValueError(token)
        return self._pieces[token]

    def is_end(self, token: int) -> bool:
        return token in self.ends

    def _encode(self, text: str) -> list[int]:
        data = text.encode("utf-8", errors="replace")
        room = len(data) + 16
        tokens = (lib.llama_token * room)()
        count = lib.llama_tokenize(self._vocab, data, len(data), tokens, room, False, False)
        if count < 0:
            raise BackendError("the tokenizer wants more tokens than there are bytes")
        return list(tokens[:count])

    def _pieces_of(self, tokens: Sequence[int]) -> bytes:
        return b"".join(self._pieces[token] for token in tokens)

    def _read_piece(self, token: int) -> bytes:
        for room in (64, 1024, 65536):
            buffer = ctypes.create_string_buffer(room)
            length = lib.llama_token_to_piece(self._vocab, token, buffer, room, 0, False)
            if length >= 0:
                return buffer.raw[:length]
        raise Unloadable("a token of more than 64 KiB")

    def _read_suppressed(self) -> tuple[int, ...]:
        count = ctypes.c_int32(0)
        found = lib.llama_vocab_get_suppress_tokens(self._vocab, ctypes.byref(count))
        return tuple(int(found[at]) for at in range(count.value))

    def _read_markers(self) -> list[tuple[str, Marker]]:
        found = []
        for token in range(self.size):
            attributes = int(lib.llama_vocab_get_attr(self._vocab, token))
            text = self._text(token) if attributes & _SPECIAL else ""
            if text:
                marker = Marker(
                    token=token,
                    is_control=bool(attributes & lib.LLAMA_TOKEN_ATTR_CONTROL)
                    or token in self.ends,
                    strips_left=bool(attributes & lib.LLAMA_TOKEN_ATTR_LSTRIP),
                    strips_right=bool(attributes & lib.LLAMA_TOKEN_ATTR_RSTRIP),
                )
                found.append((text, marker))
        return found

    def _text(self, token: int) -> str:
        text = lib.llama_vocab_get_text(self._vocab, token) if 0 <= token < self.size else b""
        return (text or b"").decode("utf-8", "replace")
