"""What a chat template says about its model: names it uses, tags around thinking and calls.

Not for rendering. The rules are Ollama's; the data the names stand for is made elsewhere.
"""

from collections.abc import Iterator
from dataclasses import replace

from gotext import nodes
from gotext.nodes import Action, Block, Branch, Call, Pipeline, Statement, Text, Tree, expressions
from gotext.template import Template


def names_in(template: Template) -> frozenset[str]:
    """The lower-cased names of all fields and variables, wherever they stand."""
    blocks = (template.tree.root, *template.tree.named.values())
    found = set()
    for block in blocks:
        for pipeline in _pipelines(block):
            found.update(_names(pipeline))
    return frozenset(name.lower() for name in found)


def thinking_tags(template: Template) -> tuple[str, str] | None:
    """What the template writes before and behind the thinking of an earlier answer."""
    found = None
    for block, turn in _uses_of_thinking(template.tree.root, around=None):
        if turn is None or "Messages" not in _names(turn.pipeline):
            continue
        texts = [each for each in block if isinstance(each, Text)]
        opening = texts[0].text.strip() if texts and texts[0] is block[0] else ""
        closing = texts[-1].text.strip() if texts and texts[-1] is block[-1] else ""
        if opening and closing:
            found = (opening, closing)
    return found


def tool_tag(template: Template) -> str:
    """What stands in front of the JSON of a call; `{` when nothing does."""
    for branch in _branches(template.tree.root):
        if branch.kind == "if" and "ToolCalls" in _names(branch.pipeline):
            text = _first_text(branch.body) or ""
            return text.partition("{")[0].strip() or "{"
    return "{"


def until_field(template: Template, name: str) -> Template:
    """The same template without all that stands behind the first use of this field."""
    cutter = _Cutter(name)
    return Template(Tree(root=cutter.block(template.tree.root), named=template.tree.named))


class _Cutter:
    def __init__(self, name: str) -> None:
        self._name = name
        self._is_cut = False

    def block(self, block: Block) -> Block:
        kept: list[Statement] = []
        for statement in block:
            if self._is_cut:
                break
            kept.append(self._statement(statement))
        return tuple(kept)

    def _statement(self, statement: Statement) -> Statement:
        if isinstance(statement, Action | Call):
            self._look(statement.pipeline)
        if not isinstance(statement, Branch):
            return statement
        self._look(statement.pipeline)
        body = self.block(statement.body)
        otherwise = self.block(statement.otherwise) if statement.otherwise else None
        return replace(statement, body=body, otherwise=otherwise)

    def _look(self, pipeline: Pipeline | None) -> None:
        for each in expressions(pipeline):
            if isinstance(each, nodes.Field) and self._name in each.names:
                self._is_cut = True


def _names(pipeline: Pipeline | None) -> set[str]:
    found: set[str] = set(pipeline.variables) if pipeline else set()
    for each in expressions(pipeline):
        if isinstance(each, nodes.Field | nodes.Chain):
            found.update(each.names)
        elif isinstance(each, nodes.Variable):
            found.update((each.name, *each.names))
    return found


def _pipelines(block: Block) -> Iterator[Pipeline]:
    for statement in block:
        if isinstance(statement, Action):
            yield statement.pipeline
        elif isinstance(statement, Call):
            if statement.pipeline:
                yield statement.pipeline
        elif isinstance(statement, Branch):
            yield statement.pipeline
            yield from _pipelines(statement.body)
            yield from _pipelines(statement.otherwise or ())


def _branches(block: Block) -> Iterator[Branch]:
    for statement in block:
        if isinstance(statement, Branch):
            yield statement
            yield from _branches(statement.body)
            yield from _branches(statement.otherwise or ())


def _first_text(block: Block) -> str | None:
    """The first text that says something; an action in front of it means that there is none."""
    for statement in block:
        if isinstance(statement, Text):
            if statement.text.strip():
                return statement.text
        elif isinstance(statement, Branch):
            text = _first_text(statement.body)
            if text is not None:
                return text
        elif isinstance(statement, Action):
            return None
    return None


def _uses_of_thinking(
    block: Block, *, around: Branch | None
) -> Iterator[tuple[Block, Branch | None]]:
    """Each block with `.Thinking` in it, and the loop that stands nearest around it."""
    for statement in block:
        pipeline = None if isinstance(statement, Text) else _pipeline_of(statement)
        if any(
            isinstance(e, nodes.Field) and e.names[0] == "Thinking" for e in expressions(pipeline)
        ):
            yield block, around
        if isinstance(statement, Branch):
            inner = statement if statement.kind == "range" else around
            yield from _uses_of_thinking(statement.body, around=inner)
            yield from _uses_of_thinking(statement.otherwise or (), around=inner)


def _pipeline_of(statement: Statement) -> Pipeline | None:
    return statement.pipeline if isinstance(statement, Action | Branch | Call) else None
