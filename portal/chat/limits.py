"""How much of everything one person may have, and texts checked once at the door. Reads no
database."""

from collections.abc import Sequence

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inference import protocol
from portal.chat.errors import BadCommand, TooMuch

MAX_TITLE_CHARS = 200
MAX_DERIVED_TITLE_CHARS = 60
MAX_OPEN_GENERATIONS = 8
MAX_SOCKETS = 50
MAX_FOLLOWED = 64
MAX_COMMANDS_A_SECOND = 30
# Refusals in a row before a flooding socket is closed.
MAX_FLOOD_FRAMES = 300
MAX_OPEN_API_GENERATIONS = 128
MAX_API_MESSAGES = 10_000
MAX_API_CHARS = 4_000_000
# A prompt is cut to the context in tokens by the worker; this only keeps the volume sane. No common
# tokenizer makes tokens of more than eight characters on average.
PROMPT_CHARS_A_TOKEN = 8


def checked_text(text: str, *, has_files: bool = False) -> str:
    """The text, fit for every database and every tokenizer, or a refusal (threat H13). With files
    it may be empty: they are a question by themselves."""
    if len(text) > settings.PORTAL.max_text_chars:
        raise TooMuch(
            ngettext(
                "This text is longer than %(count)s character. Shorten it and send it again.",
                "This text is longer than %(count)s characters. Shorten it and send it again.",
                settings.PORTAL.max_text_chars,
            )
            % {"count": settings.PORTAL.max_text_chars}
        )
    must_be_clean(text)
    if not text.strip() and not has_files:
        raise BadCommand(_("There is nothing to send yet."))
    return text


def checked_title(text: str) -> str:
    title = " ".join(text.split())
    must_be_clean(title)
    if not title:
        raise BadCommand(_("A title needs at least one letter."))
    if len(title) > MAX_TITLE_CHARS:
        raise TooMuch(_("This title is too long."))
    return title


def must_be_clean(text: str) -> None:
    """No NUL and no half of a character: neither can be stored everywhere."""
    if "\x00" in text:
        raise BadCommand(_("This text holds a character that cannot be stored."))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadCommand(_("This text holds a character that cannot be stored.")) from None


def must_be_askable(messages: Sequence[protocol.Message], *, tools: str = "") -> None:
    """Messages of a program: some, not too many, not too long, and clean, as its tools must be."""
    if not messages:
        raise BadCommand(_("There is nothing to send yet."))
    if len(messages) > MAX_API_MESSAGES:
        raise TooMuch(_("This conversation has too many messages."))
    if sum(map(_chars_of, messages)) + len(tools) > MAX_API_CHARS:
        raise TooMuch(_("This conversation is too long."))
    must_be_clean(tools)
    for each in messages:
        for text in (each.content, each.thinking, each.tool_name, each.tool_call_id):
            must_be_clean(text)
        for call in each.tool_calls:
            must_be_clean(call.name + call.arguments + call.id)


def _chars_of(message: protocol.Message) -> int:
    calls = sum(len(call.arguments) for call in message.tool_calls)
    return len(message.content) + len(message.thinking) + calls


def must_be_measurable(texts: Sequence[str]) -> None:
    """Texts to make vectors of, the query among them: not too many, not too long, and clean."""
    if len(texts) > protocol.MAX_INPUTS + 1 or sum(map(len, texts)) > MAX_API_CHARS:
        raise TooMuch(_("These are too many texts, or they are too long."))
    for text in texts:
        must_be_clean(text)


def derived_title(text: str) -> str:
    """The first line that says something, cut at a word where one ends near."""
    line = " ".join(next((line for line in text.splitlines() if line.strip()), "").split())
    if len(line) <= MAX_DERIVED_TITLE_CHARS:
        return line
    cut = line[: MAX_DERIVED_TITLE_CHARS - 1]
    head, space, _tail = cut.rpartition(" ")
    return (head if space and len(head) > MAX_DERIVED_TITLE_CHARS // 2 else cut) + "…"
