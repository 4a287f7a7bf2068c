"""Statements that Django puts together once, though every request asks them. Not for what they ask.

To put one together, and rows out of its columns, costs several times what it costs to run. What is
asked still stands where it belongs, as a query of Django's; its SQL is kept here, and the values of
the moment are filled in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection
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
    """`places`: which of the values stands at each place of the SQL, if one does.

    `names` are the attributes that the columns become, `conversions` what is done to which of them.
    """

    sql: str
    values: tuple[Any, ...]
    places: tuple[int | None, ...]
    names: tuple[str, ...]
    conversions: tuple[tuple[int, Any, tuple[Any, ...]], ...]


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
        with connection.cursor() as cursor:
            cursor.execute(kept.sql, asked)
            return [self._row(kept, list(columns)) for columns in cursor.fetchall()]

    def _row(self, kept: _Kept, columns: list[Any]) -> Row:
        for at, column, converters in kept.conversions:
            for converter in converters:
                columns[at] = converter(columns[at], column, connection)
        return self._model.from_db(connection.alias, kept.names, columns)

    def _put_together(self) -> _Kept:
        """A value stands where the SQL's own values differ when it is another."""
        compiler = self._compiler(-1)
        sql, values = compiler.as_sql()
        places: list[int | None] = [None] * len(values)
        for number in range(len(self._kinds)):
            _, others = self._compiler(number).as_sql()
            for at, (one, other) in enumerate(zip(values, others, strict=True)):
                if one != other:
                    places[at] = number
        columns = [column for column, _, _ in compiler.select]
        conversions = compiler.get_converters(columns).items()
        return _Kept(
            sql=sql,
            values=tuple(values),
            places=tuple(places),
            names=tuple(column.target.attname for column in columns),
            conversions=tuple((at, column, tuple(each)) for at, (each, column) in conversions),
        )

    def _compiler(self, changed: int) -> Any:
        chosen = [
            kind.other if number == changed else kind.one for number, kind in enumerate(self._kinds)
        ]
        return self._asks(*chosen).query.get_compiler(DEFAULT_DB_ALIAS)
