"""Pictures through llama.cpp's mtmd: what a projector makes of one, and how a model reads that.

Not for picture files: `pictures/` unpacks those in a child. Not for where a picture stands in a
prompt either.
"""

import contextlib
import ctypes
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
from numpy.typing import NDArray

from inference.engine.backend import BackendError, Chunk, Unloadable
from inference.engine.llama.library import lib, mtmd
from inference.engine.pictures.reading import Picture
from inference.engine.pictures.seen import Seen, Span, Unseeable

_TEXT, _IMAGE = 0, 1
_AXES = ("t", "y", "x", "z")  # of a position, where a model tells rows from columns (M-RoPE)
Rows = NDArray[numpy.float32]


class LlamaSpan(Span):
    """`rows` are the embeddings once the projector has made them, one row of floats a token."""

    def __init__(self, chunk: Any, *, eyes: "LlamaEyes", digest: bytes) -> None:
        self._eyes = eyes
        self._chunk = chunk
        self.token_count = int(mtmd.mtmd_input_chunk_get_n_tokens(chunk))
        self.length = int(mtmd.mtmd_input_chunk_get_n_pos(chunk))
        self.sees_ahead = bool(mtmd.mtmd_decode_use_non_causal(eyes.context, chunk))
        self.is_whole = eyes.has_axes or self.sees_ahead
        self.marks = [_mark(digest, at) for at in range(self.length)]
        self.rows: Rows | None = None

    @property
    def is_encoded(self) -> bool:
        return self.rows is not None

    def encode(self) -> None:
        if self.rows is None:
            self.rows = self._eyes.encoded(self._chunk, token_count=self.token_count)

    def close(self) -> None:
        chunk, self._chunk = self._chunk, None
        if chunk is not None:
            mtmd.mtmd_input_chunk_free(chunk)

    def positions(self, start: int, *, offset: int, count: int) -> list[int]:
        """Of `count` rows from `offset` on, axis after axis where there are several."""
        if not self._eyes.has_axes:
            return list(range(start + offset, start + offset + count))
        places = (mtmd.mtmd_decoder_pos * self.token_count)()
        tokens = mtmd.mtmd_input_chunk_get_tokens_image(self._chunk)
        mtmd.mtmd_helper_image_get_decoder_pos(tokens, start, places)
        wanted = places[offset : offset + count]
        return [int(getattr(place, axis)) for axis in _AXES for place in wanted]


