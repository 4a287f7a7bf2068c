"""Regular expressions of schemas, a bounded part of them, as strings of JSON. Not for schemas.

A pattern is searched for anywhere in the string unless `^` and `$` hold it. What needs more than a
finite machine (looking around, back references) is refused.
"""

from dataclasses import dataclass, field

from inference.engine.grammar.building import (
    MAX_STATES,
    Builder,
    Piece,
    called,
)
from inference.engine.grammar.characters import ANY, Characters, in_string, united, without
from inference.engine.grammar.network import NotKeepable

MAX_PATTERN_CHARS = 1_000
_MAX_GROUPS = 32
_MAX_TIMES = 1_000
_DIGITS: Characters = ((0x30, 0x39),)
_WORDS: Characters = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACES: Characters = ((0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x2028, 0x2029), (0xFEFF, 0xFEFF))
_LINE_ENDS: Characters = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))
_CLASSES = {
    "d": _DIGITS,
    "D": without(ANY, _DIGITS),
    "w": _WORDS,
    "W": without(ANY, _WORDS),
    "s": _SPACES,
    "S": without(ANY, _SPACES),
}
_CONTROLS = {"t": 0x09, "n": 0x0A, "v": 0x0B, "f": 0x0C, "r": 0x0D, "0": 0x00}
_HEX_LENGTHS = {"x": 2, "u": 4}


@dataclass(slots=True)
class _Machine:
    """States over characters: the pattern before it is written as JSON."""

    edges: list[list[tuple[Characters, int]]] = field(default_factory=list)
    silent: list[list[int]] = field(default_factory=list)

    def state(self) -> int:
        if len(self.edges) >= MAX_STATES // 2:
            raise NotKeepable("a pattern of the schema is too large")
        self.edges.append([])
        self.silent.append([])
        return len(self.edges) - 1


def string_like(pattern: str, *, least: int = 0, most: int | None = None) -> Piece:
    """The inside of a JSON string that the pattern is found in, of so many characters."""
    machine = _Machine()
    start, end = _Reader(pattern, machine).whole()

    def lay(builder: Builder, at: int) -> int:
        if most is None and least <= 0:
            return _lay(builder, at, machine, start=start, end=end)
        return _lay_counted(builder, at, machine, start=start, end=end, least=least, most=most)

    return lay


def _lay(builder: Builder, at: int, machine: _Machine, *, start: int, end: int) -> int:
    states = [builder.state() for _ in machine.edges]
    builder.silent(at, states[start])
    for state, edges in enumerate(machine.edges):
        for to in machine.silent[state]:
            builder.silent(states[state], states[to])
        for characters, to in edges:
            builder.silent(called(one_of(builder, characters))(builder, states[state]), states[to])
    return states[end]


def _lay_counted(
    builder: Builder,
    at: int,
    machine: _Machine,
    *,
    start: int,
    end: int,
    least: int,
    most: int | None,
) -> int:
    """Every state once for each length so far; without a greatest length, the last one stays."""
    last = least if most is None else most
    if len(machine.edges) * (last + 1) > MAX_STATES:
        raise NotKeepable("a pattern of the schema is too large for its lengths")
    rows = [[builder.state() for _ in machine.edges] for _ in range(last + 1)]
    ended = builder.state()
    builder.silent(at, rows[0][start])
    for length, row in enumerate(rows):
        following = rows[length + 1] if length < last else row if most is None else None
        if length >= least:
            builder.silent(row[end], ended)
        for state, edges in enumerate(machine.edges):
            for to in machine.silent[state]:
                builder.silent(row[state], row[to])
            for characters, to in edges if following is not None else []:
                said = called(one_of(builder, characters))(builder, row[state])
                builder.silent(said, (following or row)[to])
    return ended


def one_of(builder: Builder, characters: Characters) -> int:
    """The rule for one of these characters in a string; made once for equal sets."""
    return builder.rule(("characters", characters), lambda: in_string(characters))


