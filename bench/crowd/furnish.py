"""Run in the house that is measured, before it opens: people with open sessions, and one model.

python bench/crowd/furnish.py PASSWORD writes their cookies into the house. Nobody here has a
password, so it is not used.
"""

import json

import django

from bench.crowd.script import COOKIES, MODEL, PEOPLE


def furnish() -> None:
    django.setup()
    # These need Django set up.
    from django.conf import settings
    from django.test import Client
    from django.utils import timezone

    from portal.accounts.models import Person
    from portal.catalog.models import Model, ModelState

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
    cookies = []
    for number in range(PEOPLE):
        client = Client()
        client.force_login(Person.objects.create_user(f"person{number}@example.com"))
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        cookies.append(f"{cookie.key}={cookie.value}")
    (settings.PORTAL.home / COOKIES).write_text(json.dumps(cookies))


if __name__ == "__main__":
    furnish()
