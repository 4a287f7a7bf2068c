"""Which accelerators the library sees, and their memory. Not for choosing among them."""

import ctypes

from inference.devices import Device
from inference.engine.llama import library
from inference.engine.llama.library import ggml

_GRAPHICS, _INTEGRATED = 1, 2
_SHARING = ("Metal", "MTL")  # counts as dedicated there, though it is the machine's own memory


def listed() -> tuple[Device, ...]:
    """Every accelerator with memory, in the library's order. None on a machine with none."""
    library.start()
    _declare()
    found = []
    for number in range(ggml.ggml_backend_dev_count()):
        handle = ggml.ggml_backend_dev_get(number)
        kind = ggml.ggml_backend_dev_type(handle)
        if kind not in (_GRAPHICS, _INTEGRATED):
            continue
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        ggml.ggml_backend_dev_memory(handle, ctypes.byref(free), ctypes.byref(total))
        name = ggml.ggml_backend_dev_name(handle).decode("utf-8", "replace")
        found.append(
            Device(
                name=name,
                free_bytes=free.value,
                total_bytes=total.value,
                is_shared=kind == _INTEGRATED or name.startswith(_SHARING),
            )
        )
    return tuple(found)


def _declare() -> None:
    ggml.ggml_backend_dev_count.restype = ctypes.c_size_t
    ggml.ggml_backend_dev_get.argtypes = [ctypes.c_size_t]
    ggml.ggml_backend_dev_get.restype = ctypes.c_void_p
    ggml.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    ggml.ggml_backend_dev_type.restype = ctypes.c_int
    ggml.ggml_backend_dev_name.argtypes = [ctypes.c_void_p]
    ggml.ggml_backend_dev_name.restype = ctypes.c_char_p
    size = ctypes.POINTER(ctypes.c_size_t)
    ggml.ggml_backend_dev_memory.argtypes = [ctypes.c_void_p, size, size]
    ggml.ggml_backend_dev_memory.restype = None
