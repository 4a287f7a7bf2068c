"""The addresses of uploads, below `uploads/`."""

from django.urls import path

from portal.catalog.uploads import views

urlpatterns = [
    path("", views.door(GET=views.mine, POST=views.begin), name="uploads"),
    path(
        "<uuid:upload_id>/",
        views.door(POST=views.finish, DELETE=views.drop),
        name="upload",
    ),
    path(
        "files/<uuid:file_id>/",
        views.door(HEAD=views.offset, PATCH=views.more),
        name="upload_file",
    ),
]
