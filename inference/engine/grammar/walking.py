"""Where an answer stands in its grammar, byte by byte. Not for building grammars, nor for tokens.

Places found once are kept and found again, so most bytes cost one look into a table. A grammar that
can be read in too many ways at once is given up instead of followed (threat F7).
"""

from inference.engine.grammar.network import MAX_FRAMES, Network

MAX_PLACES = 2_048
_KEPT_PLACES = 200_000


class TooManyWays(Exception):
    """More ways to read the answer than we follow."""


class Frame:
    """Where a called rule returns to. Equal frames are one object."""

    __slots__ = ("children", "depth", "parent", "state")

    def __init__(self, state: int, parent: "Frame | None") -> None:
        self.state = state
        self.parent = parent
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.children: dict[int, Frame] = {}


Place = tuple[int, Frame]


class Frontier:
    """Everywhere the answer may stand after what was said. Never empty: each place can finish."""

    __slots__ = ("_nexts", "_places", "_walk", "fitting", "is_complete")

    def __init__(self, walk: "Walk", places: frozenset[Place], *, is_complete: bool) -> None:
        self._walk = walk
        self._places = places
        self._nexts: dict[int, Frontier | None] = {}
        self.is_complete = is_complete
        # For whoever looks for the tokens that fit here; see `tokens.py`.
        self.fitting: list[int] | None = None

    @property
    def width(self) -> int:
        return len(self._places)

    def step(self, byte: int) -> "Frontier | None":
        """Where it stands after this byte; None when nothing allows it. Raises TooManyWays."""
        try:
            return self._nexts[byte]
        except KeyError:
            found = self._nexts[byte] = self._walk.after(self._places, byte)
            return found

    def after(self, data: bytes) -> "Frontier | None":
        found: Frontier | None = self
        for byte in data:
            if found is None:
                return None
            found = found.step(byte)
        return found


class Walk:
    """One grammar as all answers under it walk it. `work` counts what no table knew."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.work = 0
        self._kept = 0
        self._root = Frame(-1, None)
        self._frontiers: dict[tuple[frozenset[Place], bool], Frontier] = {}
        self._start: Frontier | None = None

    def start(self) -> Frontier:
        if self._kept > _KEPT_PLACES:
            self._forget()
        if self._start is None:
            self._start = self._closed([(self._network.start, self._root)])
        if self._start is None:
            raise TooManyWays
        return self._start

    def keep(self, count: int) -> None:
        """So much more is kept with the tables, which are forgotten when they grow too large."""
        self._kept += count

    def after(self, places: frozenset[Place], byte: int) -> Frontier | None:
        edges = self._network.edges
        reached = [
            (to, frame)
            for state, frame in places
            for low, high, to in edges[state]
            if low <= byte <= high
        ]
        self.work += len(places)
        return self._closed(reached) if reached else None

    def _forget(self) -> None:
        # Answers under way keep what they stand on; it goes with them.
        self._kept = 0
        self._root = Frame(-1, None)
        self._frontiers = {}
        self._start = None

    def _closed(self, reached: list[Place]) -> Frontier | None:
        """All places that silent edges, calls and returns lead to. None when there is no way on."""
        network = self._network
        seen: set[Place] = set()
        places: list[Place] = []
        is_complete = False
        while reached:
            place = reached.pop()
            state, frame = place
            need = network.needs[state]
            if place in seen or need < 0 or frame.depth + need > MAX_FRAMES:
                continue
            if len(seen) >= MAX_PLACES:
                raise TooManyWays
            seen.add(place)
            if network.edges[state]:
                places.append(place)
            reached.extend([(to, frame) for to in network.silent[state]])
            reached.extend(
                [
                    (rule, self._push(frame, to))
                    for rule, to in network.calls[state]
                    if 0 <= network.needs[to] <= MAX_FRAMES - frame.depth
                ]
            )
            if network.finals[state]:
                if frame.parent is None:
                    is_complete = True
                else:
                    reached.append((frame.state, frame.parent))
        self.work += len(seen)
        return self._frontier(frozenset(places), is_complete=is_complete) if seen else None

    def _frontier(self, places: frozenset[Place], *, is_complete: bool) -> Frontier:
        key = (places, is_complete)
        found = self._frontiers.get(key)
        if found is None:
            if self._kept > _KEPT_PLACES:
                self._forget()
            found = self._frontiers[key] = Frontier(self, places, is_complete=is_complete)
            self._kept += 8 + len(places)
        return found

    def _push(self, frame: Frame, state: int) -> Frame:
        """The frame for a call. A call with nothing after it returns straight to its caller."""
        network = self._network
        is_last = network.finals[state] and not (
            network.edges[state] or network.silent[state] or network.calls[state]
        )
        if is_last:
            return frame
        found = frame.children.get(state)
        if found is None:
            found = frame.children[state] = Frame(state, frame)
            self._kept += 4
        return found
