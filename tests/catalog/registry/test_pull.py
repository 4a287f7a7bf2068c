"""Fetching from a registry: every lie is found out, nothing is fetched twice, nothing grows."""

import dataclasses
import errno
import gzip
import hashlib
import itertools
import os
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from portal.catalog.names import Digest, ModelName
from portal.catalog.registry import (
    BadAnswer,
    Cancelled,
    Failed,
    InUse,
    NotFound,
    Registry,
    RegistryError,
    Rules,
    Stalled,
    TooMany,
    Unreachable,
    WrongBytes,
    ledger,
    part,
)
from portal.catalog.registry.ledger import Shape
from portal.catalog.registry.part import Part
from portal.catalog.registry.patience import retry_after_seconds
from portal.catalog.storage import files
from portal.catalog.storage.manifest import Layer
from portal.catalog.storage.store import NoSpace
from tests.catalog.registry.conftest import CHUNK_BYTES, files_in, ignored, with_patience
from tests.doubles.lying_registry import Asked, Lie, LyingRegistry, for_blobs, once

# Ten chunks and a bit, none like another.
WEIGHTS = hashlib.shake_256(b"7").digest(10 * CHUNK_BYTES + 123)


def fetch(
    registry: Registry, name: ModelName, layer: Layer, folder: Path, told: list[int] | None = None
) -> bytes:
    staged = registry.fetch(
        name, layer, into=folder, told=(told if told is not None else []).append
    )
    assert staged.digest == layer.digest
    return staged.path.read_bytes()


@pytest.fixture
def model(lying: LyingRegistry) -> ModelName:
    return lying.add_model("small", WEIGHTS)


@pytest.fixture
def layer(lying: LyingRegistry, model: ModelName) -> Layer:
    return lying.add(WEIGHTS)


# ── What a pull gives ────────────────────────────────────────────────────────────────────────


