"""Which models exist, what else they are called, who may use them, and the work to bring them.

Not for files: those are in store.py.
"""

import uuid

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class ModelState(models.TextChoices):
    """ADDED (bytes are whole, a worker tries them) → READY, or UNLOADABLE when they did not
    survive; any → BROKEN when its bytes rot. People choose among those that are READY."""

    ADDED = "added", _("being checked")
    READY = "ready", _("ready")
    UNLOADABLE = "unloadable", _("cannot be loaded")
    BROKEN = "broken", _("broken")


class Model(models.Model):
    """A name in the store, as its manifest says. `digest` is the sha256 of the manifest file."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=512, unique=True)
    digest = models.CharField(_("digest"), max_length=64, editable=False)
    weights = models.CharField(_("weights"), max_length=64, editable=False)
    projector = models.CharField(_("projector"), max_length=64, blank=True, editable=False)
    adapters = models.JSONField(_("adapters"), default=list, blank=True, editable=False)
    state = models.CharField(
        _("state"), max_length=16, choices=ModelState.choices, default=ModelState.ADDED
    )
    # How its trial went, as `portal/catalog/trying/trials.py` keeps it.
    trial = models.JSONField(_("check"), default=dict, blank=True, editable=False)
    size_bytes = models.PositiveBigIntegerField(_("size"), default=0)
    family = models.CharField(_("family"), max_length=100, blank=True)
    parameter_size = models.CharField(_("parameters"), max_length=20, blank=True)
    quantization = models.CharField(_("quantisation"), max_length=20, blank=True)
    context_length = models.PositiveBigIntegerField(_("context length"), default=0)
    embedding_length = models.PositiveIntegerField(_("embedding length"), default=0)
    capabilities = models.JSONField(_("capabilities"), default=list, blank=True)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    system = models.TextField(_("system prompt"), blank=True)
    # The blob of the Go template that writes its prompts; empty when the weights' own does.
    go_template = models.CharField(_("template"), max_length=64, blank=True, editable=False)
    # The layer of that kind, in the other template language; not what the weights carry.
    template = models.TextField(_("template"), blank=True)
    # The model's own first messages, as its layer has them: role and content.
    messages = models.JSONField(_("messages"), default=list, blank=True, editable=False)
    # What lists of models say besides, as `portal/catalog/papers/details.py` finds it.
    listing = models.JSONField(default=dict, blank=True, editable=False)
    # By which edition of details.py this row was filled; a newer one fills it anew.
    edition = models.PositiveSmallIntegerField(default=0, editable=False)
    is_published = models.BooleanField(_("published"), default=False)
    is_for_everyone = models.BooleanField(_("for everyone"), default=False)
    is_pinned = models.BooleanField(_("kept loaded"), default=False)
    groups = models.ManyToManyField(
        Group, verbose_name=_("groups"), blank=True, related_name="models"
    )
    # Nobody can choose it any more; who did before is offered its successor.
    retired_at = models.DateTimeField(_("retired"), null=True, blank=True)
    successor = models.ForeignKey(
        "self", verbose_name=_("successor"), null=True, blank=True, on_delete=models.SET_NULL
    )
    # The newest measurement, as `portal/catalog/trying/measuring.py` keeps it.
    speed = models.JSONField(_("speed"), default=dict, blank=True, editable=False)
    added_at = models.DateTimeField(_("added"), auto_now_add=True)
    modified_at = models.DateTimeField(_("modified"))

    class Meta:
        verbose_name = _("model")
        verbose_name_plural = _("models")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Blob(models.Model):
    """When a file of the store was last read whole, and whether it was what its name says."""

    digest = models.CharField(max_length=64, primary_key=True)
    size_bytes = models.PositiveBigIntegerField(default=0)
    # None: not since it came in.
    checked_at = models.DateTimeField(null=True, db_index=True)
    # The bytes had changed, and the file was taken out of its place.
    is_rotten = models.BooleanField(default=False)

    class Meta:
        ordering = (models.F("checked_at").asc(nulls_first=True), "digest")

    def __str__(self) -> str:
        return self.digest[:12]


class Alias(models.Model):
    """A name that stays while the model behind it changes: "general" for everyday questions.

    Who may use it is decided by the model behind it. A model of the same name would come first.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=512)
    model = models.ForeignKey(
        Model,
        verbose_name=_("model"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="aliases",
    )

    class Meta:
        verbose_name = _("stable name")
        verbose_name_plural = _("stable names")
        ordering = ("name",)
        constraints = (models.UniqueConstraint(Lower("name"), name="one_alias_a_name"),)

    def __str__(self) -> str:
        return self.shown

    @property
    def shown(self) -> str:
        """As people say it: without the tag that everybody leaves out."""
        return self.name.removesuffix(":latest")


class AliasChange(models.Model):
    """What an alias stood for from this moment on. Rows are added, never changed."""

    alias = models.ForeignKey(Alias, on_delete=models.CASCADE, related_name="changes")
    model = models.ForeignKey(Model, null=True, on_delete=models.SET_NULL, related_name="+")
    model_name = models.CharField(_("model"), max_length=512)
    person_label = models.CharField(_("person"), max_length=254)
    at = models.DateTimeField(_("at"), auto_now_add=True)

    class Meta:
        ordering = ("-at", "-id")

    def __str__(self) -> str:
        return f"{self.alias_id} {self.model_name}"


class JobState(models.TextChoices):
    """QUEUED → RUNNING → DONE, FAILED or CANCELLED. RUNNING → QUEUED when its worker was lost;
    FAILED and CANCELLED → QUEUED when somebody resumes it. What was fetched is kept meanwhile."""

    QUEUED = "queued", _("waiting")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


OPEN_JOBS = (JobState.QUEUED, JobState.RUNNING)


class Job(models.Model):
    """One piece of long work on a name: a pull, a push, a model being made.

    `fence` counts the attempts; what an attempt before the newest one says changes nothing. `tries`
    counts those since somebody last asked for it. `failure` is a sentence in English, which is
    translated as it is shown, with `failure_values` put into it. `is_kept` jobs go on when nobody
    watches them any more.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=20)
    name = models.CharField(_("name"), max_length=512)
    state = models.CharField(
        _("state"), max_length=12, choices=JobState.choices, default=JobState.QUEUED
    )
    wants = models.JSONField(default=dict, blank=True)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("person"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    is_kept = models.BooleanField(default=True)
    fence = models.PositiveIntegerField(default=0)
    tries = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    status = models.CharField(_("status"), max_length=300, blank=True)
    total_bytes = models.PositiveBigIntegerField(_("size"), default=0)
    completed_bytes = models.PositiveBigIntegerField(_("of it there"), default=0)
    # What it will still write, so that another job does not count on the same room.
    reserved_bytes = models.PositiveBigIntegerField(default=0)
    # The blobs it works on: nobody needs them yet, and they must not be pruned.
    digests = models.JSONField(default=list, blank=True)
    failure = models.TextField(_("why it failed"), blank=True)
    failure_values = models.JSONField(default=dict, blank=True)
    contract_text = models.TextField(blank=True)
    contract_status = models.PositiveSmallIntegerField(default=500)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ("-asked_at",)
        constraints = (
            models.UniqueConstraint(
                "kind",
                Lower("name"),
                condition=models.Q(state__in=OPEN_JOBS),
                name="one_open_job_a_name",
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Upload(models.Model):
    """Files that an administrator sends from her browser, for one model. Hers alone.

    OPEN → TAKEN once every file is whole and a job has it; either → gone. Nothing of it is a model
    before that job is done.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=512)
    sha256 = models.CharField(max_length=64, blank=True)
    is_taken = models.BooleanField(default=False)
    begun_at = models.DateTimeField(auto_now_add=True)
    # When bytes last came; long after that it is forgotten.
    changed_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ("begun_at",)

    def __str__(self) -> str:
        return self.name


class UploadFile(models.Model):
    """One file of it. `offset_bytes` are whole and synced on the disk; what lies behind is not."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="files")
    # As her computer calls it; checked, and never more than two parts of a path.
    name = models.CharField(max_length=255)
    size_bytes = models.PositiveBigIntegerField()
    offset_bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=("upload", "name"), name="one_file_a_name"),)

    def __str__(self) -> str:
        return self.name

    @property
    def is_whole(self) -> bool:
        return self.offset_bytes == self.size_bytes
