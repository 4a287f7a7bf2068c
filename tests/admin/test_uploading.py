"""The page from which files are sent, and the memory a model's page tells of."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from portal.accounts.models import Person
from portal.catalog.models import Model

pytestmark = pytest.mark.django_db


def test_the_page_says_how_much_and_for_how_long(carols_browser: Client) -> None:
    page = carols_browser.get(reverse("admin:catalog_model_upload")).content.decode()

    assert 'data-upload="/uploads/"' in page
    assert "Up to 186.3" in page
    assert "kept for 7 days" in page
    assert "make converter" in page


def test_the_page_speaks_chinese_too(carols_browser: Client, carol_the_admin: Person) -> None:
    page = carols_browser.get(
        reverse("admin:catalog_model_upload"), headers={"Accept-Language": "zh-hans"}
    ).content.decode()

    assert "上传" in page


def test_only_those_who_may_add_models_reach_it(
    browser_of: Callable[[Person], Client], alice: Person
) -> None:
    alice.is_staff = True
    alice.save()
    alice.user_permissions.add(Permission.objects.get(codename="view_model"))

    assert browser_of(alice).get(reverse("admin:catalog_model_upload")).status_code == 403


@pytest.mark.threat("E21")
def test_the_page_of_a_model_tells_what_memory_it_will_need(
    carols_browser: Client, small_model: Model
) -> None:
    address = reverse("admin:catalog_model_change", args=[small_model.pk])

    page = carols_browser.get(address, {"context": 1024, "at_once": 3}).content.decode()

    assert "for each of 3 conversations of 1024 tokens" in page
