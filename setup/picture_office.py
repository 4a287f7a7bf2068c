"""Run in the house of the pictures, before it opens: an office, its models, older conversations.

python setup/picture_office.py PASSWORD
"""

import sys
from datetime import timedelta

import django

django.setup()

from django.contrib.auth.models import Group  # noqa: E402 - Django had to be set up first
from django.utils import timezone  # noqa: E402 - likewise

from portal.accounts.models import Person  # noqa: E402 - likewise
from portal.catalog.models import Model, ModelState  # noqa: E402 - likewise
from portal.chat.models import Conversation  # noqa: E402 - likewise

OLDER = {
    "office": (
        "Opening hours over the holidays",
        "Agenda for the monthly meeting",
        "A kinder reminder for a late invoice",
        "What is new in the travel policy",
        "Checklist for a first day at work",
        "Names for the two new meeting rooms",
    ),
    "bangongshi": (
        "节假日的营业时间",
        "每月例会的议程",
        "把催款邮件写得更客气一些",
        "差旅制度有哪些变化",
        "新同事入职第一天的清单",
        "两间新会议室的名字",
    ),
}
AGES = (timedelta(hours=30), *(timedelta(days=days) for days in (2, 3, 5, 9, 12)))
# Name, family, parameters, quantisation, bytes, context length, everyone.
MODELS = (
    ("qwen2.5:7b", "qwen2", "7.6B", "Q4_K_M", 4_683_073_184, 32_768, True),
    ("codellama:7b", "llama", "6.7B", "Q4_0", 3_825_898_144, 16_384, False),
    ("llama3.2:3b", "llama", "3.2B", "Q4_K_M", 2_019_377_376, 131_072, True),
    ("smollm2:135m", "llama", "134.52M", "Q4_1", 98_362_432, 8_192, True),
)


def furnish(password: str) -> None:
    office = Person.objects.create_user("office@example.com", password, name="Office")
    bangongshi = Person.objects.create_user(
        "bangongshi@example.com", password, name="办公室", language="zh-hans"
    )
    Person.objects.create_superuser("admin@example.com", password, name="Administration")
    developers = Group.objects.create(name="Developers")
    for index, facts in enumerate(MODELS):
        _model(*facts, digest=f"{(index + 3) * 0x9E3779B97F4A7C15 % 2**64:016x}" * 4).groups.add(
            *([] if facts[-1] else [developers])
        )
    for person in (office, bangongshi):
        titles = OLDER[person.email.partition("@")[0]]
        for title, age in zip(titles, AGES, strict=True):
            Conversation.objects.create(
                owner=person,
                title=title,
                model_name="qwen2.5:7b",
                changed_at=timezone.now() - age,
            )


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
) -> Model:
    return Model.objects.create(
        name=name,
        digest=digest,
        weights=digest,
        state=ModelState.READY,
        size_bytes=size_bytes,
        family=family,
        parameter_size=parameter_size,
        quantization=quantization,
        context_length=context_length,
        capabilities=["completion"],
        is_published=True,
        is_for_everyone=is_for_everyone,
        modified_at=timezone.now(),
    )


if __name__ == "__main__":
    furnish(sys.argv[1])
