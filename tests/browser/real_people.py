"""Run in the house with the real model, before it opens: who works there.

python tests/browser/real_people.py PASSWORD
"""

import sys

import django

django.setup()

from portal.accounts.models import Person  # noqa: E402 - Django had to be set up first


def furnish(password: str) -> None:
    Person.objects.create_user("alice@example.com", password, name="Alice Arnold")
    Person.objects.create_superuser("carol@example.com", password, name="Carol")


if __name__ == "__main__":
    furnish(sys.argv[1])
