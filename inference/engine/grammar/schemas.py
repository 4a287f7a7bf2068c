"""JSON Schema → the network of a grammar. Other people's words appear here and in `merging.py`.

Properties come in the order of the schema; white space is little and bounded; words that a grammar
cannot keep to (`uniqueItems`, `multipleOf`, unknown formats) are ignored as llama.cpp ignores them,
and `not` and conditions are refused. Raises NotKeepable within a bounded time, whatever is given.
"""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from inference.engine.grammar import numbers, strings
from inference.engine.grammar.building import (
    Builder,
    Piece,
    called,
    choice,
    literal,
    words,
)
from inference.engine.grammar.merging import ANNOTATIONS, Schema, merged
from inference.engine.grammar.network import EVERY_BYTE, Network, NotKeepable
from inference.engine.grammar.shapes import braced, bracketed, member, never
from inference.engine.grammar.thoughts import Thoughts, before

MAX_ALTERNATIVES = 256
MAX_PROPERTIES = 256
MAX_VALUES = 2_000
MAX_NAME_CHARS = 500
_MAX_DEPTH = 48
_MAX_JOINS = 5_000
_MAX_TIMES = 1_000_000
_MAX_NUMBER = 10**15
_KINDS = ("object", "array", "string", "number", "integer", "boolean", "null")
_REFUSED = ("not", "if", "$dynamicRef", "$recursiveRef")
# Which kind is meant where none is named.
_TELLING = {
    "object": ("properties", "additionalProperties", "required"),
    "array": ("items", "prefixItems", "minItems", "maxItems"),
    "string": ("pattern", "minLength", "maxLength", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
}
_JSON_OBJECT: Schema = {"type": "object", "additionalProperties": True}


def network_of(
    schema: str | None, *, thoughts: Thoughts | None = None, spelt: bytes = EVERY_BYTE
) -> Network:
    """The network for a schema as text; None is any JSON object. `thoughts` may come before it.

    Answers are made of the bytes in `spelt` alone: what needs others can never be finished.
    """
    try:
        root = _JSON_OBJECT if schema is None else json.loads(schema, parse_constant=_no_constant)
        builder = Builder()
        rule = _Compiler(builder, root).rule(root)
        answer = builder.rule("answer", lambda: called(rule))
        # Tags around thoughts are tokens of their own, whatever letters they are read in.
        builder.leave_out_unspelt(spelt)
        if thoughts is not None:
            answer = builder.rule("reply", lambda: before(thoughts, called(answer)))
        return builder.finished(answer)
    except NotKeepable:
        raise
    except (RecursionError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        raise NotKeepable("the schema is not a JSON Schema that can be read") from None


def _no_constant(text: str) -> object:
    raise NotKeepable(f"{text} is no JSON")


class _Compiler:
    """One schema, its references and all that they lead to."""

    def __init__(self, builder: Builder, root: Schema | bool) -> None:
        self._builder = builder
        self._root = root
        self._depth = 0
        self._joins_left = _MAX_JOINS

    def rule(self, schema: Schema | bool) -> int:
        """The rule of a schema; equal schemas, wherever they stand, share one."""
        if not isinstance(schema, dict | bool):
            raise NotKeepable("a part of the schema is neither an object nor a boolean")
        key = json.dumps(schema)
        return self._builder.rule(("schema", key), lambda: self._deeper(schema))

    def _deeper(self, schema: Schema | bool) -> Piece:
        """Laid by whoever needs it, so depth is counted while laying."""

        def lay(builder: Builder, at: int) -> int:
            self._depth += 1
            if self._depth > _MAX_DEPTH:
                raise NotKeepable("the schema is nested too deep")
            end = self._piece(schema)(builder, at)
            self._depth -= 1
            return end

        return lay

    def _piece(self, schema: Schema | bool) -> Piece:
        schema = self._plain(schema)
        if schema is False:
            return never
        if schema is True or not schema.keys() - ANNOTATIONS:
            return self._any_value()
        for word in _REFUSED:
            if word in schema:
                raise NotKeepable(f"{word} in a schema cannot be kept to")
        if "const" in schema or "enum" in schema:
            return _values(schema)
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return self._alternatives(schema, word)
        return self._of_kinds(schema)

    # ── Putting together ────────────────────────────────────────────────────────────────────────

    def _plain(self, schema: Schema | bool) -> Schema | bool:
        """The schema without references and `allOf` at its top. Rings end at a bound."""
        for _ in range(_MAX_DEPTH):
            self._joins_left -= 1
            if self._joins_left < 0:
                break
            if isinstance(schema, bool) or not ("$ref" in schema or "allOf" in schema):
                return schema
            rest = {word: value for word, value in schema.items() if word not in ("$ref", "allOf")}
            parts: list[Schema | bool] = []
            if "$ref" in schema:
                target = self._target(schema["$ref"])
                if not rest.keys() - ANNOTATIONS and "allOf" not in schema:
                    schema = target
                    continue
                parts.append(target)
            parts.extend(_listed(schema, "allOf") if "allOf" in schema else [])
            schema = rest
            for part in parts:
                schema = merged(schema, self._plain(part))
        raise NotKeepable("the references of the schema lead too far, or only to themselves")

    def _target(self, reference: Any) -> Schema | bool:
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise NotKeepable("a schema may refer to its own parts only")
        found: Any = self._root
        for part in reference[1:].split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            found = found[int(name)] if isinstance(found, list) else found[name]
        if reference != "#" and not reference.startswith("#/"):
            raise NotKeepable("a schema may refer to its own parts by their path only")
        if not isinstance(found, dict | bool):
            raise NotKeepable("a reference of the schema leads to no schema")
        return found

    def _alternatives(self, schema: Schema, word: str) -> Piece:
        rest = {name: value for name, value in schema.items() if name != word}
        is_bare = not rest.keys() - ANNOTATIONS
        schemas = _listed(schema, word)
        if len(schemas) > MAX_ALTERNATIVES:
            raise NotKeepable(f"a schema has more than {MAX_ALTERNATIVES} alternatives")
        each = schemas if is_bare else [merged(self._plain(one), rest) for one in schemas]
        return choice(*(called(self.rule(one)) for one in each))

    def _of_kinds(self, schema: Schema) -> Piece:
        kinds = schema.get("type")
        if kinds is None:
            kinds = [kind for kind, telling in _TELLING.items() if schema.keys() & set(telling)][:1]
            if not kinds:
                return self._any_value()
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if not isinstance(kinds, list) or any(kind not in _KINDS for kind in kinds):
            raise NotKeepable("a schema names an unknown type")
        if not kinds:
            return never
        # A number is an integer too, and twice the same would be two ways to read it.
        kinds = [kind for kind in kinds if kind != "integer" or "number" not in kinds]
        return choice(*(self._of_kind(kind, schema) for kind in kinds))

    def _of_kind(self, kind: str, schema: Schema) -> Piece:
        pieces: dict[str, Callable[[Schema], Piece]] = {
            "object": self._object,
            "array": self._array,
            "string": _string,
            "number": lambda schema: numbers.number(_bounds(schema)),
            "integer": lambda schema: numbers.integer(_bounds(schema)),
            "boolean": lambda _: words([b"true", b"false"]),
            "null": lambda _: literal(b"null"),
        }
        return pieces[kind](schema)

    def _any_value(self) -> Piece:
        anything: Schema = {"type": list(_KINDS)}
        return called(self.rule(anything))

    # ── Objects and arrays ──────────────────────────────────────────────────────────────────────

    def _object(self, schema: Schema) -> Piece:
        properties = schema.get("properties", {})
        required = [name for name in schema.get("required", []) if isinstance(name, str)]
        is_closed = "properties" in schema or "required" in schema
        others = schema.get("additionalProperties", not is_closed)
        listed = {**properties}
        for name in required:
            listed.setdefault(name, others if isinstance(others, dict) else True)
        if len(listed) > MAX_PROPERTIES or any(len(name) > MAX_NAME_CHARS for name in listed):
            raise NotKeepable(f"an object of the schema has more than {MAX_PROPERTIES} properties")
        members = [
            (member(words([_json(name)]), called(self.rule(value))), name in required)
            for name, value in listed.items()
        ]
        rest = None
        if others is not False:
            key = self._builder.rule(
                ("other than", *listed), lambda: strings.other_than(frozenset(listed))
            )
            rest = member(called(key), called(self.rule(others)))
        return braced(members, rest)

    def _array(self, schema: Schema) -> Piece:
        least, most = _count(schema, "minItems") or 0, _count(schema, "maxItems")
        firsts = [called(self.rule(each)) for each in _listed(schema, "prefixItems", empty=True)]
        if len(firsts) > MAX_PROPERTIES:
            raise NotKeepable("an array of the schema has too many items of its own")
        rest = schema.get("items", not firsts)
        if most is not None and least > most:
            return never
        item = None if rest is False else called(self.rule(rest))
        return bracketed(firsts, item, least=least, most=most)


def _json(value: object) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()


def _listed(schema: Schema, word: str, *, empty: bool = False) -> list[Any]:
    value = schema.get(word, [])
    if not isinstance(value, list) or not (value or empty):
        raise NotKeepable(f"{word} of a schema must be a list")
    return value


def _values(schema: Schema) -> Piece:
    values = [schema["const"]] if "const" in schema else _listed(schema, "enum", empty=True)
    if len(values) > MAX_VALUES:
        raise NotKeepable(f"a schema lists more than {MAX_VALUES} values")
    kinds = schema.get("type", list(_KINDS))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    fitting = [value for value in values if any(_is_of(value, kind) for kind in kinds)]
    if "const" in schema and "enum" in schema and schema["const"] not in schema["enum"]:
        fitting = []
    return words(map(_json, fitting)) if fitting else never


def _is_of(value: object, kind: str) -> bool:
    if isinstance(value, bool) or value is None:
        return kind == ("null" if value is None else "boolean")
    if isinstance(value, int | float):
        return kind == "number" or (kind == "integer" and value == int(value))
    kinds: dict[str, type] = {"object": dict, "array": list, "string": str}
    return kind in kinds and isinstance(value, kinds[kind])


def _string(schema: Schema) -> Piece:
    least, most = _count(schema, "minLength") or 0, _count(schema, "maxLength")
    if most is not None and least > most:
        return never
    pattern = schema.get("pattern", strings.FORMATS.get(schema.get("format", "")))
    if pattern is None:
        return strings.of_length(least, most)
    if "pattern" not in schema:
        # The lengths of these formats are their own.
        least, most = 0, None
    return strings.matching(pattern, least=least, most=most)


def _count(schema: Schema, word: str) -> int | None:
    value = schema.get(word)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise NotKeepable(f"{word} of a schema must be a whole number")
    if value > _MAX_TIMES:
        if word.startswith("min"):
            raise NotKeepable(f"{word} of a schema is more than {_MAX_TIMES}")
        return None  # no answer is as long as that
    return max(0, int(value))


def _bounds(schema: Schema) -> numbers.Bounds:
    low, is_low_strict = _bound(schema, "minimum", "exclusiveMinimum", tighter=max)
    high, is_high_strict = _bound(schema, "maximum", "exclusiveMaximum", tighter=min)
    if low is not None and low <= -_MAX_NUMBER:
        low, is_low_strict = None, False
    if high is not None and high >= _MAX_NUMBER:
        high, is_high_strict = None, False
    for bound in (low, high):
        if bound is not None and abs(bound) >= _MAX_NUMBER:
            raise NotKeepable("a bound of the schema has too many digits")
    return numbers.Bounds(
        low=low, high=high, is_low_strict=is_low_strict, is_high_strict=is_high_strict
    )


def _bound(
    schema: Schema, word: str, strict_word: str, *, tighter: Callable[..., Decimal]
) -> tuple[Decimal | None, bool]:
    plain, strict = schema.get(word), schema.get(strict_word)
    if isinstance(strict, bool):  # as old drafts write it
        return (None, False) if plain is None else (_decimal(plain), strict)
    if plain is None or strict is None:
        return (_decimal(plain), False) if strict is None else (_decimal(strict), True)
    found = tighter(_decimal(plain), _decimal(strict))
    return found, found == _decimal(strict)


def _decimal(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotKeepable("a bound of the schema is no number")
    return Decimal(str(value))
