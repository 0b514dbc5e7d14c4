"""URLs of the API and the pages."""

from django.urls import include, path

urlpatterns = [
    path("", include("dashboard.api.urls")),
    path("", include("dashboard.pages.urls")),
]

# Under /api/ these handlers answer with problem documents, elsewhere with pages.
handler400 = "dashboard.api.problems.bad_request"
handler403 = "dashboard.api.problems.permission_denied"
handler404 = "dashboard.api.problems.page_not_found"
handler500 = "dashboard.api.problems.server_error"
