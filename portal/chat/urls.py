"""Addresses of the chat page."""

from django.urls import path

from portal.chat import views

urlpatterns = [
    path("", views.chat, name="chat"),
    path("c/<uuid:conversation_id>/", views.chat, name="conversation"),
    # For tabs that can have no socket; portal/http.py knows these two by their names.
    path("page/frames/", views.take_frames, name="frames"),
    path("page/line/", views.open_line, name="line"),
]
