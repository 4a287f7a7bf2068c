"""Messages as chat templates want to read them, and in the other shapes some insist on.

Not for rendering or tokens. All text here is people's: it is cleaned of the letters that mark a
template's own (threat E19), names and arguments of tools as much as what was said.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from inference.engine.templates.origin import cleaned, letter_of
from inference.protocol import Message, ToolCall

Turn = dict[str, Any]
Turns = Sequence[Mapping[str, Any]]
# Some templates ask for no content beside calls in this way, and pass over the calls otherwise.
_ASKS_FOR_NONE = re.compile(r"content(['\"]\s*\])?\s+is\s+none")
# Where a message may say that a picture belongs.
_PLACE = "[img]"
# The length of a call's id that templates of one family insist on.
_SHORT_ID_CHARS = 9


def turns_of(messages: Sequence[Message], *, template: str) -> list[Turn]:
    """One mapping a message, with the names that templates in the wild look for.

    A letter stands for each picture, by its number among those of all messages.
    """
    empty = None if _ASKS_FOR_NONE.search(template) else ""
    turns, count = [], 0
    for message in messages:
        turn = _turn(message, empty=empty)
        if message.images:
            letters = [letter_of(count + at) for at in range(len(message.images))]
            turn["content"] = _illustrated(turn["content"] or "", letters)
            count += len(letters)
        turns.append(turn)
    return turns


def weight(message: Message) -> int:
    """How many characters of it a template may write."""
    calls = sum(len(call.name) + len(call.arguments) for call in message.tool_calls)
    return len(message.content) + len(message.thinking) + calls


def cleaned_value(value: Any) -> Any:
    """A JSON value with all its text cleaned, names included."""
    if isinstance(value, str):
        return cleaned(value)
    if isinstance(value, list):
        return [cleaned_value(item) for item in value]
    if isinstance(value, dict):
        return {cleaned(name): cleaned_value(item) for name, item in value.items()}
    return value


def read_tools(text: str) -> list[Any] | None:
    """The functions a request offers, or None: templates ask whether there are any.

    What a client may leave out is filled in, since many templates do not ask whether it is there.
    """
    try:
        tools = cleaned_value(json.loads(text)) if text else None
    except (ValueError, RecursionError):
        return None
    listed = tools if isinstance(tools, list) else []
    return [_whole_tool(tool) for tool in listed if _is_tool(tool)] or None


def shapes(turns: Turns) -> tuple[Turns, ...]:
    """As they are and then, for templates that accept only strict turns, in stricter shapes."""
    short = _with_short_ids(turns)
    single = _with_single_calls(short)
    return (
        turns,
        *([] if short == turns else [short]),
        *([] if single == short else [single]),
        _from_first_question(_merged(short)),
        _from_first_question(_merged(_without_system(short))),
    )


def without_orphans(turns: Turns, *, last: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Without results at the beginning whose calls have been dropped. The last turn stays."""
    kept: list[Mapping[str, Any]] = []
    has_begun = False
    for turn in turns:
        has_begun = has_begun or turn["role"] in ("user", "assistant") or turn is last
        if has_begun or turn["role"] == "system":
            kept.append(turn)
    return kept


def _is_tool(tool: object) -> bool:
    return isinstance(tool, dict) and isinstance(tool.get("function"), dict)


def _whole_tool(tool: dict[str, Any]) -> dict[str, Any]:
    function = dict(tool["function"])
    function.setdefault("description", "")
    if not isinstance(function.get("parameters"), dict):
        function["parameters"] = {"type": "object"}
    function["parameters"].setdefault("properties", {})
    return {"type": "function", **tool, "function": function}


def _turn(message: Message, *, empty: str | None) -> Turn:
    turn: Turn = {"role": message.role, "content": cleaned(message.content)}
    if message.thinking:
        turn["reasoning_content"] = turn["thinking"] = cleaned(message.thinking)
    if message.tool_calls:
        turn["tool_calls"] = [_call(call) for call in message.tool_calls]
        turn["content"] = turn["content"] or empty
    if message.tool_name:
        turn["name"] = turn["tool_name"] = cleaned(message.tool_name)
    if message.tool_call_id:
        turn["tool_call_id"] = cleaned(message.tool_call_id)
    return turn


