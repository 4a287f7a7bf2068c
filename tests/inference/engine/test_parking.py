"""Slots and parking against a naive twin: what each slot holds, whose it is, and within budgets."""

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from inference.engine.shelf import Shelf, Unusable, opened
from inference.engine.slots import WORTH_MOVING_TOKENS, Slot, Slots
from tests.inference.engine.memories import Cell, Kind, Memories, common_prefix

SLOTS = 3
PARK_BYTES = 12_000
DISK_BYTES = 10_000
# Sentences are of the length that matters, so that few choices meet every border.
SENTENCES = [[number * 100 + at for at in range(21)] for number in range(1, 5)]
SYSTEM = [7_000 + at for at in range(60)]


class Machine(RuleBasedStateMachine):
    """People come, read, are broken off, give way, leave and come back, in any order."""

    kind: Kind = "plain"
    has_mishaps = False

    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()
        self.shelf = Shelf(Path(self.directory.name) / "parked", budget_bytes=DISK_BYTES)
        self.memory = Memories(self.kind, slots=SLOTS)
        self.slots = Slots(self.memory, park_bytes=PARK_BYTES, shelf=self.shelf)
        self.running: dict[int, tuple[Slot, list[int], str, int]] = {}
        self.expected: dict[int, list[int]] = {slot: [] for slot in range(SLOTS)}
        self.given: dict[str, set[tuple[int, Cell]]] = {"alice": set(), "bob": set()}
        # How much of the system prompt each has ever sent as published.
        self.published = {"alice": 0, "bob": 0}
        self.count = 0

    def take(self, person: str, tokens: list[int], shared: int) -> None:
        if not self.slots.free_count:
            return
        self.count += 1
        longest = self.longest_own(person, tokens[:-1])
        slot = self.slots.take(UUID(int=self.count), person=person, tokens=tokens, shared=shared)

        assert slot.tokens == tokens[: len(slot.tokens)]
        assert len(slot.tokens) < len(tokens)
        for at, cell in enumerate(self.memory.cells(slot.index)):
            is_own = cell.person == person or (at, cell) in self.given[person]
            is_for_all = at < min(shared, self.published[cell.person])
            assert is_own or is_for_all, "another's token"
            self.given[person].add((at, cell))
        if self.kind == "plain" and not self.has_mishaps and longest >= WORTH_MOVING_TOKENS:
            assert len(slot.tokens) >= longest
        self.published[person] = max(self.published[person], shared)
        self.running[slot.index] = (slot, tokens, person, shared)
        self.expected[slot.index] = list(slot.tokens)

    def longest_own(self, person: str, wanted: list[int]) -> int:
        """What reading every list would find; files that cannot be read do not count."""
        lists = [slot.tokens for slot in self.slots._slots if slot.person == person]
        lists += [
            list(kept.tokens)
            for kept in self.slots._parking._kept.values()
            if kept.person == person
        ]
        return max((common_prefix(tokens, wanted) for tokens in lists), default=0)

    @rule(
        person=st.sampled_from(["alice", "bob"]),
        picks=st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=6),
        has_system=st.booleans(),
        published=st.sampled_from([0, 40, 60]),
    )
    def ask(self, person: str, picks: list[list[int]], has_system: bool, published: int) -> None:
        tokens = [*(SYSTEM if has_system else []), *(t for pick in picks for t in pick), 9]
        self.take(person, tokens, published if has_system else 0)

    @rule(index=st.integers(0, SLOTS - 1), count=st.integers(1, 90))
    def read(self, index: int, count: int) -> None:
        """A chunk of the prompt, or what the model says."""
        if index not in self.running:
            return
        slot, tokens, person, _ = self.running[index]
        held = len(slot.tokens)
        chunk = tokens[held : held + slot.room(count)] or [50_000 + held]
        self.memory.read(index, chunk, person=person)
        self.slots.extend(slot, chunk)
        self.expected[index] += chunk

    @rule(index=st.integers(0, SLOTS - 1), count=st.integers(1, 30))
    def abort(self, index: int, count: int) -> None:
        """The memory got some of a batch that was broken off."""
        if index not in self.running:
            return
        slot, _, person, _ = self.running[index]
        self.memory.read(index, [60_000] * count, person=person)
        self.slots.settle(slot)
        assert slot.tokens == self.expected[index][: len(slot.tokens)]
        self.expected[index] = list(slot.tokens)

    @rule(index=st.integers(0, SLOTS - 1))
    def release(self, index: int) -> None:
        if index in self.running:
            self.slots.release(self.running.pop(index)[0])

    @rule(index=st.integers(0, SLOTS - 1))
    def give_way_and_come_back(self, index: int) -> None:
        if index not in self.running:
            return
        slot, tokens, person, shared = self.running.pop(index)
        held = list(slot.tokens)
        self.slots.park(slot)
        assert not slot.tokens
        self.expected[index] = []
        self.take(person, [*held, *tokens[len(held) :], 9], shared)

    @rule(one=st.integers(0, SLOTS - 1), other=st.integers(0, SLOTS - 1))
    def exchange(self, one: int, other: int) -> None:
        """Two places change what they hold; whoever runs there goes on in the other one."""
        if one == other or self.kind != "plain":
            return
        slots = [self.slots._slots[one], self.slots._slots[other]]
        held = [list(slot.tokens) for slot in slots]
        self.slots.exchange(one, other)
        assert [slot.tokens for slot in slots] == held
        running = [self.running.pop(index, None) for index in (one, other)]
        for slot, was in zip(slots, running, strict=True):
            self.expected[slot.index] = list(slot.tokens)
            if was is not None:
                self.running[slot.index] = was

    @rule(is_left=st.booleans())
    def memory_runs_out_or_returns(self, is_left: bool) -> None:
        self.memory.has_memory_left = is_left or not self.has_mishaps

    @rule(which=st.integers(0, 3))
    def a_file_breaks(self, which: int) -> None:
        if not self.has_mishaps:
            return
        self.shelf.settle()
        files = sorted(path for path in self.shelf.directory.iterdir() if path.name != ".lock")
        if which < len(files):
            files[which].write_bytes(files[which].read_bytes()[:-1] + b"?")

    @invariant()
    def each_slot_holds_what_it_says(self) -> None:
        for slot in self.slots._slots:
            assert self.memory.tokens(slot.index) == slot.tokens
            if slot.index in self.running:
                assert slot.tokens == self.expected[slot.index]

    @invariant()
    def budgets_hold(self) -> None:
        marks = sum(len(m.state) for slot in self.slots._slots for m in slot.marks)
        parking = self.slots._parking
        assert self.slots.parked_bytes + marks <= PARK_BYTES
        assert self.slots.parked_bytes == sum(kept.size for kept in parking._kept.values())
        assert self.shelf.used_bytes <= DISK_BYTES

    @invariant()
    def nothing_is_known_of_what_is_gone(self) -> None:
        finder = self.slots._finder
        there = {slot.index for slot in self.slots._slots} | set(self.slots._parking._kept)
        assert set(finder._own._ends) | set(finder._published._ends) <= there

    def teardown(self) -> None:
        self.slots.close()
        assert not self.shelf.directory.exists()
        self.directory.cleanup()


