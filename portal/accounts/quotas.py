"""How often and how much: requests a minute, tokens a day, of each person and each key.

Not for counting: requests are counted in Redis (streams/rates.py), tokens in the database
(usage.py). Where Redis is away nobody is refused for asking often: nobody is answered then either.
What is being answered when the tokens run out is answered to its end.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal import clock
from portal.accounts import usage
from portal.accounts.models import ApiKey, Person
from portal.chat.errors import TooOften
from portal.streams import rates
from portal.streams.connection import AWAY

log = logging.getLogger(__name__)

MAX_WRONG_KEYS_A_MINUTE = 120
# Files of conversations. Each may be thousands of rows, and on SQLite nobody else writes meanwhile.
MAX_FILES_A_MINUTE = 6
# Each is written to the disk, and opened by a process of its own.
MAX_ATTACHMENTS_A_MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Tokens of this day. `most` None: without a limit."""

    used: int
    most: int | None

    @property
    def is_spent(self) -> bool:
        return self.most is not None and self.used >= self.most


def count_request(person: Person, *, address: str = "") -> None:
    """One more request of a program, or `TooOften`. `address` is where one without a key is."""
    if person.is_system:
        _take("requests", f"from:{address}", settings.PORTAL.anonymous_requests_a_minute)
        return
    _take("requests", f"person:{person.pk}", settings.PORTAL.requests_a_minute)
    if person.asking_with is not None:
        _take("requests", f"key:{person.asking_with.pk}", person.asking_with.requests_a_minute)


def count_wrong_key(address: str) -> None:
    """`TooOften` for whoever keeps trying keys from one address (threat A16).

    Only wrong keys are counted and refused: an office may share an address, and a program with a
    wrong key in it must not shut out the others.
    """
    seconds = _seconds_to_wait("wrong-keys", address, MAX_WRONG_KEYS_A_MINUTE)
    if seconds is not None:
        sentence = _("Too many wrong keys came from this address. Check the key, then try again.")
        raise _too_often(sentence, seconds)


def count_file(person: Person) -> None:
    """One more file of conversations that is taken in, or `TooOften`."""
    _take("files", f"person:{person.pk}", MAX_FILES_A_MINUTE)


def count_attachment(person: Person) -> None:
    """One more file that she adds to a question, or `TooOften`."""
    _take("attachments", f"person:{person.pk}", MAX_ATTACHMENTS_A_MINUTE)


def must_have_tokens(person: Person) -> None:
    """`TooOften` when the tokens of this day are used up, her own or those of the key in use.

    Asked where one press of a person waits for the other, and answered by the database alone.
    """
    for day in (day_of(person), _day_of_key(person.asking_with)):
        if day is not None and day.is_spent:
            raise _spent(day)


def day_of(person: Person) -> Day | None:
    """What this person has used of her day; None where there is no limit."""
    most = most_tokens(person)
    return None if most is None else Day(used=usage.of_person(person).total, most=most)


def most_tokens(person: Person) -> int | None:
    """A day's tokens of this person: her own number, else as configured. None: no limit."""
    configured = settings.PORTAL.tokens_a_day
    if person.is_system:
        configured = settings.PORTAL.anonymous_tokens_a_day
    own = person.tokens_a_day
    return (configured if own is None else own) or None


def _day_of_key(key: ApiKey | None) -> Day | None:
    if key is None or not key.tokens_a_day:
        return None
    return Day(used=usage.of_key(key).total, most=key.tokens_a_day)


def _take(what: str, who: str, most_a_minute: int | None) -> None:
    if not most_a_minute:
        return
    seconds = _seconds_to_wait(what, who, most_a_minute)
    if seconds is not None:
        sentence = ngettext(
            "More than %(count)s request came within a minute. Wait a moment and try again.",
            "More than %(count)s requests came within a minute. Wait a moment and try again.",
            most_a_minute,
        )
        raise _too_often(sentence % {"count": most_a_minute}, seconds)


def _seconds_to_wait(what: str, who: str, most_a_minute: int) -> int | None:
    try:
        return rates.take(what, who, most_a_minute=most_a_minute)
    except AWAY as error:
        log.warning("requests are not counted: %s", type(error).__name__)
        return None


def _spent(day: Day) -> TooOften:
    seconds = (usage.tomorrow() - clock.now()).total_seconds()
    hours = max(1, round(seconds / 3600))
    sentence = ngettext(
        "The tokens of this day are used up: %(used)s of %(most)s. Nothing was sent."
        " Go on in about %(hours)s hour, or ask your administrator for more.",
        "The tokens of this day are used up: %(used)s of %(most)s. Nothing was sent."
        " Go on in about %(hours)s hours, or ask your administrator for more.",
        hours,
    )
    words = sentence % {"used": day.used, "most": day.most, "hours": hours}
    return _too_often(words, round(seconds))


def _too_often(sentence: str, seconds: int) -> TooOften:
    return TooOften(sentence, retry_at=clock.now() + timedelta(seconds=max(1, seconds)))
