"""Everything a person can be told. Not for faults of ours: those are logged, never shown.

ChatError
  NotFound        404   hidden or never there
    Retired       404   this model is no longer offered
  Forbidden       403   visible, but not this
  BadCommand      400   we did not understand
  TooMuch         413   too long, too many
  TooOften        429   try again at `retry_at`
    ReadsTooSlowly 429  first take what was sent before
  Conflict        409   changed under your hands
    AnswerRunning 409   one answer at a time in a conversation
    Unloadable    409   this model cannot be loaded
    DoesNotAnswer 409   this model is for embeddings
  Unavailable     503   a part of us is down; nothing was lost
    QueueFull     503   too many wait for this model already
    BeingChecked  503   this model is new, and not tried yet

`str(error)` is a sentence in the language that is active at that moment. No error carries text of
prompts or answers, keys, or paths.
"""

import datetime
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Sentence = str | Promise

_NOT_FOUND: dict[str, Sentence] = {
    "conversation": _("This conversation does not exist."),
    "message": _("This message does not exist."),
    "next": _("This question waits no longer: it was sent or taken back."),
    "generation": _("This answer does not exist."),
    "model": _("This model does not exist, or you may not use it."),
    "job": _("This job does not exist. Reload the page to see those that do."),
    "alias": _("This stable name does not exist any more."),
    "folder": _("This folder does not exist any more."),
    "file": _("This file is not there any more. Attach it again, then send your question."),
    "share": _("This shared chat does not exist, or it is not shared with you any more."),
    "group": _("This group does not exist, or you are not in it."),
    "preset": _("This preset does not exist, or it is not published to you any more."),
    "template": _("This prompt template does not exist any more."),
}


class ChatError(Exception):
    """A refusal. `code` is its word in frames, `status` its number over HTTP."""

    status: ClassVar[int]
    code: ClassVar[str]
    sentence: Sentence = ""

    def __init__(self, sentence: Sentence | None = None) -> None:
        super().__init__()
        if sentence is not None:
            self.sentence = sentence

    @property
    def retry_after_seconds(self) -> int | None:
        return None

    def __str__(self) -> str:
        return str(self.sentence)


class NotFound(ChatError):
    status = 404
    code = "not-found"

    def __init__(self, what: str) -> None:
        super().__init__(_NOT_FOUND.get(what, _("This does not exist.")))
        self.what = what


class Retired(NotFound):
    """Programs are told what they are told of any model that is not there."""

    code = "retired"

    def __init__(self) -> None:
        super().__init__("model")
        self.sentence = _(
            "This model has been retired. Pick another one; your conversation stays as it is."
        )


class Forbidden(ChatError):
    status = 403
    code = "forbidden"
    sentence = _("You may not do this.")


class BadCommand(ChatError):
    status = 400
    code = "bad-command"
    sentence = _("The portal did not understand this. Reload the page and try again.")


class TooMuch(ChatError):
    status = 413
    code = "too-much"
    sentence = _("This is too much at once.")


class TooOften(ChatError):
    status = 429
    code = "too-often"
    sentence = _("Too many requests. Wait a moment and try again.")

    def __init__(
        self, sentence: Sentence | None = None, *, retry_at: datetime.datetime | None = None
    ) -> None:
        super().__init__(sentence)
        self.retry_at = retry_at

    @property
    def retry_after_seconds(self) -> int | None:
        if self.retry_at is None:
            return 1
        left = self.retry_at - datetime.datetime.now(tz=datetime.UTC)
        return max(1, round(left.total_seconds()))


class ReadsTooSlowly(TooOften):
    sentence = _(
        "What you asked for before is still on its way to you. This was not done, and nothing was"
        " lost; try again in a moment."
    )


class Conflict(ChatError):
    status = 409
    code = "conflict"
    sentence = _("This has changed in the meantime. Reload the page and try again.")


class AnswerRunning(Conflict):
    sentence = _("An answer is still being written. Wait for it, or stop it first.")


class Unavailable(ChatError):
    status = 503
    code = "unavailable"
    sentence = _("The portal cannot do this right now. Nothing was lost; try again soon.")

    def __init__(self, sentence: Sentence | None = None, *, retry_after_seconds: int = 5) -> None:
        super().__init__(sentence)
        self._retry_after_seconds = retry_after_seconds

    @property
    def retry_after_seconds(self) -> int | None:
        return self._retry_after_seconds


class QueueFull(Unavailable):
    sentence = _(
        "Too many questions are waiting for this model. Yours was not sent; try again soon."
    )


class BeingChecked(Unavailable):
    sentence = _("This model is new and is still being checked. Try again in a moment.")


class Unloadable(Conflict):
    sentence = _("This model cannot be loaded. Pick another one, or tell your administrator.")


class DoesNotAnswer(Conflict):
    sentence = _("This model does not write answers. Pick another one.")
