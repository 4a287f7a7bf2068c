"""Texts as both databases index them: the same tokens, whatever the language. Pure; reads nothing.

Letters are folded (case, width, accents: "Größe" is found by "grosse"). Words of scripts that part
them by blanks are tokens; where nothing parts words (Chinese, Japanese, Korean, Thai and others)
every letter and every pair of neighbours is one, so that a word of two letters is found at once.
The index only narrows: whether a text really holds what was asked for, `terms_in` decides.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

MAX_TOKEN_CHARS = 40
# PostgreSQL holds one megabyte of tokens a text. No text that a person could read comes near.
MAX_TOKENS_BYTES = 800_000
MAX_TERMS = 10
MAX_QUERY_CHARS = 200

# Accents of Latin, Greek and Cyrillic. Marks of other scripts are part of their words.
_ACCENTS = re.compile("[\u0300-\u036f]")
# Scripts without blanks between words, and Korean, which hangs its grammar on its words.
_UNPARTED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3130-\u318f"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\U00020000-\U000323af"
)
_UNPARTED_CHAR = re.compile(f"[{_UNPARTED}]")
_UNPARTED_RUN = re.compile(f"[{_UNPARTED}]+")
_IN_TERMS = re.compile(r'"([^"]*)"?|(\S+)')


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text, and where in the original each of its characters came from."""

    text: str
    origins: list[int] | None

    def origin(self, at: int, *, end: int) -> int:
        """Where the folded character `at` began; `end` is the length of the original."""
        if self.origins is None:
            return at
        return self.origins[at] if at < len(self.origins) else end


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody looks for: folded terms, each of which a text must hold."""

    terms: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Query":
        """Words apart by blanks; what stands between quotation marks stays together."""
        found = []
        for quoted, word in _IN_TERMS.findall(text[:MAX_QUERY_CHARS].translate(_QUOTES)):
            term = " ".join(fold(quoted or word).text.split())
            if term and term not in found:
                found.append(term)
        return cls(tuple(found[:MAX_TERMS]))

    @property
    def exact(self) -> tuple[str, ...]:
        """Tokens that a text with all terms has; with `prefixes`, what the index is asked."""
        return tuple(dict.fromkeys(token for token, is_whole in self._asked() if is_whole))

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Beginnings of tokens of such a text: of the last word of a term more may follow."""
        return tuple(dict.fromkeys(token for token, is_whole in self._asked() if not is_whole))

    @property
    def is_empty(self) -> bool:
        """Nothing in it that an index could narrow by."""
        return not any(True for _ in self._asked())

    def _asked(self) -> Iterator[tuple[str, bool]]:
        for term in self.terms:
            words = list(_words(term))
            for place, word in enumerate(words):
                if _UNPARTED_CHAR.match(word):
                    pairs = [word[i : i + 2] for i in range(len(word) - 1)] or [word]
                    yield from ((pair, True) for pair in pairs)
                else:
                    # One letter begins too many words to be worth looking.
                    is_last = place == len(words) - 1 and term.endswith(word)
                    yield word[:MAX_TOKEN_CHARS], not is_last or len(word) == 1


def tokens_of(text: str) -> list[str]:
    """Each token of a text once, in the order in which they come, as far as there is room."""
    found: dict[str, None] = {}
    left_bytes = MAX_TOKENS_BYTES
    for token in _tokens(fold(text).text):
        if token in found:
            continue
        left_bytes -= len(token.encode())
        if left_bytes < 0:
            break
        found[token] = None
    return list(found)


def fold(text: str) -> Folded:
    """As it is compared: what differs only in case, width or accents becomes the same."""
    if text.isascii():
        return Folded(text.lower(), None)
    parts = [_folded_char(char) for char in text]
    if all(len(part) == 1 for part in parts):
        return Folded("".join(parts), None)
    origins = [at for at, part in enumerate(parts) for _ in part]
    return Folded("".join(parts), origins)


def terms_in(text: Folded, query: Query) -> list[tuple[int, int]] | None:
    """Where the terms stand in the folded text, or None when one of them is missing."""
    found: list[tuple[int, int]] = []
    for term in query.terms:
        places = list(_places(text.text, term))
        if not places:
            return None
        found += places
    return sorted(found)


def _places(text: str, term: str) -> Iterator[tuple[int, int]]:
    """Every place of the term that begins a word, where words have beginnings. A last word of one
    letter must be the whole word, as it is in the index."""
    must_begin = _continues_word(term[0])
    last = next(reversed(list(_words(term))), "")
    must_end = len(last) == 1 and term.endswith(last) and _continues_word(last)
    pattern = r"\s+".join(re.escape(part) for part in term.split(" "))
    for match in re.finditer(pattern, text):
        start, end = match.span()
        if must_begin and start and _continues_word(text[start - 1]):
            continue
        if must_end and end < len(text) and _continues_word(text[end]):
            continue
        yield start, end


def _continues_word(char: str) -> bool:
    return char.isalnum() and not _UNPARTED_CHAR.match(char)


def _tokens(folded: str) -> Iterator[str]:
    for word in _words(folded):
        if _UNPARTED_CHAR.match(word):
            yield from word
            yield from (word[i : i + 2] for i in range(len(word) - 1))
        else:
            yield word[:MAX_TOKEN_CHARS]


def _words(folded: str) -> Iterator[str]:
    """Runs of letters and digits, parted also where a script without blanks begins or ends."""
    for run in _runs(folded):
        at = 0
        for unparted in _UNPARTED_RUN.finditer(run):
            if unparted.start() > at:
                yield run[at : unparted.start()]
            yield unparted.group()
            at = unparted.end()
        if at < len(run):
            yield run[at:]


def _runs(folded: str) -> Iterator[str]:
    start = None
    for at, char in enumerate(folded):
        if char.isalnum() or (start is not None and _is_mark(char)):
            start = at if start is None else start
        elif start is not None:
            yield folded[start:at]
            start = None
    if start is not None:
        yield folded[start:]


def _is_mark(char: str) -> bool:
    """A vowel or tone that is written onto the letter before it."""
    return not char.isascii() and unicodedata.category(char) in ("Mn", "Mc")


@lru_cache(maxsize=8192)
def _folded_char(char: str) -> str:
    apart = unicodedata.normalize("NFKD", char).casefold()
    bare = _ACCENTS.sub("", apart)
    # Casefolding may leave capitals of mathematics and the like; twice is enough for all of them.
    return unicodedata.normalize("NFKC", bare).casefold()


_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "「": '"', "」": '"'})
