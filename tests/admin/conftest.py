"""Somebody's chat, a model, and a browser signed in as anybody."""

import dataclasses
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from portal.accounts import keys
from portal.accounts.models import ApiKey, Person
from portal.catalog import actions
from portal.catalog.models import Model, ModelState
from portal.chat.models import Conversation, Door, Generation, Message, State
from tests.catalog.gguf_files import chat_gguf

# Stands in every text that a person or a model wrote; found on no page of the administration.
CANARY = "canary-7f3a9b"


@pytest.fixture
def small_model(db: None, tmp_path: Path, settings: Any) -> Model:
    """In a store of this test's own, tried by a worker, and hidden."""
    settings.PORTAL = dataclasses.replace(settings.PORTAL, models=tmp_path / "models")
    (tmp_path / "models").mkdir()
    file = tmp_path / "small.gguf"
    file.write_bytes(chat_gguf())
    model = actions.import_file(None, source=actions.LocalFile(path=file), name="small:1")
    model.state = ModelState.READY
    model.save(update_fields=["state"])
    return model


@pytest.fixture
def sales(db: None) -> Group:
    return Group.objects.create(name="Sales")


@pytest.fixture
def running(alice: Person, small_model: Model) -> Generation:
    """Alice's, in mid-answer, with the canary in every text there is."""
    conversation = Conversation.objects.create(
        owner=alice, title=CANARY, model_name=small_model.name, changed_at=timezone.now()
    )
    message = Message.objects.create(
        conversation=conversation, author=alice, text=CANARY, client_key=uuid.uuid4()
    )
    return Generation.objects.create(
        owner=alice,
        door=Door.PAGE,
        message=message,
        model=small_model,
        model_name=small_model.name,
        client_key=uuid.uuid4(),
        state=State.RUNNING,
        request={"messages": [CANARY]},
        so_far=CANARY,
        text=CANARY,
        thinking=CANARY,
        recorded_number=7,
        started_at=timezone.now(),
    )


@pytest.fixture
def alices_key(alice: Person) -> tuple[ApiKey, str]:
    return keys.make_key(alice, name="laptop")


@pytest.fixture
def browser_of() -> Callable[[Person], Client]:
    def sign_in(person: Person) -> Client:
        client = Client()
        client.force_login(person, backend=django_settings.AUTHENTICATION_BACKENDS[0])
        return client

    return sign_in


@pytest.fixture
def carols_browser(carol_the_admin: Person, browser_of: Callable[[Person], Client]) -> Client:
    return browser_of(carol_the_admin)