def test_a_manifest_comes_as_it_is_byte_for_byte(registry, lying, model):
    fetched = registry.manifest(model)

    assert fetched.data == lying.manifests["me/small:latest"]
    assert fetched.manifest.layers[0].size_bytes == len(WEIGHTS)
    asked = lying.seen[0]
    assert asked.path == "/v2/me/small/manifests/latest"
    assert asked.headers["Accept"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert asked.headers["User-Agent"].startswith("ollama/")
    assert asked.headers["Accept-Encoding"] == "identity"


def test_a_file_comes_in_ranges_by_several_streams_and_is_what_it_was(
    registry, lying, model, layer, folder
):
    told: list[int] = []

    assert fetch(registry, model, layer, folder, told) == WEIGHTS

    ranges = {each.range for each in lying.asked_for("GET", "/blobs/")}
    assert len(ranges) == 11
    assert told[-1] == len(WEIGHTS)
    assert told == sorted(told)


def test_an_empty_file_needs_no_request(registry, lying, model, folder):
    empty = lying.add(b"")

    assert fetch(registry, model, empty, folder) == b""
    assert not lying.asked_for("GET", "/blobs/")


@pytest.mark.parametrize("size", [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1])
def test_a_file_of_any_length_comes_whole(registry, lying, model, folder, size):
    assert fetch(registry, model, lying.add(WEIGHTS[:size]), folder) == WEIGHTS[:size]


def test_a_registry_without_ranges_is_read_in_one_stream(registry, lying, model, layer, folder):
    lying.lies = [for_blobs(whole)]

    assert fetch(registry, model, layer, folder) == WEIGHTS
    assert len(lying.asked_for("GET", "/blobs/")) == 1


def test_one_stream_that_breaks_begins_again_and_still_ends_right(
    registry, lying, model, layer, folder
):
    lying.lies = [once(for_blobs(whole_but_short)), for_blobs(whole)]

    assert fetch(registry, model, layer, folder) == WEIGHTS
    assert len(lying.asked_for("GET", "/blobs/")) == 2


def asked_ranges(lying: LyingRegistry) -> list[tuple[int, int]]:
    texts = [each.range.removeprefix("bytes=") for each in lying.asked_for("GET", "/blobs/")]
    return [(int(begin), int(end)) for begin, _, end in (text.partition("-") for text in texts)]


def test_one_stream_that_breaks_may_go_on_by_ranges(registry, lying, model, layer, folder):
    lying.lies = [once(for_blobs(whole_but_short))]

    assert fetch(registry, model, layer, folder) == WEIGHTS
    assert all(begin <= end for begin, end in asked_ranges(lying))
    assert Registry.kept_bytes(layer, into=folder) == len(WEIGHTS)


@pytest.mark.parametrize("begin", [0, CHUNK_BYTES])
def test_a_stream_that_breaks_behind_its_last_byte_is_not_asked_for_more(
    registry, lying, model, layer, folder, begin
):
    def breaks(asked: Asked) -> bool:
        return (asked.wants() or (0, 0))[0] == begin and in_pieces_without_an_end(asked)

    lying.lies = [once(for_blobs(breaks))]

    assert fetch(registry, model, layer, folder) == WEIGHTS
    assert all(begin <= end for begin, end in asked_ranges(lying))
    assert Registry.kept_bytes(layer, into=folder) == len(WEIGHTS)


@pytest.mark.threat("E8")
def test_what_is_there_is_not_written_again_for_it_may_have_been_hashed(layer, folder):
    growing = Part(Shape(layer.digest, len(WEIGHTS), CHUNK_BYTES), folder=folder)

    growing.write(0, b"good", at=0)
    growing.write(0, b"evil and more", at=0)
    growing.write(0, b"nothing", at=2)
    growing.close()

    assert growing.path.read_bytes()[:14] == b"good and more\0"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_any_kind_is_followed(registry, lying, model, layer, folder, status):
    def elsewhere(asked: Asked) -> bool:
        asked.say(status, Location=f"/files/{layer.digest}")
        return True

    lying.lies = [for_blobs(elsewhere)]

    assert fetch(registry, model, layer, folder) == WEIGHTS


def test_the_registry_is_not_asked_again_for_every_chunk_where_the_file_lies(
    registry, lying, model, layer, folder
):
    def elsewhere(asked: Asked) -> bool:
        asked.say(307, Location=f"/files/{layer.digest}")
        return True

    lying.lies = [for_blobs(elsewhere)]
    fetch(registry, model, layer, folder)

    assert len(lying.asked_for("GET", "/blobs/")) == 1


def test_an_address_that_ended_is_asked_for_again(registry, lying, model, layer, folder):
    ends_after = 3

    def elsewhere(asked: Asked) -> bool:
        asked.say(307, Location=f"/files/{layer.digest}")
        return True

    def ended(asked: Asked) -> bool:
        if (
            asked.path.startswith("/files/")
            and len(lying.asked_for("GET", "/files/")) == ends_after
        ):
            asked.say(403, b"expired")
            return True
        return False

    lying.lies = [ended, for_blobs(elsewhere)]

    assert fetch(registry, model, layer, folder) == WEIGHTS
    assert len(lying.asked_for("GET", "/blobs/")) >= 2


# ── Lies ─────────────────────────────────────────────────────────────────────────────────────


def piece(asked: Asked) -> bytes:
    """What was asked for."""
    begin, end = asked.wants() or (0, len(WEIGHTS) - 1)
    return WEIGHTS[begin : end + 1]


def range_of(asked: Asked, *, moved: int = 0, total: int = len(WEIGHTS)) -> str:
    begin, end = asked.wants() or (0, len(WEIGHTS) - 1)
    return f"bytes {begin + moved}-{end + moved}/{total}"


def whole(asked: Asked) -> bool:
    asked.say(200, WEIGHTS)
    return True


def whole_but_short(asked: Asked) -> bool:
    asked.say(200, WEIGHTS[: 3 * CHUNK_BYTES], Content_Length=str(len(WEIGHTS)))
    asked.hang_up()
    return True


def in_pieces_without_an_end(asked: Asked) -> bool:
    asked.send_response(206)
    asked.send_header("Content-Range", range_of(asked))
    asked.send_header("Transfer-Encoding", "chunked")
    asked.end_headers()
    asked.write(b"%x\r\n%b\r\n" % (len(piece(asked)), piece(asked)))
    asked.hang_up()
    return True


def whole_for_a_later_range(asked: Asked) -> bool:
    return asked.wants() != (0, CHUNK_BYTES - 1) and whole(asked)


def another_range(asked: Asked) -> bool:
    asked.say(206, piece(asked), Content_Range=range_of(asked, moved=CHUNK_BYTES))
    return True


def another_total(asked: Asked) -> bool:
    asked.say(206, piece(asked), Content_Range=range_of(asked, total=len(WEIGHTS) + 1))
    return True


def no_range_named(asked: Asked) -> bool:
    asked.say(206, piece(asked))
    return True


def another_length(asked: Asked) -> bool:
    asked.say(206, piece(asked) + b"more", Content_Range=range_of(asked))
    return True


def a_short_body(asked: Asked) -> bool:
    short = piece(asked)[:-10]
    asked.say(206, short, Content_Range=range_of(asked), Content_Length=str(len(piece(asked))))
    asked.hang_up()
    return True


def a_body_without_end(asked: Asked) -> bool:
    asked.send_response(206)
    asked.send_header("Content-Range", range_of(asked))
    asked.send_header("Connection", "close")
    asked.end_headers()
    asked.pour()
    return True


def a_short_body_of_no_length(asked: Asked) -> bool:
    asked.send_response(206)
    asked.send_header("Content-Range", range_of(asked))
    asked.send_header("Connection", "close")
    asked.end_headers()
    asked.write(piece(asked)[:-1])
    asked.hang_up()
    return True


def packed(asked: Asked) -> bool:
    asked.say(
        206, gzip.compress(piece(asked)), Content_Range=range_of(asked), Content_Encoding="gzip"
    )
    return True


def nonsense(asked: Asked) -> bool:
    asked.write(b"\x00\x01 this is not HTTP\r\n\r\n")
    asked.hang_up()
    return True


def stalled(asked: Asked) -> bool:
    asked.send_response(206)
    asked.send_header("Content-Range", range_of(asked))
    asked.send_header("Content-Length", str(len(piece(asked))))
    asked.end_headers()
    asked.write(piece(asked)[:1000])
    asked.registry.released.wait()
    asked.hang_up()
    return True


LIES: list[tuple[Lie, type[RegistryError]]] = [
    (whole_for_a_later_range, BadAnswer),
    (another_range, BadAnswer),
    (another_total, BadAnswer),
    (no_range_named, BadAnswer),
    (another_length, BadAnswer),
    (a_short_body, Unreachable),
    (a_body_without_end, BadAnswer),
    (a_short_body_of_no_length, BadAnswer),
    (packed, BadAnswer),
    (nonsense, Unreachable),
]


@pytest.mark.threat("E7")
@pytest.mark.parametrize(("lie", "error"), LIES, ids=lambda each: getattr(each, "__name__", ""))
def test_a_lie_about_a_file_never_makes_a_file(registry, lying, model, layer, folder, lie, error):
    lying.lies = [for_blobs(lie)]

    with pytest.raises(error) as told:
        fetch(registry, model, layer, folder)

    assert "nothing" in str(told.value)
    assert told.value.contract_text
    assert layer.digest.hex not in files_in(folder)


@pytest.mark.threat("E7")
@pytest.mark.parametrize("lie", [each for each, _ in LIES[1:]], ids=lambda each: each.__name__)
def test_a_lie_told_once_is_asked_about_again(registry, lying, model, layer, folder, lie):
    lying.lies = [once(for_blobs(lie))]

    if lie is packed:
        # This one is not a mishap: whoever packs once means it.
        with pytest.raises(BadAnswer):
            fetch(registry, model, layer, folder)
    else:
        assert fetch(registry, model, layer, folder) == WEIGHTS


@pytest.mark.threat("E7")
def test_silence_ends_by_itself(rules, lying, model, layer, folder):
    lying.lies = [for_blobs(stalled)]
    hasty = Registry(with_patience(rules, stall_seconds=0.05))

    with pytest.raises(Stalled) as told:
        fetch(hasty, model, layer, folder)

    assert told.value.contract_text.startswith("max retries exceeded: ")


@pytest.mark.threat("E7")
def test_drops_now_and_then_are_silence_too(rules, lying, model, layer, folder):
    impatient = with_patience(rules, stall_seconds=0.5, stalls=1, floor_bytes_per_second=10**9)

    def dripping(asked: Asked) -> bool:
        asked.send_response(206)
        asked.send_header("Content-Range", range_of(asked))
        asked.send_header("Content-Length", str(len(piece(asked))))
        asked.end_headers()
        for byte in piece(asked):
            if asked.is_left or asked.registry.released.wait(0.01):
                break
            asked.write(bytes([byte]))
        asked.hang_up()
        return True

    lying.lies = [for_blobs(dripping)]

    with pytest.raises(Stalled):
        fetch(Registry(impatient), model, layer, folder)


@pytest.mark.threat("E7")
@pytest.mark.parametrize(("status", "error"), [(200, Stalled), (400, Failed)])
def test_a_small_answer_that_drips_for_ever_ends(rules, lying, model, status, error):
    def dripping(asked: Asked) -> bool:
        asked.send_response(status)
        asked.end_headers()
        asked.write(b"no")
        asked.registry.released.wait()
        asked.hang_up()
        return True

    lying.lies = [dripping]
    # Its time is over with the first drop.
    with pytest.raises(error) as told:
        Registry(with_patience(rules, document_seconds=-1.0)).manifest(model)

    assert told.value.contract_text.endswith(("no bytes came", "400: no"))


@pytest.mark.threat("E7")
def test_who_asks_us_to_wait_is_waited_for(registry, lying, model, layer, folder):
    def busy(asked: Asked) -> bool:
        asked.say(429, b"slowly", Retry_After="0")
        return True

    lying.lies = [once(for_blobs(busy)), once(for_blobs(busy))]

    assert fetch(registry, model, layer, folder) == WEIGHTS


@pytest.mark.threat("E7")
@pytest.mark.parametrize("seconds", ["0", "86400"])
def test_who_asks_us_to_wait_for_ever_is_not(registry, lying, model, layer, folder, seconds):
    def busy(asked: Asked) -> bool:
        asked.say(429, b"slowly", Retry_After=seconds)
        return True

    lying.lies = [for_blobs(busy)]

    with pytest.raises(TooMany) as told:
        fetch(registry, model, layer, folder)
    assert told.value.contract_text == "max retries exceeded: 429: slowly"


def test_a_server_that_fails_is_asked_again(registry, lying, model, layer, folder):
    def broken(asked: Asked) -> bool:
        asked.say(503, b"later")
        return True

    lying.lies = [once(for_blobs(broken))]
    assert fetch(registry, model, layer, folder) == WEIGHTS

    lying.lies = [for_blobs(broken)]
    registry.forget(layer.digest, into=folder)
    with pytest.raises(Failed) as told:
        fetch(registry, model, layer, folder)
    assert told.value.contract_text == "max retries exceeded: 503: later"


def test_an_absent_file_is_not_asked_for_again(registry, lying, model, folder):
    absent = Layer(media_type="x", digest=Digest("a" * 64), size_bytes=5)

    with pytest.raises(NotFound) as told:
        fetch(registry, model, absent, folder)

    assert told.value.contract_text == "file does not exist"
    assert len(lying.asked_for("GET", "/blobs/")) == 1


# ── Digests ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.threat("E8")
def test_wrong_bytes_are_fetched_once_more_from_zero_and_then_refused(
    registry, lying, model, layer, folder
):
    lying.blobs[str(layer.digest)] = WEIGHTS[:-1] + b"?"
    got = hashlib.sha256(WEIGHTS[:-1] + b"?").hexdigest()

    with pytest.raises(WrongBytes) as told:
        fetch(registry, model, layer, folder)

    assert told.value.contract_text == (
        f"digest mismatch, file must be downloaded again: want {layer.digest}, got sha256:{got}"
    )
    assert "twice" in str(told.value)
    first = [each for each in lying.seen if each.range.startswith("bytes=0-")]
    assert len(first) == 2
    assert files_in(folder) == set()


@pytest.mark.threat("E8")
def test_bytes_that_were_wrong_once_end_right(registry, lying, model, layer, folder):
    def wrong(asked: Asked) -> bool:
        wrong = bytes(len(piece(asked)))
        asked.say(206, wrong, Content_Range=range_of(asked))
        return True

    lying.lies = [once(for_blobs(wrong))]

    assert fetch(registry, model, layer, folder) == WEIGHTS
    assert len(lying.asked_for("GET", "/blobs/")) == 22


@pytest.mark.threat("E9")
def test_what_lies_in_the_folder_is_not_believed_for_its_name(
    registry, lying, model, layer, folder
):
    """A part of the right name, length and ledger, and other bytes: it is found out."""
    staged = registry.fetch(model, layer, into=folder, told=ignored)
    staged.path.write_bytes(bytes(len(WEIGHTS)))
    lying.seen.clear()

    assert fetch(registry, model, layer, folder) == WEIGHTS
    assert len(lying.asked_for("GET", "/blobs/")) == 11


# ── Resume ───────────────────────────────────────────────────────────────────────────────────


def test_what_is_there_is_not_fetched_again(registry, lying, model, layer, folder):
    fetch(registry, model, layer, folder)
    lying.seen.clear()

    assert fetch(registry, model, layer, folder) == WEIGHTS
    assert not lying.seen
    assert registry.kept_bytes(layer, into=folder) == len(WEIGHTS)

    registry.forget(layer.digest, into=folder)
    assert files_in(folder) == set()
    assert registry.kept_bytes(layer, into=folder) == 0


def test_a_broken_pull_goes_on_where_it_was(rules, lying, model, layer, folder):
    kept_bytes = 5 * CHUNK_BYTES
    registry = Registry(with_patience(rules, stall_seconds=60.0))

    def from_the_sixth(asked: Asked) -> bool:
        """Once the five before it are there for good."""
        begin, _ = asked.wants() or (0, 0)
        while begin >= kept_bytes > registry.kept_bytes(layer, into=folder):
            if asked.registry.released.wait(0.01):
                break
        return begin >= kept_bytes and nonsense(asked)

    lying.lies = [for_blobs(from_the_sixth)]
    with pytest.raises(Unreachable):
        fetch(registry, model, layer, folder)
    assert registry.kept_bytes(layer, into=folder) == kept_bytes
    lying.lies = []

    # By another name: requests that were cut off may still reach the server, and are not counted.
    again = lying.add_model("again", WEIGHTS)
    assert fetch(registry, again, layer, folder) == WEIGHTS
    assert len(lying.asked_for("GET", "/me/again/blobs/")) == 6


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"\xff\xfe",
        b"chunks 2 something else\n0.\n1.\n",
        b"chunks 1 sha256:%(hex)s 5 65536\n0.\n",
        b"chunks 1 sha256:%(hex)s %(size)d 65536\n99.\n-1.\nx.\n0\n",
    ],
)
def test_a_ledger_that_says_nothing_sure_says_nothing(
    registry, lying, model, layer, folder, written
):
    fetch(registry, model, layer, folder)
    path = folder / f"{layer.digest.hex}.part.ledger"
    path.write_bytes(
        written.replace(b"%(hex)s", layer.digest.hex.encode()).replace(
            b"%(size)d", str(len(WEIGHTS)).encode()
        )
    )

    assert registry.kept_bytes(layer, into=folder) == 0
    lying.seen.clear()
    assert fetch(registry, model, layer, folder) == WEIGHTS
    assert len(lying.seen) == 11


