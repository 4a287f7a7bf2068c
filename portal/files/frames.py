"""What a tab is told of files. They come and go over HTTP (views.py), so nothing is asked here."""

from uuid import UUID

from portal.chat.vocabulary import Shown, Told
from portal.files.errors import sentence_of
from portal.files.models import File


class ShownFile(Shown, frozen=True, kw_only=True):
    """`sentence` says why it was refused. `tokens` of a document are a guess that holds for no
    model exactly; width and height are a picture's."""

    id: UUID
    name: str
    kind: str
    media_type: str
    size_bytes: int
    state: str
    sentence: str
    tokens: int | None
    width: int | None
    height: int | None


class FileChanged(Told, frozen=True, kw_only=True, tag="file.changed"):
    file: ShownFile


Frame = FileChanged


def file(row: File) -> ShownFile:
    return ShownFile(
        id=row.id,
        name=row.name,
        kind=row.kind,
        media_type=row.media_type,
        size_bytes=row.size_bytes,
        state=row.state,
        sentence=sentence_of(row.problem),
        tokens=row.tokens,
        width=row.width,
        height=row.height,
    )
