"""Run in the house of the pictures: an office, its models, older conversations; then, once it is
open, a model that was measured and others on their way.

python setup/picture_office.py PASSWORD
python setup/picture_office.py work
python setup/picture_office.py advance ROUND
"""

import sys
import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import django
from django.apps import apps

from setup.picture_words import MODEL, OFFICES, PRESETS, SEEING_MODEL, Office, Talk

django.setup()

from django.contrib.auth.models import Group  # noqa: E402 - Django had to be set up first

from portal.accounts.models import Person  # noqa: E402 - likewise
from portal.catalog import aliases, models  # noqa: E402 - likewise
from portal.chat.models import Conversation, Generation, Message  # noqa: E402 - likewise
from portal.streams import jobs  # noqa: E402 - likewise

AGES = (timedelta(hours=30), *(timedelta(days=days) for days in (2, 3, 5, 9, 12)))
# Name, family, parameters, quantisation, bytes, context length, everyone. The starter model comes
# with its files.
MODELS = (
    (SEEING_MODEL, "gemma3", "4.3B", "Q4_K_M", 3_338_801_718, 131_072, True),
    (MODEL, "qwen2", "7.6B", "Q4_K_M", 4_683_073_184, 32_768, True),
    ("codellama:7b", "llama", "6.7B", "Q4_0", 3_825_898_144, 16_384, False),
    ("llama3.2:3b", "llama", "3.2B", "Q4_K_M", 2_019_377_376, 131_072, True),
)
STARTER = "smollm2:135m"
PULLED = "qwen3:8b"
# Weights, template, licence, parameters: what a pull of this kind brings.
LAYERS = (
    ("a3de86cd1c13", 5_225_374_976),
    ("ae370d884f10", 1_723),
    ("d18a5cc71b84", 11_338),
    ("cff3f395ef37", 120),
)
FIRST_BYTES = 1_903_000_000
STEP_BYTES = 28_400_000
STEPS = 8
STEP_SECONDS = 0.5
SPEED = ((1, 1_843.0, 96.4), (4, 2_210.0, 248.9))


def furnish(password: str) -> None:
    Person.objects.create_user("office@example.com", password, name="Office")
    Person.objects.create_user(
        "bangongshi@example.com", password, name="办公室", language="zh-hans"
    )
    Person.objects.create_superuser("admin@example.com", password, name="Administration")
    Person.objects.create_superuser(
        "guanli@example.com", password, name="管理员", language="zh-hans"
    )
    developers = Group.objects.create(name="Developers")
    for index, facts in enumerate(MODELS):
        _model(*facts, digest=f"{(index + 3) * 0x9E3779B97F4A7C15 % 2**64:016x}" * 4).groups.add(
            *([] if facts[-1] else [developers])
        )
    for name, icon, description, system, starters in PRESETS:
        apps.get_model("presets", "Preset").objects.create(
            name=name,
            icon=icon,
            description=description,
            system=system,
            parameters={"temperature": 0.3},
            starters=starters,
            is_for_everyone=True,
        )
    for office in OFFICES:
        _belongings(office)


def _belongings(office: Office) -> None:
    """What one person has from before: talks, a folder, a device."""
    person = Person.objects.get(email=f"{office.name}@example.com")
    folder = apps.get_model("order", "Folder").objects.create(owner=person, name=office.folder)
    now = datetime.now(UTC)
    for talk, age in zip(office.older, AGES, strict=True):
        conversation = _talk(person, talk, at=now - age)
        if talk is office.older[1]:
            conversation.pinned_at = now
        elif talk is office.older[-2]:
            conversation.folder = folder
        conversation.save()
    apps.get_model("accounts", "ApiKey").objects.create(
        owner=person,
        name=office.device,
        secret_sha256=f"{office.name:0>64}",
        hint="pk_4f7a",
        scopes=["chat", "embeddings"],
        last_used_at=now,
        last_client="ChatBox 1.20.0, OpenAI API",
        last_act="chat",
        last_status=200,
    )


