"""People and their API keys.

Not for rights on conversations or models: those are in each access.py.
"""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, Group, PermissionsMixin
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

MOST_WEIGHT = 100
_WEIGHTS = (MinValueValidator(1), MaxValueValidator(MOST_WEIGHT))


class PersonManager(BaseUserManager["Person"]):
    """Makes people with a normalised address. No rules live here."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Person":
        person = self.model(email=self.normalize_email(email).lower(), **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "Person":
        return self.create_user(
            email, password, **{"is_staff": True, "is_superuser": True, **fields}
        )


class Person(AbstractBaseUser, PermissionsMixin):
    """One human with an account, known by an email address.

    `rights_version` grows whenever the person's rights are taken away; a socket that was opened
    under an older version ends (threat A7). `sessions_ended` counts how often the person signed out
    everywhere; it is part of what a session must prove, so a higher count ends every older one.
    `weight` is how much she counts where many wait; None leaves it to her groups. `tokens_a_day`
    None means as the portal is configured, 0 without a limit.

    One `is_system` is nobody's: programs without a key act as it, where they may. Nobody signs in.
    """

    # The key that this request came with, for as long as it lasts; None on the page. Not a column.
    asking_with: "ApiKey | None" = None

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(_("email address"), unique=True, max_length=254)
    name = models.CharField(_("name"), max_length=150, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("administrator"), default=False)
    language = models.CharField(_("language"), max_length=10, blank=True)
    weight = models.PositiveSmallIntegerField(
        _("weight"),
        null=True,
        blank=True,
        validators=_WEIGHTS,
        help_text=_(
            "How much this person counts where many wait: with 2 as much as two others. "
            "Empty: the largest weight of the person's groups, else 1."
        ),
    )
    tokens_a_day = models.PositiveBigIntegerField(
        _("tokens a day"),
        null=True,
        blank=True,
        help_text=_(
            "How many tokens may be read and written in a day. "
            "Empty: as the portal is configured. 0: without a limit."
        ),
    )
    is_system = models.BooleanField(default=False, db_default=False, editable=False)
    rights_version = models.PositiveBigIntegerField(default=0, editable=False)
    sessions_ended = models.PositiveIntegerField(default=0, editable=False)
    date_joined = models.DateTimeField(_("joined"), auto_now_add=True)

    objects = PersonManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ("email",)

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        """What the administration writes above the address; so never the address again."""
        return self.name or self.email.partition("@")[0]

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # Django's own seam for this: the public method and the fallback keys both come here.
        proof = f"{self.password}:{self.sessions_ended}"
        return salted_hmac(
            "portal.accounts.session", proof, secret=secret, algorithm="sha256"
        ).hexdigest()


class GroupWeight(models.Model):
    """How much a member of this group counts where many wait. Without a row: 1."""

    group = models.OneToOneField(
        Group, on_delete=models.CASCADE, primary_key=True, related_name="weighing"
    )
    weight = models.PositiveSmallIntegerField(_("weight"), validators=_WEIGHTS)

    def __str__(self) -> str:
        return str(self.weight)


class KeyScope(models.TextChoices):
    """What a key may be used for (threat B15): managing models is never implied by chatting."""

    CHAT = "chat", _("chat")
    EMBEDDINGS = "embeddings", _("embeddings")
    MANAGE = "manage", _("manage models")
    METRICS = "metrics", _("read metrics")


class ApiKey(models.Model):
    """A secret for programs. Only its sha256 is stored; the secret is shown once, when made.

    One made `for_path` stands in an address, `/u/KEY/...`, for clients without a field for a key.
    Such an address is copied and logged more easily than a header, so that key opens nothing else
    (threat A16).

    `requests_a_minute` and `tokens_a_day` are limits of this key alone, beside its owner's; None
    means none. What begins with `last_` is about the newest request that was worth a note.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(_("name"), max_length=100)
    secret_sha256 = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(_("begins with"), max_length=12, editable=False)
    scopes = models.JSONField(_("scopes"), default=list)
    for_path = models.BooleanField(_("for the address only"), default=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    requests_a_minute = models.PositiveIntegerField(_("requests a minute"), null=True, blank=True)
    tokens_a_day = models.PositiveBigIntegerField(_("tokens a day"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    last_client = models.CharField(_("program"), max_length=80, blank=True, db_default="")
    last_act = models.CharField(_("last request"), max_length=16, blank=True, db_default="")
    last_status = models.PositiveSmallIntegerField(_("answered with"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    @property
    def uses(self) -> list[str]:
        """What it may be used for, in words."""
        return [str(KeyScope(scope).label) for scope in self.scopes]


class Usage(models.Model):
    """What one person used on one day (UTC), through one key, or without one on the page.

    Counted in the transaction that ends an answer: so once, and whether or not Redis is there.
    """

    person = models.ForeignKey(
        Person, verbose_name=_("person"), on_delete=models.CASCADE, related_name="usage"
    )
    key = models.ForeignKey(
        ApiKey,
        verbose_name=_("API key"),
        null=True,
        on_delete=models.CASCADE,
        related_name="usage",
    )
    day = models.DateField(_("day"))
    answers = models.PositiveIntegerField(_("answers"), default=0)
    prompt_tokens = models.PositiveBigIntegerField(_("tokens read"), default=0)
    answer_tokens = models.PositiveBigIntegerField(_("tokens written"), default=0)

    class Meta:
        verbose_name = _("usage")
        verbose_name_plural = _("usage")
        ordering = ("-day", "person")
        constraints = (
            models.UniqueConstraint(
                fields=("person", "day", "key"), name="one_usage_a_day_and_key"
            ),
            models.UniqueConstraint(
                fields=("person", "day"),
                condition=models.Q(key=None),
                name="one_usage_a_day_without_key",
            ),
        )

    def __str__(self) -> str:
        return f"{self.day} {self.person_id}"


class FirstLink(models.Model):
    """A link that makes the first administrator: used once, for a day, stored as a sha256."""

    secret_sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M}"
