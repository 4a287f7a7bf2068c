"""The page Connect, and the stream that tells it of a device's first request."""

from django.urls import path

from portal.connect import views

urlpatterns = [
    path("", views.connect, name="connect"),
    path("devices/", views.make_device, name="make_device"),
    path("devices/<uuid:key_id>/revoke/", views.revoke_device, name="revoke_device"),
    path("devices/<uuid:key_id>/arrivals/", views.arrivals, name="arrivals"),
]
