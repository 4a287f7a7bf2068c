"""What must hold of a network before anybody walks it. Not for building it.

No rule may call itself before it has read anything, and every state that can be entered can finish.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable

from inference.engine.grammar.network import NotKeepable, States


def refuse_left_recursion(entries: Iterable[int], states: States) -> None:
    """A rule that calls itself before it has read anything would be called for ever."""
    empty = _may_be_empty(states)
    first = {entry: _called_first(entry, states, empty=empty) for entry in entries}
    done: set[int] = set()
    for entry in first:
        _walk_calls(entry, first=first, done=done)


def needs(states: States) -> list[int]:
    """How many frames the cheapest way to the end takes, found from the ends backwards."""
    callers = _callers(states)
    before = _before(states)
    found = [-1] * len(states.finals)
    heap = [(0, state) for state, is_final in enumerate(states.finals) if is_final]
    while heap:
        need, state = heapq.heappop(heap)
        if found[state] >= 0:
            continue
        found[state] = need
        for earlier in before[state]:
            heapq.heappush(heap, (need, earlier))
        for earlier, rule, to in callers[state]:
            if min(found[rule], found[to]) >= 0:
                heapq.heappush(heap, (max(found[rule] + 1, found[to]), earlier))
    return found


def _before(states: States) -> defaultdict[int, list[int]]:
    """From which states an edge, silent or not, leads to a state."""
    before: defaultdict[int, list[int]] = defaultdict(list)
    for state, (edges, silent) in enumerate(zip(states.edges, states.silent, strict=True)):
        for target in [*silent, *(to for _, _, to in edges)]:
            before[target].append(state)
    return before


def _callers(states: States) -> defaultdict[int, list[tuple[int, int, int]]]:
    """The calls that a state is the beginning or the way on of."""
    callers: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for state, calls in enumerate(states.calls):
        for rule, to in calls:
            callers[rule].append((state, rule, to))
            callers[to].append((state, rule, to))
    return callers


def _may_be_empty(states: States) -> list[bool]:
    """Whether a rule can end from this state without reading anything."""
    callers = _callers(states)
    before: defaultdict[int, list[int]] = defaultdict(list)
    for state, targets in enumerate(states.silent):
        for target in targets:
            before[target].append(state)
    empty = list(states.finals)
    todo = [state for state, is_final in enumerate(states.finals) if is_final]
    while todo:
        at = todo.pop()
        found = [
            *before[at],
            *(earlier for earlier, rule, to in callers[at] if empty[rule] and empty[to]),
        ]
        for state in found:
            if not empty[state]:
                empty[state] = True
                todo.append(state)
    return empty


def _called_first(entry: int, states: States, *, empty: list[bool]) -> list[int]:
    found: list[int] = []
    seen = {entry}
    todo = [entry]
    while todo:
        at = todo.pop()
        after = [*states.silent[at], *(to for rule, to in states.calls[at] if empty[rule])]
        found.extend(rule for rule, _ in states.calls[at])
        todo.extend(state for state in after if state not in seen)
        seen.update(after)
    return found


def _walk_calls(entry: int, *, first: dict[int, list[int]], done: set[int]) -> None:
    path: dict[int, None] = {}
    todo = [(entry, False)]
    while todo:
        rule, is_left = todo.pop()
        if is_left:
            del path[rule]
            done.add(rule)
        elif rule in path:
            raise NotKeepable("a reference of the schema leads only to itself")
        elif rule not in done:
            path[rule] = None
            todo.append((rule, True))
            todo.extend((other, False) for other in first[rule])
