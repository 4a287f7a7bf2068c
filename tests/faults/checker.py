"""After a campaign: is every acknowledged message stored once, answered once, shown as stored?

Reads the database and Redis of the portal that `campaign` ran. The six questions of the fault plan.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import django
from django.core.management import call_command

from tests.catalog.gguf_files import chat_gguf

if TYPE_CHECKING:
    from tests.faults.campaign import Story

SETTLED_WITHIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A person and the cookie of her session."""

    email: str
    cookie: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One acknowledged message."""

    email: str
    text: str
    message_id: str
    generation_id: str


def prepare_database() -> None:
    """Migrate the campaign's own database."""
    django.setup()
    call_command("migrate", verbosity=0)


def make_people(names: Iterable[str], *, model_name: str) -> list[SignedIn]:
    """People with open sessions, and one published model for all. Waits for nothing."""
    # Imported here: models exist only after django.setup().
    from django.conf import settings
    from django.test import Client

    from portal.accounts.models import Person
    from portal.catalog import actions
    from portal.catalog.models import Model, ModelState

    # With a file, or the next look at the store takes the model out.
    weights = settings.PORTAL.home / "weights.gguf"
    weights.write_bytes(chat_gguf(context=4096))
    model = actions.import_file(None, source=actions.LocalFile(path=weights), name=model_name)
    Model.objects.filter(id=model.id).update(
        state=ModelState.READY, is_published=True, is_for_everyone=True
    )
    signed_in = []
    for name in names:
        person = Person.objects.create_user(f"{name}@example.com")
        client = Client()
        client.force_login(person)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        signed_in.append(SignedIn(email=person.email, cookie=f"{cookie.key}={cookie.value}"))
    return signed_in


def findings(story: "Story", *, script: str) -> list[str]:
    """Everything that is not as promised, one sentence each."""
    return [
        *_stored_once(story),
        *_ended_once(story),
        *_shown_is_stored(story, script=script),
        *_the_untouched_are_complete(story),
        *_nobody_saw_a_stranger(story),
        *_nothing_is_held(),
    ]


def _stored_once(story: "Story") -> list[str]:
    from portal.chat.models import Message

    found = []
    for asked in story.acknowledged:
        rows = Message.objects.filter(author__email=asked.email, text=asked.text)
        if [str(row.id) for row in rows] != [asked.message_id]:
            found.append(f"{asked.text!r} is stored {rows.count()} times")
    if Message.objects.count() != len(story.acknowledged):
        found.append(
            f"{Message.objects.count()} messages stored, {len(story.acknowledged)} acknowledged"
        )
    return found


def _ended_once(story: "Story") -> list[str]:
    from portal.chat.models import OVER, Generation

    found = []
    for asked in story.acknowledged:
        rows = list(Generation.objects.filter(message_id=asked.message_id))
        if [str(row.id) for row in rows] != [asked.generation_id]:
            found.append(f"{asked.text!r} has {len(rows)} generations")
        found += [f"{asked.text!r} is {row.state}" for row in rows if row.state not in OVER]
    for shown in story.shown.values():
        if shown.ends_seen > 1:
            found.append(f"{shown.generation_id} ended {shown.ends_seen} times in one tab")
    return found


def _shown_is_stored(story: "Story", *, script: str) -> list[str]:
    from portal.chat.models import Generation, State

    found = []
    taken_back: list[str] = []
    states: dict[str, int] = {}
    for asked in story.acknowledged:
        row = Generation.objects.get(id=asked.generation_id)
        states[row.state] = states.get(row.state, 0) + 1
        shown = story.shown[asked.generation_id]
        if shown.text != row.text:
            found.append(
                f"{asked.text!r}: shown {_brief(shown.text)} but stored {_brief(row.text)}"
                f" ({row.state} {row.reason})"
            )
        if not row.text.startswith(shown.seen):
            line = f"{asked.text!r}: seen {_brief(shown.seen)}, stored {_brief(row.text)}"
            taken_back.append(line)
        if row.state == State.COMPLETE and row.text.strip() != script.strip():
            found.append(f"{asked.text!r} is complete with {_brief(row.text)}")
        if not script.startswith(row.text):
            found.append(f"{asked.text!r} is not a beginning of the script: {_brief(row.text)}")
    if story.may_forget:
        for line in taken_back:
            print(f"taken back, for Redis forgot it: {line}")  # noqa: T201 - a report
    else:
        found += taken_back
    print("answers:", ", ".join(f"{count} {state}" for state, count in sorted(states.items())))  # noqa: T201 - a report
    return found


def _the_untouched_are_complete(story: "Story") -> list[str]:
    """Web, recorder and Celery may die without any answer noticing."""
    from portal.chat.models import Generation, State

    if story.may_interrupt:
        return []
    return [
        f"{row.id} is {row.state} {row.reason}, though nothing on its road was struck"
        for row in Generation.objects.exclude(state=State.COMPLETE)
    ]


def _nobody_saw_a_stranger(story: "Story") -> list[str]:
    return [f"a tab was sent {stranger}, which it did not follow" for stranger in story.strangers]


def _nothing_is_held() -> list[str]:
    """Leases, requests and queue entries return to nothing, soon."""
    from portal.streams.connection import client

    deadline = time.monotonic() + SETTLED_WITHIN_SECONDS
    left: list[Any] = []
    while time.monotonic() < deadline:
        redis = client()
        left = [
            key
            for pattern in ("portal:lease:*", "portal:request:*", "portal:queue:*")
            for key in redis.scan_iter(match=pattern)
        ]
        if not left:
            return []
        time.sleep(0.2)
    return [f"still held in Redis: {key!r}" for key in left]


def _brief(text: str) -> str:
    return f"{len(text)} characters ending {text[-24:]!r}"