@pytest.mark.threat("E10")
def test_a_line_of_the_ledger_that_was_cut_off_counts_for_nothing(folder):
    """Written "12.", and the power went after "1": chunk 1 is not there."""
    shape = Shape(Digest("b" * 64), 20 * CHUNK_BYTES, CHUNK_BYTES)
    Part(shape, folder=folder).close()
    path = folder / f"{shape.digest.hex}.part.ledger"
    path.write_bytes(path.read_bytes() + b"3.\n1")

    opened = Part(shape, folder=folder)
    opened.close()

    assert opened.done == {3}
    assert Part(shape, folder=folder).done == {3}


@pytest.mark.threat("E12")
def test_a_line_that_a_full_disk_cut_off_does_not_become_another(folder, monkeypatch):
    """Of "1." only "1" was written, and the next line says "3.": chunk 13 is not there."""
    shape = Shape(Digest("b" * 64), 20 * CHUNK_BYTES, CHUNK_BYTES)
    Part(shape, folder=folder).close()
    noted = ledger.Ledger(shape, folder=folder)
    really_write = os.write

    def cut_off(file: int, data: bytes) -> int:
        return really_write(file, data.rstrip()[:-1])

    with monkeypatch.context() as full:
        full.setattr(os, "write", cut_off)
        noted.add([1])
    noted.add([3])
    noted.close()

    assert ledger.read(shape, folder=folder) == {3}


