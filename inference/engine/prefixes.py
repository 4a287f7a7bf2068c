"""Which remembered token lists begin as a new one does, found without reading them all.

A tree for each person: lists that begin alike share their beginning. Not for memory itself, nor for
who may be given what: the caller asks for one person at a time.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_TOKEN_BYTES = array("i").itemsize


@dataclass(slots=True, eq=False)
class _Node:
    """`edge` is what lies between this node and the one above; `owners` have all of it."""

    edge: bytes
    above: "_Node | None"
    below: dict[bytes, "_Node"] = field(default_factory=dict)
    owners: set[int] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class _End:
    person: str
    node: _Node
    length: int


class Prefixes:
    """Owners are numbers that the caller gives to whatever holds a list."""

    def __init__(self) -> None:
        self._roots: dict[str, _Node] = {}
        self._ends: dict[int, _End] = {}

    def length(self, owner: int) -> int:
        """How many tokens of this owner are known here."""
        end = self._ends.get(owner)
        return 0 if end is None else end.length

    def hold(self, owner: int, *, person: str, tokens: Sequence[int]) -> None:
        """From now on this owner has this list, whatever it had before."""
        self.drop(owner)
        if not tokens:
            return
        root = self._roots.setdefault(person, _Node(b"", None))
        node = self._descend(root, _packed(tokens), owner=owner)
        self._ends[owner] = _End(person, node, len(tokens))

    def grow(self, owner: int, *, more: Sequence[int]) -> None:
        """The list that this owner has goes on with `more`."""
        end = self._ends[owner]
        rest = _packed(more)
        if len(end.node.owners) == 1 and not end.node.below:
            end.node.edge += rest
        else:
            end.node = self._descend(end.node, rest, owner=owner)
        end.length += len(more)

    def drop(self, owner: int) -> None:
        """Forget the owner. Unknown ones are ignored."""
        end = self._ends.pop(owner, None)
        if end is None:
            return
        node = end.node
        while node.above is not None:
            node.owners.discard(owner)
            above = node.above
            if not node.owners:
                del above.below[node.edge[:_TOKEN_BYTES]]
            else:
                _join(node)
            node = above
        if not node.below:
            del self._roots[end.person]

    def matches(self, *, person: str, tokens: Sequence[int]) -> Iterator[tuple[int, set[int]]]:
        """Lengths of common beginnings, the longest first, each with those who share just that."""
        root = self._roots.get(person)
        if root is None:
            return
        deeper: set[int] = set()
        for length, node in reversed(_path(root, _packed(tokens))):
            yield length, node.owners - deeper
            deeper = node.owners

    def _descend(self, node: _Node, rest: bytes, *, owner: int) -> _Node:
        """Make the way from this node along `rest`, and return where it ends."""
        while rest:
            first = rest[:_TOKEN_BYTES]
            child = node.below.get(first)
            if child is None:
                child = node.below[first] = _Node(rest, node, owners={owner})
                return child
            common = _common_bytes(child.edge, rest)
            if common < len(child.edge):
                child = _split(child, common)
            child.owners.add(owner)
            node, rest = child, rest[common:]
        return node


def _packed(tokens: Sequence[int]) -> bytes:
    return array("i", tokens).tobytes()


def _path(root: _Node, wanted: bytes) -> list[tuple[int, _Node]]:
    """The nodes that `wanted` leads through, each with the tokens in common up to its end."""
    path: list[tuple[int, _Node]] = []
    node, position = root, 0
    while (child := node.below.get(wanted[position : position + _TOKEN_BYTES])) is not None:
        end = position + len(child.edge)
        if wanted[position:end] != child.edge:
            end = position + _common_bytes(child.edge, wanted[position:])
            path.append((end // _TOKEN_BYTES, child))
            break
        path.append((end // _TOKEN_BYTES, child))
        node, position = child, end
    return path


def _common_bytes(one: bytes, other: bytes) -> int:
    """How far both agree, in whole tokens. By halves, since comparing slices is quick."""
    low, high = 0, min(len(one), len(other)) // _TOKEN_BYTES
    while low < high:
        middle = (low + high + 1) // 2
        start, end = low * _TOKEN_BYTES, middle * _TOKEN_BYTES
        if one[start:end] == other[start:end]:
            low = middle
        else:
            high = middle - 1
    return low * _TOKEN_BYTES


def _split(node: _Node, length: int) -> _Node:
    """A new node above this one, `length` bytes along its edge. Ends stay where they were."""
    above = node.above
    if above is None:
        raise ValueError("the root has no edge")
    upper = _Node(node.edge[:length], above, owners=set(node.owners))
    above.below[upper.edge[:_TOKEN_BYTES]] = upper
    node.edge, node.above = node.edge[length:], upper
    upper.below[node.edge[:_TOKEN_BYTES]] = node
    return upper


def _join(node: _Node) -> None:
    """Undo a split that nobody needs any more: everyone here goes on to the only node below."""
    if len(node.below) != 1 or node.above is None:
        return
    (child,) = node.below.values()
    if len(child.owners) != len(node.owners):
        return
    child.edge, child.above = node.edge + child.edge, node.above
    node.above.below[child.edge[:_TOKEN_BYTES]] = child