def _illustrated(content: str, letters: Sequence[str]) -> str:
    """Each picture where the message says so, those that are left in front of it."""
    places = min(content.count(_PLACE), len(letters))
    for letter in letters[:places]:
        content = content.replace(_PLACE, letter, 1)
    return "".join(letters[places:]) + content


def _call(call: ToolCall) -> Turn:
    try:
        arguments = cleaned_value(json.loads(call.arguments))
    except (ValueError, RecursionError):
        arguments = {}
    function = {"name": cleaned(call.name), "arguments": arguments}
    return {"id": cleaned(call.id), "type": "function", "function": function}


def _with_short_ids(turns: Turns) -> Turns:
    """Calls and their results counted through, in ids as short as some templates insist on.

    A result without an id answers the oldest call that waits.
    """
    if not any("tool_calls" in turn or turn["role"] == "tool" for turn in turns):
        return turns
    known: dict[str, str] = {}
    waiting: dict[str, None] = {}
    count = 0
    renamed: list[Turn] = []
    for turn in turns:
        shown = dict(turn)
        if calls := turn.get("tool_calls", ()):
            ids = [_short_id(count + at) for at in range(len(calls))]
            count += len(calls)
            known.update({call["id"]: id_ for call, id_ in zip(calls, ids, strict=True)})
            waiting.update(dict.fromkeys(ids))
            shown["tool_calls"] = [{**c, "id": id_} for c, id_ in zip(calls, ids, strict=True)]
        if turn["role"] == "tool":
            oldest = next(iter(waiting), _short_id(count))
            named = turn.get("tool_call_id")
            shown["tool_call_id"] = known.get(named, oldest) if named else oldest
            waiting.pop(shown["tool_call_id"], None)
        renamed.append(shown)
    return renamed


def _short_id(number: int) -> str:
    return f"call{number:0{_SHORT_ID_CHARS - 4}d}"


def _with_single_calls(turns: Turns) -> Turns:
    """Calls made at once as if one after the other, each followed by its result."""
    if all(len(turn.get("tool_calls", ())) < 2 for turn in turns):
        return turns
    results: dict[str, list[Mapping[str, Any]]] = {}
    for turn in turns:
        if turn["role"] == "tool":
            results.setdefault(turn["tool_call_id"], []).append(turn)
    parted: list[Mapping[str, Any]] = []
    for turn in turns:
        calls = turn.get("tool_calls", ())
        for at, call in enumerate(calls):
            parted.append({**turn, "tool_calls": [call], "content": "" if at else turn["content"]})
            parted.extend(results.pop(call["id"], []))
        # What answered a call stands behind it already.
        if not calls and (turn["role"] != "tool" or results.pop(turn["tool_call_id"], [])):
            parted.append(turn)
    return parted


def _merged(turns: Turns) -> list[Turn]:
    """Neighbours of one role as one turn, as strict templates want."""
    merged: list[Turn] = []
    for turn in turns:
        is_joinable = bool(merged) and merged[-1]["role"] == turn["role"] != "tool"
        if is_joinable and not ("tool_calls" in merged[-1] or "tool_calls" in turn):
            merged[-1]["content"] += "\n\n" + turn["content"]
        else:
            merged.append(dict(turn))
    return merged


def _from_first_question(turns: Turns) -> Turns:
    """Without answers whose question has been dropped, as strict templates want."""
    system = [turn for turn in turns if turn["role"] == "system"]
    others = [turn for turn in turns if turn["role"] != "system"]
    while len(others) > 1 and others[0]["role"] != "user":
        others.pop(0)
    return [*system, *others]


def _without_system(turns: Turns) -> list[Turn]:
    """System words at the head of the first question, for templates that know no system."""
    system = [turn["content"] for turn in turns if turn["role"] == "system"]
    others = [dict(turn) for turn in turns if turn["role"] != "system"]
    if not others or others[0]["role"] != "user":
        others.insert(0, {"role": "user", "content": ""})
    others[0]["content"] = "\n\n".join([*system, others[0]["content"]])
    return others
