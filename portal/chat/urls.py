"""Addresses of the chat page."""

from django.urls import path

from portal.chat import views

urlpatterns = [
    path("", views.chat, name="chat"),
    path("c/<uuid:conversation_id>/", views.chat, name="conversation"),
]
