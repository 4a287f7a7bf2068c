"""The words of presets and templates, checked once at the door. Reads no database."""

import re
from typing import Annotated, Any

from django.utils.translation import gettext as _
from msgspec import Meta, Struct

from portal.chat.errors import BadCommand, TooMuch
from portal.chat.limits import must_be_clean
from portal.chat.vocabulary import Words
from portal.presets.chosen import Chosen

MAX_NAME_CHARS = 80
MAX_ICON_CHARS = 16
MAX_DESCRIPTION_CHARS = 200
MAX_MODEL_CHARS = 512
MAX_STARTERS = 8
MAX_STARTER_CHARS = 2_000
MAX_TEMPLATE_CHARS = 20_000
_TEMPLATE_NAME = re.compile(r"\w[\w-]{0,39}")
# What a person types behind the slash and is meant otherwise.
COMMANDS = frozenset({"set", "show", "load", "save", "clear", "list", "help", "bye", "exit"})


class PresetFields(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person says of a preset."""

    name: Words
    icon: Words = ""
    description: Words = ""
    model_name: Words = ""
    starters: Annotated[list[Words], Meta(max_length=100)] = []
    settings: Chosen = Chosen()


def values_of(fields: PresetFields) -> dict[str, Any]:
    name = _line(fields.name, most=MAX_NAME_CHARS)
    if not name:
        raise BadCommand(_("A preset needs a name."))
    return {
        "name": name,
        "icon": _line(fields.icon, most=MAX_ICON_CHARS),
        "description": _line(fields.description, most=MAX_DESCRIPTION_CHARS),
        "model_name": _line(fields.model_name, most=MAX_MODEL_CHARS),
        "starters": checked_starters(fields.starters),
    }


def checked_starters(starters: list[str]) -> list[str]:
    found = [text.strip() for text in starters if text.strip()]
    if len(found) > MAX_STARTERS or any(len(text) > MAX_STARTER_CHARS for text in found):
        raise TooMuch(
            _("At most %(count)s starters fit, of at most %(chars)s characters each.")
            % {"count": MAX_STARTERS, "chars": MAX_STARTER_CHARS}
        )
    for text in found:
        must_be_clean(text)
    return found


def checked_template_name(text: str) -> str:
    """As it is typed behind a slash: letters of any language, digits, dashes, underscores."""
    name = text.strip().removeprefix("/").lower()
    if not _TEMPLATE_NAME.fullmatch(name):
        raise BadCommand(
            _("A name is one word of letters, digits and dashes, such as “translate”.")
        )
    if name in COMMANDS:
        raise BadCommand(_("This is the name of a command. Choose another name."))
    return name


def checked_template(text: str) -> str:
    if len(text) > MAX_TEMPLATE_CHARS:
        raise TooMuch(
            _("A prompt template has at most %(count)s characters.") % {"count": MAX_TEMPLATE_CHARS}
        )
    must_be_clean(text)
    if not text.strip():
        raise BadCommand(_("A prompt template needs a text."))
    return text.strip()


def _line(text: str, *, most: int) -> str:
    line = " ".join(text.split())
    must_be_clean(line)
    if len(line) > most:
        raise TooMuch(_("“%(text)s…” is too long.") % {"text": line[:40]})
    return line
