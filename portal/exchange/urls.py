"""The addresses of files of conversations, below `page/exchange/`."""

from django.urls import path

from portal.exchange import views

urlpatterns = [
    path("export/", views.export, name="export"),
    path("import/", views.take_in, name="import"),
]