class UnluckyMachine(Machine):
    """What is lost costs time and nothing else."""

    has_mishaps = True


class WindowMachine(UnluckyMachine):
    kind: Kind = "window"


class RecurrentMachine(UnluckyMachine):
    kind: Kind = "recurrent"


TestPlain = pytest.mark.threat("B12", "B13")(Machine.TestCase)
TestUnlucky = UnluckyMachine.TestCase
TestWindow = WindowMachine.TestCase
TestRecurrent = RecurrentMachine.TestCase
TestPlain.settings = TestUnlucky.settings = TestWindow.settings = TestRecurrent.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None
)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path / "parked", budget_bytes=10_000)
    yield made
    made.close()


def test_what_is_put_on_disk_is_read_back_as_it_was(shelf: Shelf) -> None:
    states = [bytes([number]) * 3_000 for number in range(3)]
    for number, state in enumerate(states):
        assert shelf.put(number, state)
    shelf.settle()

    assert [shelf.read(number) for number in range(3)] == states
    assert shelf.read(3) is None


def test_a_full_shelf_lets_go_of_what_was_used_longest_ago(shelf: Shelf) -> None:
    for number in range(3):
        assert shelf.put(number, b"x" * 3_000)
    shelf.read(0)

    assert shelf.put(3, b"y" * 3_000)

    assert shelf.fallen() == [1]
    assert shelf.read(1) is None
    assert shelf.used_bytes <= 10_000
    assert not shelf.put(4, b"z" * 10_000)


@pytest.mark.parametrize(
    "harm",
    [
        lambda whole: whole[:-1],
        lambda whole: whole + b"more",
        lambda whole: whole[:-1] + b"?",
        lambda whole: b"another file altogether, with a head that is no head of ours",
        lambda whole: b"",
    ],
)
def test_a_file_that_is_not_whole_is_not_used(shelf: Shelf, harm: Callable[[bytes], bytes]) -> None:
    shelf.put(1, b"state" * 100)
    shelf.settle()
    [path] = files_of(shelf)
    path.write_bytes(harm(path.read_bytes()))

    assert shelf.read(1) is None


def test_files_are_for_their_owner_alone_and_say_nothing_by_their_names(shelf: Shelf) -> None:
    shelf.put(1, b"state")
    shelf.settle()
    [path] = files_of(shelf)

    assert path.stat().st_mode & 0o777 == 0o600
    assert shelf.directory.stat().st_mode & 0o777 == 0o700
    assert re.fullmatch("[0-9a-f]{32}", path.name)


