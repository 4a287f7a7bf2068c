"""Run in the house that is measured, before it opens: one person, one model, her long talk.

python bench/page/furnish.py PASSWORD
"""

import sys

import django
from django.utils import timezone

from bench.page.script import CHINESE, LONG_QUESTIONS, MODEL, PERSON


def furnish(password: str) -> None:
    django.setup()
    # These need Django set up.
    from portal.accounts.models import Person
    from portal.catalog.models import Model, ModelState
    from tests.browser.long_talk import talk

    email = f"{PERSON}@example.com"
    Person.objects.create_user(email, password, name="Paula")
    Person.objects.create_user(f"{CHINESE}@example.com", password, name="宝拉", language="zh-hans")
    Model.objects.create(
        name=MODEL,
        digest="0" * 64,
        weights="0" * 64,
        state=ModelState.READY,
        size_bytes=1,
        family="scripted",
        context_length=32_768,
        capabilities=["completion"],
        is_published=True,
        is_for_everyone=True,
        modified_at=timezone.now(),
    )
    talk(email, LONG_QUESTIONS)


if __name__ == "__main__":
    furnish(sys.argv[1])