def test_one_file_is_fetched_by_one_process_at_a_time(registry, lying, model, layer, folder):
    theirs = Part(Shape(layer.digest, layer.size_bytes, CHUNK_BYTES), folder=folder)

    with pytest.raises(InUse) as told:
        fetch(registry, model, layer, folder)
    theirs.close()

    assert "shared" in str(told.value)
    assert fetch(registry, model, layer, folder) == WEIGHTS


@pytest.mark.threat("E20")
@pytest.mark.parametrize("trap", ["link", "second name", "folder"])
def test_what_stands_in_the_place_of_a_part_is_not_written_to(
    registry, lying, model, layer, folder, tmp_path, trap
):
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    place = folder / f"{layer.digest.hex}.part"
    if trap == "link":
        place.symlink_to(outside)
    elif trap == "second name":
        place.hardlink_to(outside)
    else:
        place.mkdir()

    with pytest.raises(OSError, match="not a"):
        fetch(registry, model, layer, folder)

    assert outside.read_bytes() == b"mine"


# ── Cancel ───────────────────────────────────────────────────────────────────────────────────


def test_nobody_wants_it_any_more_and_it_ends_at_once(rules, lying, model, layer, folder):
    """While a server says nothing and patience is long."""
    patient = Registry(with_patience(rules, stall_seconds=100.0))
    reached = threading.Event()

    def silent(asked: Asked) -> bool:
        reached.set()
        return stalled(asked)

    lying.lies = [for_blobs(silent)]
    told: list[int] = []

    with pytest.raises(Cancelled) as error:
        patient.fetch(
            model,
            layer,
            into=folder,
            told=told.append,
            wanted=lambda: not reached.is_set() or not told or told[-1] == 0,
        )

    assert error.value.contract_text == "context canceled"
    lying.released.set()
    lying.lies = []
    assert fetch(patient, model, layer, folder) == WEIGHTS


