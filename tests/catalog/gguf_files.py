"""Small GGUF files, made by hand, good and bad."""

import struct
from collections.abc import Sequence


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def text_value(key: str, value: str) -> bytes:
    return text(key) + struct.pack("<I", 8) + text(value)


def number_value(key: str, value: int) -> bytes:
    return text(key) + struct.pack("<II", 4, value)


def texts_value(key: str, values: list[str]) -> bytes:
    listed = b"".join(text(value) for value in values)
    return text(key) + struct.pack("<IIQ", 9, 8, len(values)) + listed


def tensor(name: str, *, shape: tuple[int, ...], kind: int, offset: int) -> bytes:
    lengths = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return text(name) + lengths + struct.pack("<IQ", kind, offset)


def build_gguf(values: list[bytes], *, tensors: Sequence[bytes] = (), data: bytes = b"") -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    head += b"".join(values) + b"".join(tensors)
    if not tensors:
        return head
    return head + b"\0" * (-len(head) % 32) + data


MINIMAL = build_gguf([text_value("general.architecture", "test")])


def chat_gguf(*, salt: str = "", template: str = "{{ messages }}", context: int = 2048) -> bytes:
    """Two tensors, a vocabulary, a template: everything the header reader looks at."""
    values = [
        text_value("general.architecture", "llama"),
        text_value("general.name", f"small {salt}"),
        number_value("general.file_type", 15),
        number_value("llama.context_length", context),
        number_value("llama.embedding_length", 64),
        texts_value("tokenizer.ggml.tokens", ["a", "b", "ü", "<|im_start|>"]),
        number_value("tokenizer.ggml.bos_token_id", 1),
        number_value("tokenizer.ggml.eos_token_id", 2),
        text_value("tokenizer.chat_template", template),
    ]
    tensors = [
        tensor("one", shape=(32, 2), kind=0, offset=0),
        tensor("two", shape=(256,), kind=12, offset=256),
    ]
    return build_gguf(values, tensors=tensors, data=bytes(256) + bytes(160))


def large_gguf(data_bytes: int) -> bytes:
    """One tensor of so many bytes, no two stretches of it alike."""
    values = [
        text_value("general.architecture", "llama"),
        number_value("llama.context_length", 2048),
        number_value("llama.embedding_length", 64),
        text_value("tokenizer.chat_template", "{{ messages }}"),
    ]
    count = data_bytes // 4
    data = struct.pack(f"<{count}I", *range(count))
    return build_gguf(values, tensors=[tensor("one", shape=(count,), kind=0, offset=0)], data=data)
