"""What was chosen for a conversation or a preset, as one checked value. Stores nothing."""

import json
from typing import Annotated, Any, Literal
from uuid import UUID

from django.utils.translation import gettext as _
from msgspec import Meta, Struct, ValidationError, convert

from portal.chat.errors import BadCommand, TooMuch
from portal.chat.limits import must_be_clean
from portal.chat.vocabulary import Words
from portal.presets import parameters
from portal.presets.models import Settings

MAX_SYSTEM_CHARS = 50_000
MAX_SCHEMA_CHARS = 100_000
JSON_MODE = "json"

ParameterName = Annotated[str, Meta(min_length=1, max_length=40)]
StopText = Annotated[str, Meta(max_length=4_000)]
ParameterValue = int | float | StopText | Annotated[list[StopText], Meta(max_length=100)]
Parameters = Annotated[dict[ParameterName, ParameterValue], Meta(max_length=40)]
ThinkWord = Literal["", "off", "on", "low", "medium", "high"]


class Chosen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Only what differs from the model's own. `format` is empty, "json", or a JSON Schema."""

    system: Words = ""
    parameters: Parameters = {}
    format: Words = ""
    think: ThinkWord = ""
    preset_id: UUID | None = None


NOTHING = Chosen()


def values_of(chosen: Chosen) -> dict[str, Any]:
    """The fields of `Settings`, checked. Raises `ChatError` with what to do about it."""
    return {
        "system": _system(chosen.system),
        "parameters": parameters.checked(chosen.parameters),
        "format": _format(chosen.format),
        "think": chosen.think,
    }


def read(fields: dict[str, Any]) -> Chosen:
    """As it comes from a form. Raises `BadCommand` where even its shape is wrong."""
    try:
        return convert(fields, Chosen)
    except ValidationError:
        raise BadCommand(
            _("The parameters must be an object of names and values. Nothing was changed.")
        ) from None


def of(row: Settings, *, preset_id: UUID | None = None) -> Chosen:
    return Chosen(
        system=row.system,
        parameters=row.parameters,
        format=row.format,
        think=_think(row.think),
        preset_id=preset_id,
    )


def _think(word: str) -> ThinkWord:
    words: dict[str, ThinkWord] = {each: each for each in ("off", "on", "low", "medium", "high")}
    return words.get(word, "")


def _system(text: str) -> str:
    if len(text) > MAX_SYSTEM_CHARS:
        raise TooMuch(
            _("A system prompt has at most %(count)s characters. Nothing was changed.")
            % {"count": MAX_SYSTEM_CHARS}
        )
    must_be_clean(text)
    return text.strip()


def _format(text: str) -> str:
    text = text.strip()
    if text in ("", JSON_MODE):
        return text
    if len(text) > MAX_SCHEMA_CHARS:
        raise TooMuch(
            _("A JSON Schema has at most %(count)s characters. Nothing was changed.")
            % {"count": MAX_SCHEMA_CHARS}
        )
    must_be_clean(text)
    try:
        schema = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadCommand(
            _(
                "This is not JSON: something is wrong in line %(line)s, at character %(column)s."
                " Nothing was changed."
            )
            % {"line": error.lineno, "column": error.colno}
        ) from None
    except RecursionError:
        raise BadCommand(_("This schema is nested too deep. Nothing was changed.")) from None
    if not isinstance(schema, dict):
        raise BadCommand(
            _("A JSON Schema is an object, which begins with “{”. Nothing was changed.")
        )
    return text
