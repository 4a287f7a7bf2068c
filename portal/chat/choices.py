"""What the model picker of one person offers, and what became of models it offered before.

Decides nothing about rights: `catalog/queries.py` does.
"""

from portal.accounts.models import Person
from portal.catalog import queries as catalog
from portal.catalog.models import Model, ModelState
from portal.chat.told import ShownModel


def choices_of(person: Person) -> list[ShownModel]:
    """Stable names first, for they are meant for everybody; retired models last, with who takes
    over, so that old conversations can say it."""
    models = catalog.models_shown_to(person)
    return [
        *(_shown(model, name=alias.shown) for alias, model in catalog.aliases_of(models)),
        *(_shown(model, name=model.name) for model in models),
        *(_retired(model) for model in catalog.retired_for(person)),
    ]


def _shown(model: Model, *, name: str) -> ShownModel:
    return ShownModel(
        name=name,
        label=name,
        stands_for="" if name == model.name else model.name,
        context_length=catalog.context_length_of(model),
        capabilities=list(model.capabilities),
        is_checking=model.state == ModelState.ADDED,
    )


def _retired(model: Model) -> ShownModel:
    return ShownModel(
        name=model.name,
        label=model.name,
        context_length=catalog.context_length_of(model),
        capabilities=list(model.capabilities),
        is_retired=True,
        instead=model.successor.name if model.successor else "",
    )
