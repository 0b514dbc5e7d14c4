"""The permission check in front of all API views. A method is denied unless its view names the right that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from dashboard import access
from dashboard.access import Right
from dashboard.models import ApiToken

if TYPE_CHECKING:
    # Django REST framework imports this module while its views are being defined.
    from rest_framework.views import APIView


class HasRight(BasePermission):
    """Allow the method if the user has the right that `view.rights` names for it; deny methods without an entry."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        rights: Mapping[str, Right] = getattr(view, "rights", {})
        method = "GET" if request.method == "HEAD" else request.method or ""
        right = rights.get(method)
        if right is None:
            # A method that the view does not have is answered with 405, but only to users who may see anything here.
            known = not hasattr(view, method.lower()) or method == "OPTIONS"
            right = Right.VIEW if known else None
        if isinstance(request.auth, ApiToken) and request.auth.scopes and not self.within(request.auth, view):
            raise PermissionDenied(
                _("This token is limited to %(scopes)s.") % {"scopes": ", ".join(request.auth.scopes)}
            )
        if right is None:
            return False
        access.require(request.user, right)
        return True

    @staticmethod
    def within(token: ApiToken, view: APIView) -> bool:
        """Return whether a limited token covers this view."""
        return getattr(view, "scope", None) in token.scopes
