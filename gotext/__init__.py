"""Templates in the language of Go's text/template, as far as chat templates use it.

    template = gotext.parse(source)          # ParseError, in Go's words
    template.render(data, today=today)       # ExecError, in Go's words
    gotext.names_in(template)                # lower-cased names of fields and variables
    gotext.thinking_tags(template)           # ("<think>", "</think>"), or None
    gotext.tool_tag(template)                # what the template writes in front of a tool call

Not for chats: what a template is given is made where it is used. Imports nothing of ours.
"""

from gotext.errors import ExecError, Limits, ParseError, TemplateError
from gotext.facts import names_in, thinking_tags, tool_tag, until_field
from gotext.parser import parse
from gotext.template import Template
from gotext.values import NO_MARKS, List, Marks, Record, Table, Value

__all__ = [
    "NO_MARKS",
    "ExecError",
    "Limits",
    "List",
    "Marks",
    "ParseError",
    "Record",
    "Table",
    "Template",
    "TemplateError",
    "Value",
    "names_in",
    "parse",
    "thinking_tags",
    "tool_tag",
    "until_field",
]
