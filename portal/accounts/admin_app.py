"""Makes our administration site the one site. A file of its own: it is read before any model is."""

from django.contrib.admin.apps import AdminConfig


class AdminSiteConfig(AdminConfig):
    """Named in INSTALLED_APPS in the place of Django's own."""

    default_site = "portal.accounts.admin_site.PortalAdminSite"
