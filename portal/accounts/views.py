"""The doors of the account pages: they parse, call one action or query, and answer."""

from typing import cast
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.views import logout as allauth_logout
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts import actions, first, keys, quotas, usage
from portal.accounts.forms import FirstAdministratorForm, KeyForm, ProfileForm
from portal.accounts.language import is_spoken, remember
from portal.accounts.models import ApiKey, Person


@login_required
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Name, language and keys. A POST stores name and language."""
    person = _person(request)
    if request.method != "POST":
        return _account_page(request)
    form = ProfileForm(request.POST)
    if not form.is_valid():
        return _account_page(request, profile=form)
    actions.change_own_profile(person, **form.cleaned_data)
    messages.success(request, _("Saved."))
    return remember(redirect("account"), form.cleaned_data["language"])


@login_required
@require_POST
def make_key(request: HttpRequest) -> HttpResponse:
    """The answer is the only place that ever shows the secret; so it is a page, not a redirect."""
    person = _person(request)
    form = KeyForm(request.POST, owner=person)
    if not form.is_valid():
        return _account_page(request, key_form=form)
    given = form.cleaned_data
    try:
        key, secret = keys.make_key(
            person,
            name=given["name"],
            scopes=keys.PATH_SCOPES if given["for_path"] else given["scopes"],
            for_path=given["for_path"],
            expires_at=keys.in_days(given["expires"]),
            key_id=given["press"],
        )
    except IntegrityError:
        messages.info(request, _("This key was made already; its secret cannot be shown again."))
        return redirect("account")
    except keys.NotAllowed:
        form.add_error(None, _("You may not have this key, or you have too many."))
        return _account_page(request, key_form=form)
    return _account_page(request, made=key, secret=secret)


@login_required
@require_POST
def revoke_key(request: HttpRequest, key_id: UUID) -> HttpResponse:
    if keys.revoke(_person(request), key_id=key_id):
        messages.success(request, _("The key no longer works."))
    return redirect("account")


@login_required
@require_POST
def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    """Every other session ends; this one is given the new proof."""
    person = _person(request)
    actions.end_sessions(person)
    update_session_auth_hash(request, person)
    messages.success(request, _("You are signed out everywhere but here."))
    return redirect("account")


@require_http_methods(["GET", "POST"])
def sign_out(request: HttpRequest) -> HttpResponse:
    """allauth's own; and the browser forgets what scripts of ours kept in it (threat C18)."""
    response: HttpResponse = allauth_logout(request)
    if request.method == "POST":
        # Drafts, the service worker and its files. Not the cookies: the language stays. Never for a
        # GET, which any page of the world can make a browser send.
        response["Clear-Site-Data"] = '"storage"'
    return response


@require_http_methods(["GET", "POST"])
def first_administrator(request: HttpRequest, secret: str) -> HttpResponse:
    """Looking at the link uses nothing up; sending the form makes her, and signs her in."""
    form = FirstAdministratorForm(request.POST or None)
    is_good = first.is_link_good(secret)
    if not is_good or request.method != "POST" or not form.is_valid():
        status = 200 if is_good else 410
        page = {"form": form, "is_good": is_good}
        return render(request, "account/first_administrator.html", page, status=status)
    given = form.cleaned_data
    try:
        person = first.become_administrator(
            secret, email=given["email"], name=given["name"], password=given["password"]
        )
    except first.LinkRefused:
        return redirect("first_administrator", secret)
    get_adapter().login(request, person)
    return redirect(settings.LOGIN_REDIRECT_URL)


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """The switch at the foot of each page; a signed-in person's choice is kept with the account."""
    language = request.POST.get("language", "")
    if not is_spoken(language):
        language = settings.LANGUAGE_CODE
    if isinstance(request.user, Person):
        actions.change_own_profile(request.user, name=request.user.name, language=language)
    after = request.POST.get("next", "")
    is_ours = after.startswith("/") and url_has_allowed_host_and_scheme(after, allowed_hosts=None)
    return remember(HttpResponseRedirect(after if is_ours else "/"), language)


def _account_page(
    request: HttpRequest,
    *,
    profile: ProfileForm | None = None,
    key_form: KeyForm | None = None,
    made: ApiKey | None = None,
    secret: str = "",
) -> HttpResponse:
    person = _person(request)
    language = person.language or request.LANGUAGE_CODE
    context = {
        "profile": profile or ProfileForm(initial={"name": person.name, "language": language}),
        "key_form": key_form or KeyForm(owner=person),
        "keys": keys.living_keys(person),
        "today": usage.of_person(person),
        "most_tokens": quotas.most_tokens(person),
        "made": made,
        "secret": secret,
        "address": request.build_absolute_uri("/").rstrip("/"),
    }
    return render(request, "account/account.html", context)


def _person(request: HttpRequest) -> Person:
    return cast(Person, request.user)