class _Reader:
    """Reads one pattern into a machine, left to right."""

    def __init__(self, pattern: str, machine: _Machine) -> None:
        if len(pattern) > MAX_PATTERN_CHARS:
            raise NotKeepable(f"a pattern is longer than {MAX_PATTERN_CHARS} characters")
        self._text = pattern
        self._at = 0
        self._machine = machine
        self._group_depth = 0

    def whole(self) -> tuple[int, int]:
        start, end = self._machine.state(), self._machine.state()
        while True:
            self._held_branch(start, end)
            if not self._took("|"):
                break
        if self._at < len(self._text):
            raise self._refusal("has an unmatched )")
        return start, end

    def _held_branch(self, start: int, end: int) -> None:
        """A branch of the whole pattern: free at both sides unless it is held there."""
        begin = self._machine.state()
        self._machine.silent[start].append(begin)
        if not self._took("^"):
            self._machine.edges[begin].append((ANY, begin))
            begin = self._after(begin)
        last = self._branch(begin)
        if not self._took("$"):
            last = self._after(last)
            self._machine.edges[last].append((ANY, last))
        self._machine.silent[last].append(end)

    def _after(self, state: int) -> int:
        to = self._machine.state()
        self._machine.silent[state].append(to)
        return to

    def _branch(self, at: int) -> int:
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            if self._text[self._at] == "$" and self._text[self._at + 1 : self._at + 2] in ("", "|"):
                return at
            begin = self._at
            to = self._atom(at)
            at = self._quantified(at, to, begin=begin)
        return at

    def _atom(self, at: int) -> int:
        character = self._text[self._at]
        self._at += 1
        if character == "(":
            return self._group(at)
        if character == "[":
            return self._one(at, self._class())
        if character == ".":
            return self._one(at, without(ANY, _LINE_ENDS))
        if character == "\\":
            return self._one(at, self._escape())
        if character in "^$*+?{":
            raise self._refusal(f"has a {character} where it cannot be kept to")
        return self._one(at, ((ord(character), ord(character)),))

    def _one(self, at: int, characters: Characters) -> int:
        to = self._machine.state()
        if united(characters):
            self._machine.edges[at].append((united(characters), to))
        return to

    def _group(self, at: int) -> int:
        self._group_depth += 1
        if self._group_depth > _MAX_GROUPS:
            raise self._refusal("is nested too deep")
        if self._took("?"):
            self._skip_group_name()
        end = self._machine.state()
        while True:
            begin = self._after(at)
            self._machine.silent[self._branch(begin)].append(end)
            if not self._took("|"):
                break
        if not self._took(")"):
            raise self._refusal("has an unmatched (, or a $ where it cannot be kept to")
        self._group_depth -= 1
        return end

    def _skip_group_name(self) -> None:
        if self._took(":"):
            return
        named = self._text[self._at : self._at + 1] == "<"
        if not named or self._text[self._at + 1 : self._at + 2] in ("=", "!"):
            raise self._refusal("looks around, which cannot be kept to")
        self._at = self._text.find(">", self._at) + 1
        if self._at == 0:
            raise self._refusal("has an unmatched <")

    def _class(self) -> Characters:
        is_negated = self._took("^")
        spans: list[tuple[int, int]] = []
        while not self._took("]"):
            low = self._class_member()
            is_range = self._text[self._at : self._at + 1] == "-" and (
                self._text[self._at + 1 : self._at + 2] not in ("]", "")
            )
            if not is_range:
                spans.extend(low)
                continue
            self._at += 1
            high = self._class_member()
            if len(low) != 1 or len(high) != 1 or low[0][0] > high[0][0]:
                raise self._refusal("has a range out of order")
            spans.append((low[0][0], high[0][1]))
        characters = united(spans)
        return without(ANY, characters) if is_negated else characters

    def _class_member(self) -> Characters:
        if self._at >= len(self._text):
            raise self._refusal("has an unmatched [")
        character = self._text[self._at]
        self._at += 1
        if character != "\\":
            return ((ord(character), ord(character)),)
        if self._took("b"):
            return ((0x08, 0x08),)
        return self._escape()

    def _escape(self) -> Characters:
        if self._at >= len(self._text):
            raise self._refusal("ends in a backslash")
        character = self._text[self._at]
        self._at += 1
        if character in _CLASSES:
            return _CLASSES[character]
        if character in _CONTROLS:
            code = _CONTROLS[character]
        elif character in _HEX_LENGTHS:
            code = self._hexadecimal(_HEX_LENGTHS[character])
        elif character.isalnum():
            raise self._refusal(f"uses \\{character}, which cannot be kept to")
        else:
            code = ord(character)
        return ((code, code),)

    def _hexadecimal(self, length: int) -> int:
        digits = self._text[self._at : self._at + length]
        try:
            code = int(digits, 16) if len(digits) == length and digits.isalnum() else -1
        except ValueError:
            code = -1
        if code < 0:
            raise self._refusal("has an unfinished escape")
        self._at += length
        return code

    def _quantified(self, at: int, to: int, *, begin: int) -> int:
        """Repeats what was read from `begin` on, by reading it again as often as needed."""
        times = self._times()
        if times is None:
            return to
        self._took("?")  # how eager it is changes nothing about what is found
        if self._text[self._at : self._at + 1] in ("*", "+"):
            raise self._refusal("repeats a repetition")
        least, most = times
        after, depth = self._at, self._group_depth
        end = self._machine.state()
        place = to if least else at
        if least == 0:
            # What was laid first is the first of the optional ones.
            self._machine.silent[at].append(end)
            place, least = to, 1
        for _ in range(least - 1):
            place = self._again(place, begin=begin)
        if most is None:
            loop = self._after(place)
            self._machine.silent[self._again(loop, begin=begin)].append(loop)
            place = loop
        else:
            if most == 0:
                return end
            for _ in range(most - least):
                self._machine.silent[place].append(end)
                place = self._again(place, begin=begin)
        self._machine.silent[place].append(end)
        self._at, self._group_depth = after, depth
        return end

    def _again(self, at: int, *, begin: int) -> int:
        self._at = begin
        # Its own beginning, so that what comes back to it does not come back to what was before.
        return self._atom(self._after(at))

    def _times(self) -> tuple[int, int | None] | None:
        for sign, times in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._took(sign):
                return times
        if not self._took("{"):
            return None
        inside, brace, _ = self._text[self._at :].partition("}")
        least, comma, most = inside.partition(",")
        is_number = least.isdecimal() and least.isascii() and (not most or most.isdecimal())
        if not brace or not is_number or len(inside) > 9:
            raise self._refusal("has a { that is no repetition")
        self._at += len(inside) + 1
        found = (int(least), (int(most) if most else None) if comma else int(least))
        if found[0] > _MAX_TIMES or (found[1] or 0) > _MAX_TIMES:
            raise self._refusal(f"repeats more than {_MAX_TIMES} times")
        if found[1] is not None and found[1] < found[0]:
            raise self._refusal("has a repetition out of order")
        return found

    def _took(self, text: str) -> bool:
        if not self._text.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def _refusal(self, what: str) -> NotKeepable:
        return NotKeepable(f"a pattern of the schema {what}")
