"""Less of a document, where a context is too small for all of it, rather than none.

A question with a document is worth more than older turns: those go first, then the document is
shortened from its end. Not for how a prompt is made: `build` is `PromptBuilder.build`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from inference.engine.pictures.seen import Seen
from inference.engine.prompt import Prompt, TooLong
from inference.protocol import Message

Build = Callable[..., Prompt]

# In few steps rather than as far as each prompt needs: so a talk that goes on begins for several
# turns with the very same text, and is not read anew each time.
_STEP, _STEPS = 0.75, 40
SHARES = tuple(_STEP**step for step in range(1, _STEPS))
# What stays free for the answer, and behind an older question for a few turns more.
_FREE_NEW, _FREE_OLD = 4, 8
# Stands where something was left out, so that the model does not take a part for the whole.
REST = "\n[The rest of this document did not fit and was left out.]"


def built(
    build: Build,
    messages: Sequence[Message],
    *,
    pictures: Sequence[Seen] = (),
    context_length: int,
    **how: Any,
) -> Prompt:
    """A prompt with all of every document or, if that is too long, with as much as there is room
    for. Raises what `build` raises."""
    newest = _newest_with_documents(messages)
    if newest is None or not how.get("truncate", True):
        return build(messages, pictures=pictures, **how)
    try:
        whole = build(_shortened(messages, share=1.0), pictures=pictures, **how)
    except TooLong:
        whole = None
    if whole is not None and _reaches_back(whole, messages, to=newest):
        return _counted(whole, _read(whole, messages), share=1.0)
    kept = [at for at, each in enumerate(messages) if at >= newest or each.role == "system"]
    newer = [messages[at] for at in kept]
    fitting = partial(
        _most, build, pictures=_pictures_of(kept, messages, pictures), room=context_length, **how
    )
    found = _shorter(fitting, newer, newest=kept.index(newest), context_length=context_length)
    if found is not None:
        is_all = len(kept) == len(messages)
        count = 0 if is_all else sum(each.role != "system" for each in newer)
        return replace(found, read_messages=count)
    if whole is None:
        raise TooLong
    return _counted(whole, _read(whole, messages), share=1.0)


def _shorter(
    fitting: Callable[..., tuple[Prompt, int] | None],
    messages: Sequence[Message],
    *,
    newest: int,
    context_length: int,
) -> Prompt | None:
    """With as much as was read when its question was new, as long as there is room for that."""
    asked = messages[: newest + 1]
    first = fitting(asked, room=context_length - context_length // _FREE_NEW)
    if first is None or len(asked) == len(messages):
        return first[0] if first else None
    room = context_length - context_length // _FREE_OLD
    found = fitting(messages, room=room, begin=first[1])
    return found[0] if found else None


def _most(
    build: Build,
    messages: Sequence[Message],
    *,
    pictures: Sequence[Seen],
    room: int,
    begin: int = 0,
    **how: Any,
) -> tuple[Prompt, int] | None:
    """With the largest share, from step `begin` on, at which all of these messages fit in that
    room; and its step."""
    best: tuple[Prompt, int] | None = None
    fails, fits = begin - 1, len(SHARES)
    while fits - fails > 1:
        middle = (fails + fits) // 2
        share = SHARES[middle]
        try:
            prompt = build(_shortened(messages, share=share), pictures=pictures, **how)
        except TooLong:
            prompt = None
        if prompt is None or prompt.read_messages or len(prompt.tokens) > room:
            fails = middle
        else:
            fits, best = middle, (_counted(prompt, messages, share=share), middle)
    return best


def _newest_with_documents(messages: Sequence[Message]) -> int | None:
    """Where the newest message with a document stands."""
    return next((at for at in reversed(range(len(messages))) if messages[at].excerpts), None)


def _reaches_back(prompt: Prompt, messages: Sequence[Message], *, to: int) -> bool:
    wanted = sum(each.role != "system" for each in messages[to:])
    return not prompt.read_messages or prompt.read_messages >= wanted


def _read(prompt: Prompt, messages: Sequence[Message]) -> list[Message]:
    """Those that are in it; where there are documents, the others do not matter."""
    others = [each for each in messages if each.role != "system"]
    return others[-prompt.read_messages :] if prompt.read_messages else others


def _pictures_of(
    kept: Sequence[int], messages: Sequence[Message], pictures: Sequence[Seen]
) -> list[Seen]:
    """Those of the kept messages, among those of all."""
    found: list[Seen] = []
    count = 0
    for at, message in enumerate(messages):
        if at in kept:
            found.extend(pictures[count : count + len(message.images)])
        count += len(message.images)
    return found


def _counted(prompt: Prompt, messages: Sequence[Message], *, share: float) -> Prompt:
    whole = cut = 0
    for message in messages:
        for excerpt in message.excerpts:
            length = excerpt.end - excerpt.start
            whole += length + excerpt.missing
            cut += length - int(length * share) + excerpt.missing
    return replace(prompt, document_chars=whole, cut_chars=cut)


def _shortened(messages: Sequence[Message], *, share: float) -> list[Message]:
    return [_with_less(message, share=share) for message in messages]


def _with_less(message: Message, *, share: float) -> Message:
    """With so much of each of its documents, from their beginnings."""
    if not message.excerpts:
        return message
    parts, read = [], 0
    for excerpt in message.excerpts:
        kept_end = excerpt.start + int((excerpt.end - excerpt.start) * share)
        parts.append(message.content[read:kept_end])
        if kept_end < excerpt.end or excerpt.missing:
            parts.append(REST)
        read = excerpt.end
    parts.append(message.content[read:])
    return msgspec.structs.replace(message, content="".join(parts), excerpts=())
