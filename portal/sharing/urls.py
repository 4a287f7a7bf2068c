"""The address of shared snapshots."""

from django.urls import path

from portal.sharing import views

urlpatterns = [path("s/<uuid:share_id>/", views.shared, name="share")]