def _talk(person: Person, talk: Talk, *, at: datetime) -> Conversation:
    conversation = Conversation.objects.create(
        owner=person, title=talk.title, model_name=MODEL, changed_at=at
    )
    message = Message.objects.create(
        conversation=conversation, author=person, text=talk.question, client_key=uuid4()
    )
    conversation.shown = Generation.objects.create(
        owner=person,
        message=message,
        model_name=MODEL,
        client_key=uuid4(),
        state="complete",
        text=talk.answer,
        ended_at=at,
    )
    # When it was written is set by itself at first.
    Message.objects.filter(id=message.id).update(created_at=at)
    Generation.objects.filter(id=conversation.shown.id).update(created_at=at)
    return conversation


def _model(
    name: str,
    family: str,
    parameter_size: str,
    quantization: str,
    size_bytes: int,
    context_length: int,
    is_for_everyone: bool,
    *,
    digest: str,
) -> models.Model:
    return models.Model.objects.create(
        name=name,
        digest=digest,
        weights=digest,
        state=models.ModelState.READY,
        size_bytes=size_bytes,
        family=family,
        parameter_size=parameter_size,
        quantization=quantization,
        context_length=context_length,
        capabilities=["completion", *(["vision"] if name == SEEING_MODEL else [])],
        is_published=True,
        is_for_everyone=is_for_everyone,
        modified_at=datetime.now(UTC),
    )


def work() -> None:
    now = datetime.now(UTC)
    boss = Person.objects.get(email="admin@example.com")
    model = models.Model.objects.get(name=STARTER)
    stages = [
        {
            "at_once": at_once,
            "read_rate": read,
            "write_rate": write,
            "read_tokens": 512 * at_once,
            "written_tokens": 128 * at_once,
        }
        for at_once, read, write in SPEED
    ]
    model.state = models.ModelState.READY
    model.speed = {"at": now.isoformat(), "stages": stages}
    model.save()
    aliases.point_alias(boss, name="quick", model_id=model.id)
    general = models.Model.objects.get(name="llama3.2:3b")
    aliases.point_alias(boss, name="general", model_id=general.id)
    chosen = models.Model.objects.get(name=MODEL)
    aliases.point_alias(boss, name="general", model_id=chosen.id)
    total = sum(size for _, size in LAYERS)
    _job(boss, PULLED, models.JobState.RUNNING, total_bytes=total, started_at=now)
    _job(boss, "nomic-embed-text:latest", models.JobState.QUEUED)
    _job(
        boss,
        "gemma3:27b",
        models.JobState.CANCELLED,
        total_bytes=17_396_936_704,
        completed_bytes=6_410_000_000,
        ended_at=now - timedelta(minutes=12),
    )
    _job(
        boss,
        MODEL,
        models.JobState.DONE,
        total_bytes=4_683_073_184,
        completed_bytes=4_683_073_184,
        ended_at=now - timedelta(hours=2),
    )
    _tell(FIRST_BYTES)


def advance(round_: int) -> None:
    """The pull goes on for a few seconds, so that a page that looks sees how fast it is."""
    pause = threading.Event()
    for step in range(1 + round_ * STEPS, 1 + (round_ + 1) * STEPS):
        _tell(FIRST_BYTES + step * STEP_BYTES, first_number=step * 100)
        pause.wait(STEP_SECONDS)


def _tell(weights_bytes: int, *, first_number: int = 0) -> None:
    teller = jobs.Teller(models.Job.objects.get(name=PULLED).id, attempt=1 + first_number)
    for index, (digest, size) in enumerate(LAYERS):
        completed = weights_bytes if index == 0 else size
        teller.tell(
            jobs.Line(
                status=f"pulling {digest}",
                digest=f"sha256:{digest}",
                total=size,
                completed=completed,
            )
        )


def _job(person: Person, name: str, state: models.JobState, **figures: object) -> None:
    models.Job.objects.create(
        kind="pull", name=name, state=state, person=person, fence=1, **figures
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["work"]:
            work()
        case ["advance", round_]:
            advance(int(round_))
        case [password]:
            furnish(password)
