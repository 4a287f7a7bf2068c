"""Health and metrics. Both are key routes: no session, no cookie (portal/key_routes.py)."""

from django.urls import path

from portal.ops import views

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("metrics", views.prometheus, name="metrics"),
]
