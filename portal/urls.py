"""Every address of the portal."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from portal import icon, installing, isolated, words
from portal.accounts import views as accounts

urlpatterns = [
    path("", include("portal.chat.urls")),
    path("", include("portal.api.urls")),
    path("", include("portal.ops.urls")),
    path("account/", include("portal.accounts.urls")),
    path("connect/", include("portal.connect.urls")),
    path("uploads/", include("portal.catalog.uploads.urls")),
    path("page/exchange/", include("portal.exchange.urls")),
    path("page/files/", include("portal.files.urls")),
    path("page/isolated/live/", isolated.document),
    path("page/isolated/still/", isolated.document),
    path("", include("portal.sharing.urls")),
    path("accounts/first/<str:secret>/", accounts.first_administrator, name="first_administrator"),
    # An address is a person's name here: an administrator gives it, nobody changes her own.
    path("accounts/email/", RedirectView.as_view(pattern_name="account")),
    path("accounts/logout/", accounts.sign_out, name="account_logout"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("i18n/language/", accounts.set_language, name="set_language"),
    path("favicon.ico", icon.icon),
    path("app.<str:language>.webmanifest", installing.manifest, name="manifest"),
    path("offline/<str:language>/", installing.offline, name="offline"),
    path("worker.js", installing.worker, name="worker"),
    path("i18n/<str:language>.json", words.words, name="words"),
]

handler400 = "portal.error_pages.bad_request"
handler403 = "portal.error_pages.forbidden"
handler404 = "portal.error_pages.not_found"
handler429 = "portal.error_pages.too_often"
handler500 = "portal.error_pages.failed"
