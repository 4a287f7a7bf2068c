"""Rendered text → token ids: only what the template itself wrote may become a control token.

Not for rendering, nor for what fits (threat E19).
"""

import itertools
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from inference.engine.backend import Marker, Vocabulary
from inference.engine.pictures.seen import Seen, Span
from inference.engine.templates.origin import Run, cleaned, parted_at_pictures

# Words that were added to a vocabulary although they steer: kept out of people's text as well.
_STEERING = re.compile(r"<\|.*\|>|<｜.*｜>|\[/?[A-Z_]+\]|<\w+_of_\w+>|</?s>", re.DOTALL)
# Longer text is encoded in parts: some tokenizers recurse over what has no break in it.
_PART_CHARS = 16_384
_BREAK = re.compile(r"(?<=\S)(?=\s)")
# For a picture that is not there, or behind one that nothing follows.
_NO_PICTURE, _AFTER_PICTURE = "\ufffd", "\n"


@dataclass(frozen=True, slots=True)
class Encoded:
    """Tokens, and the spans of pictures among them, each with where it begins."""

    tokens: list[int]
    spans: list[tuple[int, Span]]

    def add(self, seen: Seen) -> None:
        start = len(self.tokens)
        self.spans.extend((start + at, span) for at, span in seen.spans())
        self.tokens.extend(seen.tokens)


class Encoder:
    """Encodes for one vocabulary what one template wrote."""

    def __init__(self, vocabulary: Vocabulary, *, template: str) -> None:
        self._vocabulary = vocabulary
        self._marker_pattern = _any_of(vocabulary.markers)
        steering = {
            text: marker
            for text, marker in vocabulary.markers.items()
            if marker.is_control or text in template or _STEERING.fullmatch(text)
        }
        self._steering_tokens = frozenset(marker.token for marker in steering.values())
        self._steering_pattern = _any_of(steering)

    def fewest(self, parts: Sequence[Run]) -> int:
        """No fewer tokens than this can hold the text."""
        return sum(len(part.text) for part in parts) // self._vocabulary.longest_token_bytes

    def whole(self, parts: Sequence[Run]) -> list[int]:
        """A prompt without pictures, from its beginning."""
        return self.illustrated(parts, ()).tokens

    def illustrated(
        self, parts: Sequence[Run], pictures: Sequence[Seen], *, most: int = sys.maxsize
    ) -> Encoded:
        """A prompt from its beginning, with these pictures where their letters stand.

        What is longer than `most` tokens is not read to its end: that could take seconds.
        """
        encoded = Encoded([], [])
        pieces = _spaced(self._pieces(parts))
        begin = self._vocabulary.bos_token
        if begin is not None and not self._begins_with(begin, pieces):
            encoded.tokens.append(begin)
        for piece in pieces:
            if isinstance(piece, Marker):
                encoded.tokens.append(piece.token)
            elif piece and len(encoded.tokens) <= most:
                self._add_text(encoded, piece, pictures=pictures, most=most)
        if encoded.tokens and encoded.tokens[-1] < 0:  # what is to follow a picture, nobody knows
            encoded.tokens.extend(self._encoded_plain(_AFTER_PICTURE, continues=True))
        return encoded

    def _add_text(
        self, encoded: Encoded, text: str, *, pictures: Sequence[Seen], most: int
    ) -> None:
        continues = False
        for part in parted_at_pictures(text):
            if isinstance(part, int) and part < len(pictures):
                encoded.add(pictures[part])
            elif part != "":
                plain = _NO_PICTURE if isinstance(part, int) else part
                left = most - len(encoded.tokens)
                encoded.tokens.extend(self._encoded_plain(plain, continues=continues, most=left))
            continues = continues or part != ""

    @staticmethod
    def _begins_with(token: int, pieces: Sequence[Marker | str]) -> bool:
        first = next((piece for piece in pieces if piece), "")
        return isinstance(first, Marker) and first.token == token

    def continuation(self, text: str, *, meant: Collection[str]) -> list[int]:
        """Text of the model's own, going on. Of the markers in it only these are `meant`."""
        tokens: list[int] = []
        pattern = "|".join(re.escape(text) for text in meant)
        for piece in re.split(f"({pattern})", cleaned(text)) if pattern else [cleaned(text)]:
            marker = self._vocabulary.markers.get(piece) if piece in meant else None
            if marker is not None:
                tokens.append(marker.token)
            elif piece:
                tokens.extend(self._encoded_plain(piece, continues=True))
        return tokens

    def _pieces(self, parts: Sequence[Run]) -> list[Marker | str]:
        """Markers of the template, and between them all other text joined, whoever wrote it."""
        pieces: list[Marker | str] = []
        texts: list[str] = []

        def end_text() -> None:
            pieces.append("".join(texts))
            texts.clear()

        for text, is_own in parts:
            if not is_own or self._marker_pattern is None:
                texts.append(text)
                continue
            position = 0
            for found in self._marker_pattern.finditer(text):
                texts.append(text[position : found.start()])
                end_text()
                pieces.append(self._vocabulary.markers[found.group()])
                position = found.end()
            texts.append(text[position:])
        end_text()
        return pieces

    def _encoded_plain(self, text: str, *, continues: bool, most: int = sys.maxsize) -> list[int]:
        tokens: list[int] = []
        for part in _in_parts(text):
            if len(tokens) > most:
                break
            tokens.extend(self._guarded(part, continues=continues))
            continues = True
        return tokens

    def _guarded(self, text: str, *, continues: bool) -> list[int]:
        """Plain tokens, proved: a tokenizer that made a steering one gets its text cut finer."""
        tokens = self._vocabulary.encode(text, continues=continues)
        if self._steering_tokens.isdisjoint(tokens):
            return tokens
        pieces = self._cut_markers(text)
        if len(pieces) == 1:
            pieces = list(text) if len(text) > 1 else []
        tokens = []
        for piece in pieces:
            tokens.extend(self._guarded(piece, continues=continues))
            continues = True
        return tokens

    def _cut_markers(self, text: str) -> list[str]:
        if self._steering_pattern is None:
            return [text]
        cuts = [found.start() + 1 for found in self._steering_pattern.finditer(text)]
        edges = [0, *(cut for cut in cuts if cut < len(text)), len(text)]
        return [text[start:end] for start, end in itertools.pairwise(edges)]


def _spaced(pieces: Sequence[Marker | str]) -> list[Marker | str]:
    """Without the space that markers swallow on either side."""
    result = list(pieces)
    for at, piece in enumerate(result):
        if not isinstance(piece, Marker):
            continue
        before = result[at - 1] if at else ""
        if piece.strips_left and isinstance(before, str):
            result[at - 1] = before.rstrip()
        after = result[at + 1] if at + 1 < len(result) else ""
        if piece.strips_right and isinstance(after, str) and at + 1 < len(result):
            result[at + 1] = after.lstrip()
    return result


def _in_parts(text: str) -> Iterator[str]:
    """Cut where a word ends, so that the tokens are the same as those of the whole."""
    start = 0
    while len(text) - start > _PART_CHARS:
        part = text[start : start + _PART_CHARS]
        breaks = [found.start() for found in _BREAK.finditer(part, _PART_CHARS // 2)]
        end = breaks[-1] if breaks else _PART_CHARS
        yield part[:end]
        start += end
    yield text[start:]


def _any_of(markers: Mapping[str, Marker]) -> re.Pattern[str] | None:
    """Longest first, as tokenizers look for them."""
    if not markers:
        return None
    return re.compile("|".join(re.escape(text) for text in sorted(markers, key=len, reverse=True)))