def test_a_disk_that_cannot_be_written_costs_the_conversation_and_no_more(shelf: Shelf) -> None:
    shutil.rmtree(shelf.directory)

    assert shelf.put(1, b"state")
    shelf.settle()

    assert shelf.read(1) is None


def test_a_removed_file_is_gone(shelf: Shelf) -> None:
    shelf.put(1, b"state")
    shelf.remove(1)
    shelf.put(2, b"state")
    shelf.settle()
    shelf.remove(2)

    assert not files_of(shelf)
    assert shelf.used_bytes == 0


def test_the_end_leaves_nothing_behind_and_dead_runners_are_cleared_away(tmp_path: Path) -> None:
    dead = tmp_path / "runner-0123456789abcdef"
    dead.mkdir()
    (dead / "somebody's words").write_bytes(b"...")
    living = Shelf(tmp_path, budget_bytes=100)
    living.put(1, b"state")
    living.settle()

    other = Shelf(tmp_path, budget_bytes=100)

    assert not dead.exists()
    assert living.read(1) == b"state"
    for shelf in (living, other):
        shelf.close()
        shelf.close()
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    assert not living.put(2, b"state")


def test_without_a_directory_that_can_be_used_nothing_goes_to_disk(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    assert opened(None, budget_bytes=100) is None
    assert opened(tmp_path, budget_bytes=0) is None
    assert opened(tmp_path / "file" / "below", budget_bytes=100) is None
    with pytest.raises(Unusable):
        Shelf(tmp_path / "file" / "below", budget_bytes=100)


def files_of(shelf: Shelf) -> list[Path]:
    return [path for path in shelf.directory.iterdir() if path.name != ".lock"]


@pytest.mark.parametrize("kind", ["plain", "window", "recurrent"])
def test_who_gives_way_goes_on_where_it_was(kind: Kind) -> None:
    memory = Memories(kind, slots=1)
    slots = Slots(memory, park_bytes=1_000_000)
    tokens = list(range(300))
    slot = slots.take(UUID(int=1), person="alice", tokens=tokens)
    read_all(memory, slots, slot, tokens, person="alice")
    slots.park(slot)
    other = slots.take(UUID(int=2), person="bob", tokens=[7] * 100)
    read_all(memory, slots, other, [7] * 100, person="bob")
    slots.release(other)

    again = slots.take(UUID(int=1), person="alice", tokens=[*tokens, 9])

    assert again.tokens == tokens == memory.tokens(0)


@pytest.mark.parametrize("kind", ["window", "recurrent"])
def test_a_memory_that_cannot_be_cut_goes_back_to_its_mark(kind: Kind) -> None:
    """Thinking falls out of the next prompt: all behind the question is read anew, no more."""
    memory = Memories(kind, slots=2)
    slots = Slots(memory, park_bytes=1_000_000)
    question = list(range(200))
    slot = slots.take(UUID(int=1), person="alice", tokens=question)
    read_all(memory, slots, slot, question, person="alice")
    read_all(memory, slots, slot, [*question, *range(5_000, 5_300)], person="alice")
    slots.release(slot)
    for number, marked in ((2, 192), (3, 195)):  # once where it is, once from RAM
        other = slots.take(UUID(int=number), person="bob", tokens=[7] * 100)
        if number == 3:
            second = slots.take(UUID(int=9), person="bob", tokens=[8] * 100)
            slots.release(second)
        slots.release(other)

        again = slots.take(UUID(int=number), person="alice", tokens=[*question, 1, 2, 3])

        assert len(again.tokens) == marked
        read_all(memory, slots, again, [*question, *range(6_000, 6_300)], person="alice")
        slots.release(again)


@pytest.mark.threat("B12")
def test_a_published_prompt_is_given_to_others_and_not_a_token_more() -> None:
    memory = Memories("plain", slots=4)
    slots = Slots(memory, park_bytes=1_000_000)
    tokens = list(range(100))
    slot = slots.take(UUID(int=1), person="alice", tokens=tokens, shared=60)
    read_all(memory, slots, slot, tokens, person="alice")
    slots.release(slot)

    given = {
        (person, shared): len(
            slots.take(UUID(int=number), person=person, tokens=tokens, shared=shared).tokens
        )
        for number, (person, shared) in enumerate([("bob", 60), ("carol", 0), ("dave", 40)], 2)
    }

    assert given == {("bob", 60): 60, ("carol", 0): 0, ("dave", 40): 40}
    assert slots.all[slot.index].tokens == tokens  # copied, not moved


def read_all(
    memory: Memories, slots: Slots, slot: Slot, tokens: Sequence[int], *, person: str
) -> None:
    while len(slot.tokens) < len(tokens):
        held = len(slot.tokens)
        chunk = tokens[held : held + slot.room(len(tokens) - held)]
        memory.read(slot.index, chunk, person=person)
        slots.extend(slot, chunk)
