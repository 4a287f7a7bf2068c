"""What can be wrong with a template, in Go's words, and how much one may cost. No behaviour."""

from dataclasses import dataclass


class TemplateError(ValueError):
    """The message is Go's own. It names parts of the template, never the text it was given."""


class ParseError(TemplateError):
    """The text is not a template."""


class ExecError(TemplateError):
    """The template failed while it ran, or went past a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one rendering may take. A step is about a microsecond or three.

    `chars` bounds what is written and, by itself, all text that is made on the way.
    """

    steps: int = 200_000
    chars: int = 4_000_000
    depth: int = 60
