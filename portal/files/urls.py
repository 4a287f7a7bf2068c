"""The addresses of files, below `page/files/`."""

from django.urls import path

from portal.files import views

urlpatterns = [
    path("", views.take_in, name="files"),
    path("<uuid:file_id>/", views.one, name="file"),
    path("<uuid:file_id>/content", views.content, name="file_content"),
]
