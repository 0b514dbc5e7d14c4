"""Addresses: the API, and the pages."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("dashboard.api.urls")),
    path("", include("dashboard.pages.urls")),
]