class LlamaEyes:
    """A projector beside its language model. `encoded` may run in a thread of its own."""

    def __init__(
        self, projector: Path, model: Any, *, threads: int, batch_tokens: int, on_gpu: bool
    ) -> None:
        params = mtmd.mtmd_context_params_default()
        params.use_gpu = on_gpu
        params.n_threads = threads
        params.print_timings = False
        self._batch_tokens = batch_tokens
        self._width = int(lib.llama_model_n_embd_inp(model))
        self.context = mtmd.mtmd_init_from_file(os.fsencode(projector), model, params)
        if not self.context:
            raise Unloadable("llama.cpp cannot load this projector beside this model")
        if not mtmd.mtmd_support_vision(self.context):
            self.close()
            raise Unloadable("a projector that sees nothing")
        self.has_axes = bool(mtmd.mtmd_decode_use_mrope(self.context))

    def look(self, picture: Picture) -> Seen:
        """The tokens and spans that stand for a picture. Quick: nothing is computed yet."""
        chunks = mtmd.mtmd_input_chunks_init()
        try:
            self._tokenize(picture, chunks)
            return Seen(list(self._parts(chunks, digest=picture.digest)))
        finally:
            mtmd.mtmd_input_chunks_free(chunks)

    def encoded(self, chunk: Any, *, token_count: int) -> Rows:
        if mtmd.mtmd_encode_chunk(self.context, chunk) != 0:
            raise Unseeable("the projector could not compute this picture")
        found = mtmd.mtmd_get_output_embd(self.context)
        rows: Rows = numpy.ctypeslib.as_array(found, (token_count, self._width)).copy()
        if not numpy.isfinite(rows).all():
            raise Unseeable("the projector gave no finite numbers")
        return rows

    def close(self) -> None:
        context, self.context = self.context, None
        if context:
            mtmd.mtmd_free(context)

    def _tokenize(self, picture: Picture, chunks: Any) -> None:
        pixels = (ctypes.c_uint8 * len(picture.pixels)).from_buffer_copy(picture.pixels)
        bitmap = mtmd.mtmd_bitmap_init(picture.width, picture.height, pixels)
        try:
            marker = mtmd.mtmd_default_marker()
            text = mtmd.mtmd_input_text(marker, len(marker), False, True)
            bitmaps = (mtmd.mtmd_bitmap_p_ctypes * 1)(bitmap)
            if mtmd.mtmd_tokenize(self.context, chunks, ctypes.byref(text), bitmaps, 1) != 0:
                raise Unseeable("the projector does not take this picture")
        finally:
            mtmd.mtmd_bitmap_free(bitmap)

    def _span(self, chunk: Any, *, digest: bytes) -> LlamaSpan:
        own = mtmd.mtmd_input_chunk_copy(chunk)
        span = LlamaSpan(own, eyes=self, digest=digest)
        if span.sees_ahead and span.token_count > self._batch_tokens:
            span.close()
            raise Unseeable("this picture takes more tokens than the model can see at once")
        return span

    def _parts(self, chunks: Any, *, digest: bytes) -> Iterator[list[int] | Span]:
        for at in range(int(mtmd.mtmd_input_chunks_size(chunks))):
            chunk = mtmd.mtmd_input_chunks_get(chunks, at)
            kind = int(mtmd.mtmd_input_chunk_get_type(chunk))
            if kind == _TEXT:
                count = ctypes.c_size_t()
                tokens = mtmd.mtmd_input_chunk_get_tokens_text(chunk, ctypes.byref(count))
                yield list(tokens[: count.value])
            elif kind == _IMAGE:
                yield self._span(chunk, digest=digest + at.to_bytes(4, "big"))
            else:
                raise Unseeable("the projector answers with something that is no picture")


@dataclass(frozen=True, slots=True)
class Batch:
    """`native` points into `held`."""

    native: Any
    held: tuple[Any, ...]


def rows_of(span: LlamaSpan, chunk: Chunk, *, most: int) -> Iterator[Batch]:
    """What of a span the model is to read now, at most `most` rows in one computation."""
    if span.rows is None:
        raise BackendError("a picture was to be read before it was looked at")
    offset = chunk.span_offset
    end = span.token_count if span.is_whole else offset + len(chunk.tokens)
    for first in range(offset, end, most):
        taken = min(most, end - first)
        places = span.positions(chunk.start - offset, offset=first, count=taken)
        yield _batch(span.rows[first : first + taken], places, slot=chunk.slot)


def _batch(rows: Rows, positions: list[int], *, slot: int) -> Batch:
    count = len(rows)
    floats = numpy.ascontiguousarray(rows)
    slots = ctypes.cast((lib.llama_seq_id * 1)(slot), ctypes.POINTER(lib.llama_seq_id))
    native = lib.llama_batch(
        n_tokens=count,
        token=None,
        embd=floats.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
        pos=(lib.llama_pos * len(positions))(*positions),
        n_seq_id=(ctypes.c_int32 * count)(*[1] * count),
        seq_id=(ctypes.POINTER(lib.llama_seq_id) * count)(*[slots] * count),
        logits=(ctypes.c_int8 * count)(),
    )
    return Batch(native, (floats, slots))


@contextlib.contextmanager
def attention(context: Any, *, is_causal: bool) -> Iterator[None]:
    """Some models look at all of a picture at once, forwards and backwards."""
    if is_causal:
        yield
        return
    lib.llama_set_causal_attn(context, False)
    try:
        yield
    finally:
        lib.llama_set_causal_attn(context, True)


def _mark(digest: bytes, at: int) -> int:
    """Below zero and within 32 bits, from the picture and the place in it."""
    found = hashlib.sha256(digest + at.to_bytes(4, "big")).digest()
    return -1 - (int.from_bytes(found[:4], "big") >> 1)
