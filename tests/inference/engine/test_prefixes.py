"""The tree of beginnings finds what reading every list would find, and forgets what it must."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from inference.engine.prefixes import Prefixes, _Node
from tests.inference.engine.memories import common_prefix

TOKENS = st.lists(st.integers(0, 2), max_size=12)
PEOPLE = st.sampled_from(["alice", "bob"])
OWNERS = st.integers(0, 7)


def naive(
    held: dict[int, tuple[str, list[int]]], *, person: str, tokens: Sequence[int]
) -> dict[int, set[int]]:
    """Lengths in common, each with who shares just that, by reading every list."""
    found: dict[int, set[int]] = {}
    for owner, (whose, have) in held.items():
        length = common_prefix(have, tokens)
        if whose == person and length:
            found.setdefault(length, set()).add(owner)
    return found


class Twins(RuleBasedStateMachine):
    """The tree beside a plain dictionary of lists."""

    def __init__(self) -> None:
        super().__init__()
        self.tree = Prefixes()
        self.held: dict[int, tuple[str, list[int]]] = {}

    @rule(owner=OWNERS, person=PEOPLE, tokens=TOKENS)
    def hold(self, owner: int, person: str, tokens: list[int]) -> None:
        self.tree.hold(owner, person=person, tokens=tokens)
        self.held[owner] = (person, list(tokens))

    @rule(owner=OWNERS, more=TOKENS)
    def grow(self, owner: int, more: list[int]) -> None:
        if self.tree.length(owner):
            self.tree.grow(owner, more=more)
            self.held[owner][1].extend(more)

    @rule(owner=OWNERS)
    def drop(self, owner: int) -> None:
        self.tree.drop(owner)
        self.held.pop(owner, None)

    @rule(person=PEOPLE, tokens=TOKENS)
    def look(self, person: str, tokens: list[int]) -> None:
        found = [match for match in self.tree.matches(person=person, tokens=tokens) if match[1]]

        assert dict(found) == naive(self.held, person=person, tokens=tokens)
        assert [length for length, _ in found] == sorted((n for n, _ in found), reverse=True)

    @invariant()
    def knows_lengths(self) -> None:
        for owner in range(8):
            assert self.tree.length(owner) == len(self.held.get(owner, ("", []))[1])

    def teardown(self) -> None:
        for owner in range(8):
            self.tree.drop(owner)
        assert not self.tree._roots


TestTwins = Twins.TestCase
TestTwins.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@given(st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=10), max_size=20))
def test_lists_that_begin_alike_share_their_beginning(lists: list[list[int]]) -> None:
    tree = Prefixes()
    for owner, tokens in enumerate(lists):
        tree.hold(owner, person="alice", tokens=tokens)

    branches = {tuple(tokens[:end]) for tokens in lists for end in range(1, len(tokens) + 1)}
    kept = sum(len(node.edge) // 4 for node in nodes(tree))

    assert kept == len(branches)


def test_a_look_finds_the_one_among_hundreds_and_those_who_share_the_opening() -> None:
    opening = list(range(1_000, 1_300))
    tree = Prefixes()
    for owner in range(400):
        tree.hold(owner, person="alice", tokens=[*opening, *range(owner, owner + 2_000)])

    way = list(tree.matches(person="alice", tokens=[*opening, *range(399, 2_399), 7, 7]))

    assert way == [(2_300, {399}), (300, set(range(399)))]


def nodes(tree: Prefixes) -> list[_Node]:
    found: list[_Node] = []
    left = list(tree._roots.values())
    while left:
        node = left.pop()
        found.append(node)
        left.extend(node.below.values())
    return found
