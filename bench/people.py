"""Run in the portal that is measured, once: `people.py COUNT SYSTEM` prints keys of new people.

SYSTEM becomes the system prompt of every model, as an administrator would publish it.
"""

import json
import sys

import django


def main(count: int, system: str) -> None:
    django.setup()
    # Imported here: models exist only after django.setup().
    from portal.accounts import keys
    from portal.accounts.models import Person
    from portal.catalog.models import Model

    Model.objects.update(system=system)
    secrets = []
    for number in range(count):
        person = Person.objects.create_user(f"person{number}@example.com")
        _, secret = keys.make_key(person, name="bench")
        secrets.append(secret)
    sys.stdout.write(json.dumps(secrets))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
