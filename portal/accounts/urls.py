"""The account page. Sign-in and the second factor are allauth's, below accounts/."""

from django.urls import path

from portal.accounts import views

urlpatterns = [
    path("", views.account, name="account"),
    path("keys/", views.make_key, name="make_key"),
    path("keys/<uuid:key_id>/revoke/", views.revoke_key, name="revoke_key"),
    path("sign-out-everywhere/", views.sign_out_everywhere, name="sign_out_everywhere"),
]