def test_a_manifest_nobody_wants_is_not_waited_for(rules, lying, model):
    patient = Registry(with_patience(rules, stall_seconds=100.0))
    reached = threading.Event()

    def silent(asked: Asked) -> bool:
        reached.set()
        asked.registry.released.wait()
        asked.hang_up()
        return True

    lying.lies = [silent]

    with pytest.raises(Cancelled):
        patient.manifest(model, wanted=lambda: not reached.is_set())


def test_what_is_not_wanted_from_the_beginning_asks_nobody(registry, lying, model, layer, folder):
    for call in (
        lambda: registry.manifest(model, wanted=lambda: False),
        lambda: registry.fetch(model, layer, into=folder, told=ignored, wanted=lambda: False),
    ):
        with pytest.raises(Cancelled):
            call()
    assert not lying.seen


# ── Manifests ────────────────────────────────────────────────────────────────────────────────


def manifest_that(answer: Callable[[Asked], None]) -> Lie:
    def lie(asked: Asked) -> bool:
        answer(asked)
        return True

    return lie


@pytest.mark.parametrize(
    ("name", "status", "body", "text"),
    [
        ("small", 500, b"boom", "pull model manifest: 500: boom"),
        ("small", 404, b"", "pull model manifest: file does not exist"),
        ("small", 401, b"", "pull model manifest: unauthorized: access denied"),
        ("small", 418, b"teapot", "pull model manifest: 418: teapot"),
    ],
)
def test_a_refusal_is_told_as_clients_know_it(registry, lying, model, name, status, body, text):
    lying.lies = [manifest_that(lambda asked: asked.say(status, body))]

    with pytest.raises(RegistryError) as told:
        registry.manifest(model)

    assert told.value.contract_text == text
    assert "changed" in str(told.value)


