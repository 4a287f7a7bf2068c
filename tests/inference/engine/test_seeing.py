"""One thread looks at everybody's pictures, in turn (F11). What is seen is in `test_vision`."""

from collections.abc import Iterator

import msgspec
import pytest

from inference.engine import seeing
from inference.engine.beside import wait_a_moment
from inference.engine.pictures.reading import BadPicture, Picture
from inference.engine.pictures.seen import Seen
from inference.engine.seeing import Seeing, Unseen
from inference.engine.sequence import Sequence
from inference.protocol import Message
from tests.inference.engine.aboard import request

ROUNDS = 1_000
BAD = b"bad"


class Reader:
    """Pictures without pixels."""

    def read(self, data: bytes) -> Picture:
        if data == BAD:
            raise BadPicture("bad")
        return Picture(width=1, height=1, pixels=b"", digest=data)

    def close(self) -> None:
        pass


class Eyes:
    def look(self, picture: Picture) -> Seen:
        return Seen([list(picture.digest)])


class House:
    """Who is looked at, in order."""

    def __init__(self) -> None:
        self.looked: list[str] = []
        self.seeing = Seeing(Eyes(), about_to_look=lambda s: self.looked.append(s.person))

    def runs(self, *sequences: Sequence) -> list[Unseen]:
        for _ in range(ROUNDS):
            unseen = self.seeing.go_on(list(sequences), running=[])
            if unseen or not any(self.seeing.is_awaited(each) for each in sequences):
                return unseen
            wait_a_moment(self.seeing.results)
        raise AssertionError("it never ends")


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(seeing, "PictureReader", Reader)
    found = House()
    yield found
    found.seeing.close()


def showing(order: int, person: str, *images: bytes) -> Sequence:
    """Its pictures in several messages."""
    messages = tuple(
        Message(role="user", content="?", images=images[at : at + 2])
        for at in range(0, len(images), 2)
    )
    asked = msgspec.structs.replace(request(order, person=person), messages=messages)
    return Sequence(request=asked, order=order, submitted_at=0.0)


@pytest.mark.threat("F11")
def test_others_are_looked_at_between_the_pictures_of_who_brings_many(house: House) -> None:
    many, one = showing(1, "greedy", b"a", b"b", b"c", b"d", b"e"), showing(2, "modest", b"f")

    assert not house.runs(many, one)

    assert house.looked == ["greedy", "modest", "greedy", "greedy", "greedy", "greedy"]
    assert [seen.tokens for seen in many.pictures] == [[each] for each in b"abcde"]
    assert [seen.tokens for seen in one.pictures] == [list(b"f")]


def test_a_bad_picture_behind_good_ones_ends_the_request_and_is_the_last(house: House) -> None:
    sequence = showing(1, "alice", b"a", BAD, b"c")

    (unseen,) = house.runs(sequence)

    assert unseen.words == "bad"
    assert house.looked == ["alice", "alice"]


def test_who_leaves_while_a_picture_is_looked_at_gets_no_more_looks(house: House) -> None:
    sequence = showing(1, "alice", b"a", b"b")
    house.seeing.go_on([sequence], running=[])

    house.seeing.forget(sequence)
    house.runs()
    house.seeing.close()

    assert house.looked == ["alice"]
