"""A parsed template, ready to be rendered. Not for reading it: `parser.py`."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from gotext.errors import Limits
from gotext.nodes import Tree
from gotext.rendering import rendered
from gotext.values import NO_MARKS, Marks, Table, Value

_USUAL = Limits()


@dataclass(frozen=True, slots=True)
class Template:
    tree: Tree

    def render(
        self,
        data: Mapping[str, Value],
        *,
        today: datetime.date,
        marks: Marks = NO_MARKS,
        limits: Limits = _USUAL,
    ) -> str:
        """What it writes for this data, its own words marked. Raises ExecError."""
        return rendered(self.tree, Table(data), today=today, marks=marks, limits=limits)
