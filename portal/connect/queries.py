"""What the page Connect shows: a person's devices, her models, and what a key was used for.

Reads only; making and revoking keys is accounts/keys.py.
"""

from uuid import UUID

from portal.accounts import keys
from portal.accounts.models import ApiKey, Person
from portal.catalog import queries as catalog
from portal.connect.provider import Offered


def devices_of(person: Person) -> list[ApiKey]:
    """Programs that hold a key for chat, newest first."""
    return [key for key in keys.living_keys(person) if "chat" in key.scopes]


def device_of(person: Person, key_id: UUID) -> ApiKey | None:
    """One of them, as it is at this moment."""
    return next((key for key in devices_of(person) if key.pk == key_id), None)


def offered_to(person: Person) -> list[Offered]:
    """Every model this person may use: stable names first, then those that answer."""
    listed = catalog.listed_for(person)
    found = [
        Offered(
            name=model.name,
            abilities=tuple(model.capabilities),
            context_length=catalog.context_length_of(model),
        )
        for model in listed
    ]
    return sorted(found, key=lambda each: "completion" not in (each.abilities or ["completion"]))
