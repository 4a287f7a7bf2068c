"""What a person thinks of an answer: stored, changed and taken back by her alone.

Administrators read ratings (admin.py), never what was asked or answered (threat B9).
"""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal import clock
from portal.accounts.models import Person
from portal.audit.record import record
from portal.chat import access, limits
from portal.chat.errors import Conflict, TooMuch
from portal.chat.models import Rating

Reason = Literal[
    "correct",
    "clear",
    "complete",
    "wrong",
    "ignored",
    "too-long",
    "too-short",
    "language",
    "harmful",
]
MAX_NOTE_CHARS = 2_000

# What each means, for whoever reads ratings; the page has its own words for who gives them.
REASONS = {
    "correct": gettext_lazy("correct"),
    "clear": gettext_lazy("clear"),
    "complete": gettext_lazy("complete"),
    "wrong": gettext_lazy("wrong"),
    "ignored": gettext_lazy("not what was asked"),
    "too-long": gettext_lazy("too long"),
    "too-short": gettext_lazy("too short"),
    "language": gettext_lazy("wrong language"),
    "harmful": gettext_lazy("harmful"),
}


@transaction.atomic
def rate(
    person: Person,
    *,
    generation_id: UUID,
    verdict: Literal["good", "bad"] | None,
    reasons: Sequence[Reason],
    note: str,
) -> None:
    """The last word counts; a verdict of None takes it back."""
    generation = access.generation_for_reading(person, generation_id)
    access.message_answered(generation)
    if not generation.is_over:
        raise Conflict(_("This answer is still being written. Rate it when it is there."))
    note = note.strip()
    limits.must_be_clean(note)
    if len(note) > MAX_NOTE_CHARS:
        raise TooMuch(_("This note is too long. Nothing was stored; shorten it and try again."))
    if verdict is None:
        Rating.objects.filter(generation=generation).delete()
        record(person, "generation.unrated", generation)
        return
    Rating.objects.update_or_create(
        generation=generation,
        defaults={
            "verdict": verdict,
            "reasons": sorted(set(reasons)),
            "note": note,
            "model_name": generation.model_name,
            "rated_at": clock.now(),
        },
    )
    record(person, "generation.rated", generation, verdict=verdict)
