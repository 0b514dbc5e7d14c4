"""What is asked before a view runs. Denies by default: a view says which right each of its methods needs."""

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
    # DRF's views load this module while they are being defined themselves.
    from rest_framework.views import APIView


class HasRight(BasePermission):
    """Whether the person has the right that `view.rights` names for the method. No entry: nobody may."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        rights: Mapping[str, Right] = getattr(view, "rights", {})
        method = "GET" if request.method == "HEAD" else request.method or ""
        right = rights.get(method)
        if right is None:
            # A method that the view does not have is answered by 405, to those who may look here at all.
            known = not hasattr(view, method.lower()) or method == "OPTIONS"
            right = Right.VIEW if known else None
        if isinstance(request.auth, ApiToken) and request.auth.scopes and not self.within(request.auth, view):
            raise PermissionDenied(
                _("This token is only good for %(scopes)s.") % {"scopes": ", ".join(request.auth.scopes)}
            )
        if right is None:
            return False
        access.require(request.user, right)
        return True

    @staticmethod
    def within(token: ApiToken, view: APIView) -> bool:
        """Whether a limited token is good for this view."""
        return getattr(view, "scope", None) in token.scopes