def test_a_layer_without_a_digest_has_words_of_its_own(registry, lying, model):
    data = b'{"schemaVersion":2,"config":{"digest":"","size":1},"layers":[]}'
    lying.lies = [manifest_that(lambda asked: asked.say(200, data))]

    with pytest.raises(BadAnswer) as told:
        registry.manifest(model)

    assert told.value.contract_text == "pull model manifest: me/small: digest is empty"


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"<html>", b'{"layers":[{}]}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_manifest_is_said_to_be_none(registry, lying, model, data):
    lying.lies = [manifest_that(lambda asked: asked.say(200, data))]

    with pytest.raises(BadAnswer):
        registry.manifest(model)


def test_what_an_error_says_can_be_kept_in_every_database(registry, lying, model):
    lying.lies = [manifest_that(lambda asked: asked.say(400, b"no\0pe"))]

    with pytest.raises(Failed) as told:
        registry.manifest(model)

    assert told.value.contract_text == "pull model manifest: 400: nope"


@pytest.mark.threat("E6")
@pytest.mark.parametrize("status", [200, 500])
def test_a_small_answer_without_end_is_cut_off(registry, lying, model, status):
    def answer(asked: Asked) -> None:
        asked.send_response(status)
        asked.send_header("Connection", "close")
        asked.end_headers()
        asked.pour()

    lying.lies = [manifest_that(answer)]

    with pytest.raises(RegistryError) as told:
        registry.manifest(model)

    assert len(told.value.contract_text) < 10_000
    assert "too long" in told.value.contract_text or "500" in told.value.contract_text


