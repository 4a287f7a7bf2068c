"""Office files of before 2007, and new ones behind a password: one container. In the child."""

from unpacking.said import Text, Unreadable

# Names of streams, as the container spells them.
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_WORKBOOKS = ("Workbook".encode("utf-16-le"), "Book".encode("utf-16-le"))


def read(data: bytes) -> Text:
    """Workbooks can be read; documents and presentations have to be saved anew."""
    if _ENCRYPTED in data:
        raise Unreadable("protected")
    if not any(name in data for name in _WORKBOOKS):
        raise Unreadable("old-office")
    from unpacking import sheets

    return sheets.read(data, media_type=sheets.XLS)
