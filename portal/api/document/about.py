"""How a shape of the document is written: what a field means, in words that are translated.

Not for reading requests or writing replies: the doors do that, and tests hold them to the shapes.
"""

import msgspec

# Read by clients that import the document: the field may be sent, and changes nothing.
IGNORED = "x-ignored"


def about(
    text: str,
    *,
    is_ignored: bool = False,
    ge: int | None = None,
    le: int | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
) -> msgspec.Meta:
    """What a field means. The text is collected for translation like any other."""
    more = {IGNORED: True} if is_ignored else None
    if min_length is None and max_length is None:
        return msgspec.Meta(description=text, ge=ge, le=le, extra_json_schema=more)
    return msgspec.Meta(
        description=text, min_length=min_length, max_length=max_length, extra_json_schema=more
    )


class Asked(msgspec.Struct):
    """What a client sends. Fields that are not named here are ignored, and so is `null`."""


class Told(msgspec.Struct, forbid_unknown_fields=True):
    """What a client gets. There are no fields but these."""
