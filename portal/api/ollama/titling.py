"""Requests that nobody typed: ChatBox asks for the name of a conversation on the model in use.

A name is short and nobody waits for it, so such a request gives way to all others, does not think,
and ends after a few words. Not for the titles of our own page.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from inference import protocol
from portal.catalog.models import Model
from portal.chat.prompts import Wishes

# How it begins in every release, whatever the language the name is wanted in.
OPENING = "Based on the chat history, give this conversation a name"
# The client asks for ten characters; a name of several words in any script fits in this.
MAX_TITLE_TOKENS = 64


def is_for_title(messages: Sequence[protocol.Message]) -> bool:
    """Whether this is such a request: that one message, beside the system's."""
    asked = [message for message in messages if message.role != "system"]
    return len(asked) == 1 and asked[0].content.lstrip().startswith(OPENING)


def short(options: protocol.Options) -> protocol.Options:
    most = options.num_predict
    capped = MAX_TITLE_TOKENS if most is None else min(most, MAX_TITLE_TOKENS)
    return replace(options, num_predict=capped)


def unthinking(wishes: Wishes, model: Model) -> Wishes:
    return replace(wishes, think=False) if "thinking" in model.capabilities else wishes
