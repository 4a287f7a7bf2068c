"""How often and how much: of a person, of a key, of those without one."""

import datetime
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from portal import clock
from portal.accounts import anonymous, keys, quotas, usage
from portal.accounts.models import ApiKey, Person, Usage
from portal.chat.errors import TooOften
from portal.streams.connection import client


def configure(settings: Any, **values: int) -> None:
    settings.PORTAL = replace(settings.PORTAL, **values)


def with_key(person: Person, **limits: int) -> Person:
    key, _ = keys.make_key(person, name="laptop", limits=keys.Limits(**limits))
    person.asking_with = key
    return person


def asked(person: Person, times: int, *, address: str = "") -> int:
    """How many of so many requests were let in."""
    let_in = 0
    for _ in range(times):
        try:
            quotas.count_request(person, address=address)
        except TooOften:
            continue
        let_in += 1
    return let_in


def use(person: Person, tokens: int, *, key: ApiKey | None = None) -> None:
    usage.book(person.pk, key.pk if key else None, prompt_tokens=tokens - 1, answer_tokens=1)


@pytest.mark.threat("A3")
def test_a_person_asks_so_often_a_minute_and_no_oftener(ada: Person, settings: Any) -> None:
    configure(settings, requests_a_minute=3)

    assert asked(ada, 5) == 3


def test_what_one_asks_is_not_counted_against_another(
    ada: Person, boris: Person, settings: Any
) -> None:
    configure(settings, requests_a_minute=1)

    assert (asked(ada, 2), asked(boris, 2)) == (1, 1)


def test_all_keys_of_a_person_share_her_requests(ada: Person, settings: Any) -> None:
    configure(settings, requests_a_minute=2)

    assert asked(with_key(ada), 2) + asked(with_key(ada), 2) == 2


def test_a_key_may_have_less_than_its_owner(ada: Person, settings: Any) -> None:
    configure(settings, requests_a_minute=10)

    assert asked(with_key(ada, requests_a_minute=2), 5) == 2
    assert asked(with_key(ada), 3) == 3


def test_no_limit_is_none(ada: Person, settings: Any) -> None:
    configure(settings, requests_a_minute=0)

    assert asked(ada, 20) == 20


def test_the_refusal_says_when_to_come_again(ada: Person, settings: Any) -> None:
    configure(settings, requests_a_minute=1)
    quotas.count_request(ada)

    with pytest.raises(TooOften, match="More than 1 request came within a minute") as refused:
        quotas.count_request(ada)

    assert 1 <= (refused.value.retry_after_seconds or 0) <= 61


@pytest.mark.threat("A3")
@pytest.mark.threat("A2")
def test_a_hundred_at_once_are_counted_exactly(ada: Person, settings: Any) -> None:
    configure(settings, requests_a_minute=30)

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(lambda _: asked(ada, 1), range(100))) == 30


def test_without_redis_nobody_is_refused(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr("portal.streams.rates.take", away)

    quotas.count_request(ada)


@pytest.mark.threat("A16")
def test_wrong_keys_of_one_address_are_answered_more_slowly_than_they_come(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "MAX_WRONG_KEYS_A_MINUTE", 2)
    quotas.count_wrong_key("10.0.0.1")
    quotas.count_wrong_key("10.0.0.1")

    with pytest.raises(TooOften):
        quotas.count_wrong_key("10.0.0.1")
    quotas.count_wrong_key("10.0.0.2")


def test_whoever_has_used_her_tokens_waits_for_the_next_day(
    ada: Person, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(settings, tokens_a_day=100)
    use(ada, 99)
    quotas.must_have_tokens(ada)
    use(ada, 1)

    with pytest.raises(TooOften, match="used up: 100 of 100") as refused:
        quotas.must_have_tokens(ada)
    assert 0 < (refused.value.retry_after_seconds or 0) <= 24 * 3600

    next_day = usage.tomorrow() + datetime.timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: next_day)
    quotas.must_have_tokens(ada)


@pytest.mark.parametrize(
    ("own", "configured", "most"),
    [(None, 0, None), (None, 50, 50), (7, 50, 7), (0, 50, None), (7, 0, 7)],
)
def test_a_persons_own_number_goes_before_the_portals(
    ada: Person, settings: Any, own: int | None, configured: int, most: int | None
) -> None:
    configure(settings, tokens_a_day=configured)
    ada.tokens_a_day = own

    assert quotas.most_tokens(ada) == most


def test_a_key_has_a_day_of_its_own(ada: Person) -> None:
    asking = with_key(ada, tokens_a_day=10)
    use(ada, 500)
    quotas.must_have_tokens(asking)
    use(ada, 10, key=asking.asking_with)

    with pytest.raises(TooOften):
        quotas.must_have_tokens(asking)
    ada.asking_with = None
    quotas.must_have_tokens(ada)


def test_those_without_a_key_share_one_small_day_and_count_each_address(
    db: None, settings: Any
) -> None:
    configure(settings, anonymous_requests_a_minute=2, anonymous_tokens_a_day=10)
    nobody = anonymous.nobody()
    assert nobody is not None

    assert asked(nobody, 3, address="10.0.0.1") == 2
    assert asked(nobody, 3, address="10.0.0.2") == 2
    use(nobody, 10)
    with pytest.raises(TooOften):
        quotas.must_have_tokens(nobody)


@pytest.mark.threat("I1")
@pytest.mark.django_db(transaction=True)
def test_answers_that_end_at_once_are_all_counted(ada: Person) -> None:
    def end_one(_: int) -> None:
        try:
            use(ada, 10)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(end_one, range(40)))

    assert usage.of_person(ada).total == 400
    assert Usage.objects.get().answers == 40


@pytest.mark.threat("G4")
def test_a_redis_that_comes_back_empty_gives_nobody_more_tokens(ada: Person, settings: Any) -> None:
    configure(settings, tokens_a_day=5)
    use(ada, 5)
    client().flushall()

    with pytest.raises(TooOften):
        quotas.must_have_tokens(ada)
