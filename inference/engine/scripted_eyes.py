"""Eyes of the scripted backend: a picture is words about it. Not for what is made of those."""

from dataclasses import dataclass

from inference.engine.backend import Vocabulary
from inference.engine.pictures.reading import Picture
from inference.engine.pictures.seen import Seen


@dataclass(frozen=True, slots=True)
class ScriptedEyes:
    """Sees of a picture its size and the beginning of its digest, and puts that into the prompt."""

    vocabulary: Vocabulary

    def look(self, picture: Picture) -> Seen:
        text = f"[picture {picture.width}x{picture.height} {picture.digest.hex()[:8]}]"
        return Seen([self.vocabulary.encode(text)])