@pytest.mark.threat("E6")
def test_a_small_answer_that_says_it_is_huge_is_not_read(registry, lying, model):
    lying.lies = [manifest_that(lambda asked: asked.say(200, b"{}", Content_Length=str(2**40)))]

    with pytest.raises(BadAnswer):
        registry.manifest(model)


@pytest.mark.threat("E6")
def test_a_packed_answer_is_refused_unread_and_memory_stays_flat(registry, lying, model):
    bomb = gzip.compress(bytes(50_000_000))
    lying.lies = [manifest_that(lambda asked: asked.say(200, bomb, Content_Encoding="gzip"))]
    tracemalloc.start()
    try:
        with pytest.raises(BadAnswer) as told:
            registry.manifest(model)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert "packed" in told.value.contract_text
    assert most < 25_000_000


@pytest.mark.threat("E6")
def test_an_error_of_a_megabyte_is_told_in_a_few_words(registry, lying, model):
    lying.lies = [manifest_that(lambda asked: asked.say(400, b"no " * 400_000))]

    with pytest.raises(Failed) as told:
        registry.manifest(model)

    assert len(told.value.contract_text) < 5000
    assert len(str(told.value)) < 1000


def test_a_registry_that_is_away_is_said_to_be_away(rules, folder, layer):
    nowhere = "127.0.0.1:1"
    registry = Registry(dataclasses.replace(rules, registries=(nowhere,)))

    with pytest.raises(Unreachable) as told:
        registry.manifest(ModelName(nowhere, "me", "small", "latest"))

    assert told.value.contract_text.startswith("pull model manifest: ")
    assert str(told.value).startswith(f"{nowhere} does not answer.")


