"""Statements that Django puts together once, though every request asks them. Not for what they ask.

To put one together costs several times what it costs to run. What is asked still stands where it
belongs, as a query of Django's; its SQL is kept here, and the values of the moment are filled in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Kind:
    """Of a value: two of it that differ, and how one is written for the database in use."""

    one: Any
    other: Any
    written: Callable[[Any], Any]


TEXT = Kind("a", "b", str)
# For comparing without regard to case.
FOLDED = Kind("a", "b", lambda text: connection.ops.prep_for_iexact_query(text))
MOMENT = Kind(
    datetime(2001, 1, 1, tzinfo=UTC),
    datetime(2002, 2, 2, tzinfo=UTC),
    lambda moment: connection.ops.adapt_datetimefield_value(moment),
)
ID = Kind(
    UUID(int=1),
    UUID(int=2),
    lambda key: key if connection.features.has_native_uuid_field else key.hex,
)


@dataclass(frozen=True, slots=True)
class _Kept:
    """`places`: which of the values stands at each place of the SQL, if one does."""

    sql: str
    values: tuple[Any, ...]
    places: tuple[int | None, ...]


class Statement(Generic[Row]):
    """`asks` makes the query out of values of these kinds; nothing else in it may ever change."""

    def __init__(self, model: type[Row], asks: Callable[..., QuerySet[Row]], *kinds: Kind) -> None:
        self._model = model
        self._asks = asks
        self._kinds = kinds
        self._kept: dict[str, _Kept] = {}

    def first(self, *values: Any) -> Row | None:
        """The first row found with these values."""
        return next(iter(self.all(*values)), None)

    def all(self, *values: Any) -> list[Row]:
        """The rows found with these values, without what is related to them."""
        kept = self._kept.get(connection.vendor)
        if kept is None:
            kept = self._kept[connection.vendor] = self._put_together()
        given = [kind.written(value) for kind, value in zip(self._kinds, values, strict=True)]
        asked = [
            value if place is None else given[place]
            for place, value in zip(kept.places, kept.values, strict=True)
        ]
        return list(self._model._base_manager.raw(kept.sql, asked))

    def _put_together(self) -> _Kept:
        """A value stands where the SQL's own values differ when it is another."""
        sql, values = self._sql(-1)
        places: list[int | None] = [None] * len(values)
        for number in range(len(self._kinds)):
            for at, (one, other) in enumerate(zip(values, self._sql(number)[1], strict=True)):
                if one != other:
                    places[at] = number
        return _Kept(sql, values, tuple(places))

    def _sql(self, changed: int) -> tuple[str, tuple[Any, ...]]:
        chosen = [
            kind.other if number == changed else kind.one for number, kind in enumerate(self._kinds)
        ]
        query: Any = self._asks(*chosen).query
        sql, values = query.sql_with_params()
        return sql, tuple(values)
