"""Models that come in, as administrators see them: asked for by name, and how far each one is.

Not for doing the work: portal/catalog/jobs does. The same rows before and after a reload.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.models import Person
from portal.catalog import jobs
from portal.catalog.models import OPEN_JOBS, Job, JobState, Model
from portal.catalog.names import ModelName, NotAName
from portal.catalog.registry import NotAllowed, Rules
from portal.chat.errors import BadCommand
from portal.streams import jobs as progress
from portal.streams.connection import AWAY

SHOWN_JOBS = 30
_KINDS: dict[str, Promise] = {
    "pull": gettext_lazy("Fetching"),
    "push": gettext_lazy("Sending"),
    "create": gettext_lazy("Making"),
    "convert": gettext_lazy("Converting"),
    "upload": gettext_lazy("Taking in"),
    "import": gettext_lazy("Taking in"),
    "adopt": gettext_lazy("Taking over"),
}
# The words of the contract, as people read them.
_STEPS: dict[str, Promise] = {
    "pulling manifest": gettext_lazy("Asking the registry what belongs to the model"),
    "verifying sha256 digest": gettext_lazy("Checking every byte"),
    "writing manifest": gettext_lazy("Giving it its name"),
    "removing unused layers": gettext_lazy("Removing files that nothing needs"),
    "retrieving manifest": gettext_lazy("Reading the model"),
    "pushing manifest": gettext_lazy("Giving it its name there"),
    "taking in the file": gettext_lazy("Reading every byte and checking the file"),
    "converting to GGUF": gettext_lazy("Converting to GGUF"),
    "success": gettext_lazy("Done"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One file on its way. Sizes in bytes."""

    digest: str
    total: int
    completed: int
    size: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One piece of work, in the reader's language. `address` leads to the model it made."""

    id: str
    what: str
    name: str
    state: str
    state_word: str
    step: str
    sentence: str
    completed: int
    total: int
    sizes: str
    layers: tuple[Layer, ...]
    can_cancel: bool
    can_resume: bool
    resume_word: str
    address: str

    def as_fields(self) -> dict[str, Any]:
        return asdict(self)


def pull(person: Person, *, written: str, insecure: bool) -> Job:
    """Fetch the model of this name in the background. Raises `ChatError` with a sentence."""
    try:
        name = ModelName.parse(written.strip())
        rules = Rules.of(settings.PORTAL)
        if insecure and name.host not in plain_hosts():
            raise BadCommand(
                _(
                    "Without encryption only these registries may be asked: %(hosts)s. Nothing was"
                    " fetched. Leave the box empty, or ask whoever runs the portal to list it."
                )
                % {"hosts": ", ".join(plain_hosts()) or _("none")}
            )
        rules.origin_of(name, insecure=insecure)
    except NotAName:
        raise BadCommand(
            _(
                "“%(name)s” is not the name of a model, so nothing was fetched. Names look like"
                " llama3.2:3b, or hf.co/person/model:Q4_K_M."
            )
            % {"name": written.strip()[:80]}
        ) from None
    except NotAllowed as error:
        raise BadCommand(str(error)) from None
    return jobs.start(person, "pull", name=name.short, wants={"insecure": insecure})


def plain_hosts() -> list[str]:
    """Registries that an operator lets be asked without encryption."""
    return list(settings.PORTAL.registries_plain)


def rows() -> list[Row]:
    """What is under way, then what ended lately, newest first."""
    by_age = Job.objects.order_by("-asked_at")
    # However many have come and gone since: what is under way can be watched and cancelled.
    newest = list(by_age.filter(state__in=OPEN_JOBS)[:SHOWN_JOBS])
    newest += by_age.exclude(state__in=OPEN_JOBS)[: SHOWN_JOBS - len(newest)]
    told = _told(newest)
    models = {
        model.name: model for model in Model.objects.filter(name__in=[job.name for job in newest])
    }
    return [_row(job, told.get(job.id, ()), model=models.get(job.name)) for job in newest]


def _told(newest: Sequence[Job]) -> Mapping[UUID, Sequence[progress.Line]]:
    try:
        return progress.present(job.id for job in newest)
    except AWAY:
        return {}


def _row(job: Job, lines: Sequence[progress.Line], *, model: Model | None) -> Row:
    is_open = job.state in OPEN_JOBS
    layers = tuple(_layer(line) for line in lines if line.digest and line.total)
    total = job.total_bytes or sum(layer.total for layer in layers)
    completed = sum(layer.completed for layer in layers) if layers else job.completed_bytes
    is_done = job.state == JobState.DONE
    shown_total = max(total, completed)
    return Row(
        id=str(job.id),
        what=str(_KINDS.get(job.kind, job.kind)),
        name=job.name,
        state=job.state,
        state_word=job.get_state_display(),
        step=_step(lines[-1]) if lines and is_open else "",
        sentence=jobs.sentence_about(job),
        completed=shown_total if is_done else completed,
        total=shown_total,
        sizes=_sizes(shown_total if is_done else completed, shown_total),
        layers=layers if is_open else (),
        can_cancel=is_open,
        can_resume=job.state in (JobState.FAILED, JobState.CANCELLED),
        resume_word=_("Try again") if job.state == JobState.FAILED else _("Resume"),
        address=reverse("admin:catalog_model_change", args=[model.pk]) if is_done and model else "",
    )


def _layer(line: progress.Line) -> Layer:
    return Layer(
        digest=line.digest.removeprefix("sha256:")[:12],
        total=line.total,
        completed=line.completed,
        size=filesizeformat(line.total),
    )


def _step(line: progress.Line) -> str:
    if line.digest and line.total:
        return _("Transferring")
    return str(_STEPS.get(line.status, line.status[:120]))


def _sizes(completed: int, total: int) -> str:
    if not total:
        return ""
    if completed == total:
        return filesizeformat(total)
    words = {"completed": filesizeformat(completed), "total": filesizeformat(total)}
    return _("%(completed)s of %(total)s") % words
