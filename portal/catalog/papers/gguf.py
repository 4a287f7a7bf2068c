"""The header reader under the name the catalogue knows it by. The reader itself is `gguffile/`."""

from gguffile.header import Array, Header, NotAGguf, Tensor, Value, read, read_open

__all__ = ["Array", "Header", "NotAGguf", "Tensor", "Value", "read", "read_open"]