def test_rules_come_from_the_settings(settings):
    rules = Rules.of(settings.PORTAL)

    assert rules.registries == ("registry.ollama.ai", "hf.co", "huggingface.co")
    assert rules.key_file == settings.PORTAL.home / "id_ed25519"


# ── A full disk ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.threat("E12")
def test_what_can_never_fit_is_not_asked_for(registry, lying, model, folder):
    huge = Layer(media_type="x", digest=Digest("c" * 64), size_bytes=2**60)

    with pytest.raises(NoSpace) as told:
        fetch(registry, model, huge, folder)

    assert told.value.missing_bytes > 2**59
    assert not lying.seen


@pytest.mark.threat("E12")
@pytest.mark.parametrize(
    ("step", "which"), [("pwrite", 1), ("pwrite", 5), ("fdatasync", 1), ("write", 1), ("write", 2)]
)
def test_a_disk_that_fills_up_ends_it_and_says_how_much_is_missing(
    rules, registry, lying, model, layer, folder, monkeypatch, step, which
):
    """At a write of the file, at its sync, or at a line of the ledger; the first or a later one."""
    honest, calls = getattr(os, step), itertools.count(1)

    def full(*arguments: object) -> object:
        if next(calls) == which:
            raise OSError(errno.ENOSPC, "full")
        return honest(*arguments)

    module = ledger if step == "write" else part
    monkeypatch.setattr(module, "os", StandIn(os, **{step: full}))
    small = Registry(dataclasses.replace(rules, streams=1))

    with pytest.raises(NoSpace) as told:
        fetch(small, model, layer, folder)

    assert told.value.missing_bytes >= 1
    monkeypatch.undo()
    assert fetch(registry, model, layer, folder) == WEIGHTS


class StandIn:
    """A module with one function replaced."""

    def __init__(self, module: object, **instead: object) -> None:
        self._module = module
        vars(self).update(instead)

    def __getattr__(self, name: str) -> object:
        return getattr(self._module, name)


@pytest.mark.parametrize("disk", ["without preallocation", "full at preallocation"])
def test_a_disk_of_another_kind_is_written_too(
    registry, lying, model, layer, folder, monkeypatch, disk
):
    def allocated(file: int, start: int, size_bytes: int) -> bool:
        if disk == "full at preallocation":
            raise OSError(errno.ENOSPC, "full")
        return False

    monkeypatch.setattr(files, "allocate", allocated)

    if disk == "full at preallocation":
        with pytest.raises(NoSpace):
            fetch(registry, model, layer, folder)
        assert not lying.seen
    else:
        assert fetch(registry, model, layer, folder) == WEIGHTS


# ── Waiting ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        ("soon", None),
        ("-1", None),
        ("٣", None),
        ("Mon, 01 Jan 2024 00:00:00 +99999999999999999999", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 2015 07:28:00", 0.0),
    ],
)
def test_the_word_when_to_ask_again_is_read(value, seconds):
    assert retry_after_seconds(value) == seconds
