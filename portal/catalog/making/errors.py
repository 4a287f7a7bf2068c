"""Why a model is not made: a sentence for people, their own words for programs. Decides nothing."""

from django.utils.translation import gettext_lazy as _

from portal.chat.errors import Sentence

NOT_MADE: Sentence = _(
    "The model was not made: %(reason)s. Nothing was changed, and every other model is as it was."
    " Correct this and try again."
)
NO_BLOB: Sentence = _(
    "The model was not made, because one of its files is not in the store: %(reason)s. Nothing was"
    " changed. Upload the file first, then try again."
)
NOT_QUANTISED: Sentence = _(
    "The file could not be made smaller: %(reason)s. It was tried in a process of its own, so"
    " nothing was harmed, and nothing of it was kept. Check that the file is sound, or choose"
    " another kind."
)


class NotMade(Exception):
    """A model cannot be made as it was asked for. `contract_text` is what programs are told."""

    sentence: Sentence = NOT_MADE

    def __init__(self, contract_text: str, *, status: int = 500) -> None:
        super().__init__(contract_text)
        self.contract_text = contract_text
        self.contract_status = status
        self.values = {"reason": contract_text}

    def __str__(self) -> str:
        return str(self.sentence) % self.values


class NoSuchBlob(NotMade):
    """A digest that names nothing in the store. Links and files of the wrong length are nothing."""

    sentence = NO_BLOB


class NotQuantised(NotMade):
    """The quantiser refused or died."""

    sentence = NOT_QUANTISED


def refused(contract_text: str) -> NotMade:
    """For what the client has to correct."""
    return NotMade(contract_text, status=400)
