"""What a return code of a computation means. Not for computing."""

from inference.engine.backend import Aborted, BackendError, DeviceLost, NoRoom, OutOfMemory

_NO_ROOM, _ABORTED = 1, 2
_NO_MEMORY, _NOT_COMPUTED = -2, -3


def check(code: int, *, on_gpu: bool) -> None:
    """Raise NoRoom, Aborted, or the BackendError that this code stands for."""
    if code == _NO_ROOM:
        raise NoRoom
    if code == _ABORTED:
        raise Aborted
    if code == _NO_MEMORY:
        raise OutOfMemory("no memory in the middle of a computation")
    if code == _NOT_COMPUTED and on_gpu:
        raise DeviceLost("the accelerator did not compute")
    if code != 0:
        raise BackendError(f"llama_decode returned {code}")
