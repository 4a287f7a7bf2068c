"""What a context remembers of its slots: how much, cut back, saved, restored, marked.

Not for computing, nor for which slot is whose.
"""

import ctypes
from typing import Any

from inference.engine.backend import BackendError
from inference.engine.llama.library import lib

_WHOLE = -1
# LLAMA_STATE_SEQ_FLAGS_NONE and _PARTIAL_ONLY: all, or what cannot be cut back.
_ALL, _PARTIAL = 0, 1
_Bytes = ctypes.POINTER(ctypes.c_uint8)
# A bytes object to be written before anybody else sees it: no zeroes first, no copy afterwards.
_new_bytes = ctypes.pythonapi.PyBytes_FromStringAndSize
_new_bytes.restype = ctypes.py_object
_new_bytes.argtypes = [ctypes.c_void_p, ctypes.c_ssize_t]


class Memory:
    """Of one context with a stream of memory for each slot. `window` 0: all tokens are seen."""

    def __init__(self, context: Any, *, can_cut: bool, window: int) -> None:
        self._context = context
        self._memory = lib.llama_get_memory(context)
        self._can_cut = can_cut
        self._window = window

    def length(self, slot: int) -> int:
        return int(lib.llama_memory_seq_pos_max(self._memory, slot)) + 1

    def floor(self, slot: int) -> int:
        if not self._can_cut:
            return self.length(slot)
        # The library keeps all between the first position it tells of and the last. Whoever
        # follows `length` tokens sees `window - 1` of them: those must still be there.
        begins = int(lib.llama_memory_seq_pos_min(self._memory, slot))
        if begins <= 0:
            return 0
        return begins + self._window - 1 if self._window else self.length(slot)

    def cut(self, slot: int, *, length: int) -> bool:
        if length == 0:
            return bool(lib.llama_memory_seq_rm(self._memory, slot, _WHOLE, _WHOLE))
        held = self.length(slot)
        if held <= length or length < self.floor(slot):
            return held == length
        is_cut = bool(lib.llama_memory_seq_rm(self._memory, slot, length, _WHOLE))
        return is_cut and self.length(slot) == length

    def mark(self, slot: int) -> bytes:
        return self._read(slot, flags=_PARTIAL)

    def rewind(self, slot: int, state: bytes, *, length: int) -> bool:
        if self._write(slot, state, flags=_PARTIAL):
            is_cut = bool(lib.llama_memory_seq_rm(self._memory, slot, length, _WHOLE))
            if is_cut and self.length(slot) == length:
                return True
        self.cut(slot, length=0)
        return False

    def saved_bytes(self, slot: int) -> int:
        return self._bytes(slot, flags=_ALL)

    def marked_bytes(self, slot: int) -> int:
        return self._bytes(slot, flags=_PARTIAL)

    def save(self, slot: int) -> bytes:
        return self._read(slot, flags=_ALL)

    def restore(self, slot: int, state: bytes) -> bool:
        if self._write(slot, state, flags=_ALL):
            return True
        self.cut(slot, length=0)
        return False

    def _read(self, slot: int, *, flags: int) -> bytes:
        size = self._bytes(slot, flags=flags)
        state: bytes = _new_bytes(None, size)
        start = ctypes.cast(ctypes.c_char_p(state), _Bytes)
        if lib.llama_state_seq_get_data_ext(self._context, start, size, slot, flags) != size:
            raise BackendError("the state of a slot is not of the size that was told")
        return state

    def _bytes(self, slot: int, *, flags: int) -> int:
        return int(lib.llama_state_seq_get_size_ext(self._context, slot, flags))

    def _write(self, slot: int, state: bytes, *, flags: int) -> bool:
        start = ctypes.cast(ctypes.c_char_p(state), _Bytes)
        done = lib.llama_state_seq_set_data_ext(self._context, start, len(state), slot, flags)
        return bool(done == len(state))
