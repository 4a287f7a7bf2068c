"""`portal run`: one answer, one vector, or a conversation. Not for the conversation itself."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cli import answers, pictures, progress
from cli.answers import Style
from cli.errors import Failed, NotAllowed, NotFound
from cli.server import Fields, Server
from cli.talk import Talk
from cli.values import Think


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What `run` was asked for. `prompt` None means: nothing was given and nothing was piped."""

    model: str
    prompt: str | None
    keep_alive: str
    insecure: bool
    answer_format: Any
    think: Think | None
    truncate: bool | None
    dimensions: int | None
    style: Style


def prompt_of(words: Sequence[str]) -> str | None:
    """What was piped in, a blank, and the words of the command line."""
    piped = "" if sys.stdin.isatty() else sys.stdin.read()
    parts = [part for part in (piped, " ".join(words)) if part]
    if parts:
        return " ".join(parts)
    return None if sys.stdin.isatty() else ""


def run(server: Server, wanted: Wanted) -> None:
    info = _shown_or_pulled(server, wanted)
    capabilities = info.get("capabilities") or []
    if "embedding" in capabilities and "completion" not in capabilities:
        _embed(server, wanted)
        return
    think = wanted.think
    if think is None and "thinking" in capabilities:
        think = True
    if wanted.prompt is None and sys.stdout.isatty():
        # Only now: the library behind the prompt takes a while to load.
        from cli.prompt import converse

        converse(_talk(server, wanted, info=info, think=think))
    else:
        _answer(server, wanted, info=info, think=think)


def _shown_or_pulled(server: Server, wanted: Wanted) -> Fields:
    try:
        return server.show(wanted.model)
    except NotFound as missing:
        try:
            progress.show(server.pull(wanted.model, insecure=wanted.insecure))
        except NotAllowed:
            raise Failed(
                f"{missing}. Whoever manages models can fetch it, with a key for that:"
                f" 'portal pull {wanted.model}'."
            ) from None
        return server.show(wanted.model)


def _talk(server: Server, wanted: Wanted, *, info: Fields, think: Think | None) -> Talk:
    return Talk(
        server=server,
        model=wanted.model,
        info=info,
        keep_alive=wanted.keep_alive,
        answer_format=wanted.answer_format,
        think=think,
        style=wanted.style,
    )


def _answer(server: Server, wanted: Wanted, *, info: Fields, think: Think | None) -> None:
    prompt, images = wanted.prompt or "", tuple[bytes, ...]()
    if "vision" in (info.get("capabilities") or []):
        prompt, images = _with_pictures(prompt)
    asked: Fields = {
        "model": wanted.model,
        "prompt": prompt,
        "images": list(images),
        "format": wanted.answer_format,
        "think": think,
        "keep_alive": wanted.keep_alive or None,
    }
    filled = {name: value for name, value in asked.items() if value not in (None, [], "")}
    answer = answers.show(server.generate(filled), style=wanted.style)
    if prompt:
        sys.stdout.write("\n\n")
        sys.stdout.flush()
    if wanted.style.is_verbose:
        answers.tell_statistics(answer.last)


def _with_pictures(prompt: str) -> tuple[str, tuple[bytes, ...]]:
    try:
        taken = pictures.taken_from(prompt)
    except pictures.NotAPicture as error:
        raise Failed(str(error)) from None
    sys.stderr.write("".join(f"{line}\n" for line in taken.told))
    return taken.text, taken.images


def _embed(server: Server, wanted: Wanted) -> None:
    if not wanted.prompt:
        raise Failed(
            "embedding models require input text."
            f' Usage: portal run {wanted.model} "your text here"'
        )
    asked: Fields = {
        "model": wanted.model,
        "input": wanted.prompt,
        "truncate": wanted.truncate,
        "dimensions": wanted.dimensions,
        "keep_alive": wanted.keep_alive or None,
    }
    vector = server.embed({name: value for name, value in asked.items() if value is not None})
    sys.stdout.write(json.dumps(vector, separators=(",", ":")) + "\n")
