"""Strings of JSON: free ones, of so many characters, of a known format. Not for other values."""

from inference.engine.grammar.building import (
    Builder,
    Piece,
    byte_of,
    called,
    choice,
    literal,
    repeated,
    sequence,
)
from inference.engine.grammar.characters import ANY, Characters, in_string, united, without
from inference.engine.grammar.patterns import one_of, string_like

_HEX = byte_of(("0", "9"), ("a", "f"), ("A", "F"))
_QUOTE = literal(b'"')
# Escapes by number; halves of surrogate pairs only as pairs, since alone they are no character.
_NUMBERED = choice(
    sequence(byte_of(("0", "9"), ("a", "c"), ("A", "C"), ("e", "f"), ("E", "F")), _HEX, _HEX, _HEX),
    sequence(byte_of(("d", "d"), ("D", "D")), byte_of(("0", "7")), _HEX, _HEX),
    sequence(
        byte_of(("d", "d"), ("D", "D")),
        byte_of(("8", "9"), ("a", "b"), ("A", "B")),
        _HEX,
        _HEX,
        literal(b"\\u"),
        byte_of(("d", "d"), ("D", "D")),
        byte_of(("c", "f"), ("C", "F")),
        _HEX,
        _HEX,
    ),
)
_ESCAPE = sequence(
    literal(b"\\"),
    choice(
        byte_of(('"', '"'), ("\\", "\\"), ("/", "/"), ("b", "b"), ("f", "f"), ("n", "n")),
        byte_of(("r", "r"), ("t", "t")),
        sequence(literal(b"u"), _NUMBERED),
    ),
)
_PLAIN = in_string(((0x20, 0x21), (0x23, 0x5B), (0x5D, 0xD7FF), (0xE000, 0x10FFFF)))

_DAY_OF_MONTH = (
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)"
    r"|02-(?:0[1-9]|1\d|2[0-8]))"
)
_DATE = rf"[1-9]\d{{3}}-{_DAY_OF_MONTH}"
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)"
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
_BYTE = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
FORMATS = {
    "date": rf"^{_DATE}$",
    "time": rf"^{_TIME}$",
    "date-time": rf"^{_DATE}T{_TIME}$",
    "uuid": r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
    "email": rf"^[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@{_NAME}(?:\.{_NAME})+$",
    "ipv4": rf"^{_BYTE}\.{_BYTE}\.{_BYTE}\.{_BYTE}$",
}


def any_string() -> Piece:
    return of_length(0, None)


def of_length(least: int, most: int | None) -> Piece:
    def lay(builder: Builder, at: int) -> int:
        character = builder.rule("character", lambda: choice(_PLAIN, _ESCAPE))
        inside = repeated(called(character), least=least, most=most)
        return sequence(_QUOTE, inside, _QUOTE)(builder, at)

    return lay


def matching(pattern: str, *, least: int = 0, most: int | None = None) -> Piece:
    return sequence(_QUOTE, string_like(pattern, least=least, most=most), _QUOTE)


def other_than(texts: frozenset[str]) -> Piece:
    """Any string but these, each character written in one way only, so that none slips through."""
    if not texts:
        return any_string()

    def lay(builder: Builder, at: int) -> int:
        free, end = builder.state(), builder.state()
        nodes = {"": builder.state()}
        children: dict[str, list[str]] = {"": []}
        builder.silent(_QUOTE(builder, at), nodes[""])
        for begun in sorted({text[:n] for text in texts for n in range(1, len(text) + 1)}):
            nodes[begun], children[begun] = builder.state(), []
            children[begun[:-1]].append(begun)
        for text, node in nodes.items():
            for longer in children[text]:
                said = called(one_of(builder, _only(longer[-1:])))(builder, node)
                builder.silent(said, nodes[longer])
            rest = without(ANY, _only("".join(longer[-1] for longer in children[text])))
            builder.silent(called(one_of(builder, rest))(builder, node), free)
            if text not in texts:
                builder.silent(node, end)
        builder.silent(called(one_of(builder, ANY))(builder, free), free)
        builder.silent(free, end)
        return _QUOTE(builder, end)

    return lay


def _only(letters: str) -> Characters:
    return united((ord(letter), ord(letter)) for letter in letters)
