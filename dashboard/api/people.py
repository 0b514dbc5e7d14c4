"""Accounts, tokens and sessions."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard import access, accounts, tokens
from dashboard.access import Right
from dashboard.api import bodies, installation_shapes, shapes
from dashboard.api.base import (
    AFTER,
    BEFORE,
    LIMIT,
    SEQ_MAX,
    ApiView,
    Query,
    list_of,
    page,
    parameter,
    parse_body,
    slice_page,
)
from dashboard.api.problems import CONTENT_TYPE
from dashboard.models import User as UserRow

EVERYBODY = "*"
OWNER = parameter(
    "user", f"User name, or {EVERYBODY} for all accounts; for admins only. Without it, the caller's own are listed."
)


class Owned(ApiView):
    """Base of the calls on tokens and sessions: everybody has their own, admins those of all accounts."""

    def listed_owner(self, request: Request) -> UserRow | None:
        """Return whose are to be listed; None for all accounts. Raises Forbidden, NotFound."""
        name = Query(request).text("user")
        if name in ("", self.by):
            return self.person
        access.require(self.person, Right.ADMIN)
        return None if name == EVERYBODY else accounts.find_user(name)

    @property
    def owner(self) -> UserRow | None:
        """Whose one token or session the call may be about; None for all accounts."""
        return None if access.can(self.person, Right.ADMIN) else self.person


class Tokens(Owned):
    rights = {"GET": Right.VIEW, "POST": Right.VIEW}
    operations = {"GET": "list_tokens", "POST": "create_token"}
    noun = "tokens"

    @extend_schema(
        parameters=[OWNER, LIMIT, BEFORE],
        responses={200: list_of(installation_shapes.Token)},
        description="Tokens, newest first: what they are for, never the token itself.",
    )
    def get(self, request: Request) -> Response:
        rows = tokens.tokens_of(self.listed_owner(request))
        return page(request, rows, lambda found: [tokens.token_dict(token) for token in found])

    @extend_schema(
        request=bodies.NewToken,
        responses={201: installation_shapes.NewToken},
        description="Create a token for the caller. It is returned this once; only its hash is stored.",
    )
    def post(self, request: Request) -> Response:
        wanted = parse_body(bodies.NewToken, request)
        raw, token = tokens.issue_token(
            self.person, wanted["name"], wanted.get("scopes") or (), expires_at=wanted.get("expires_at"), by=self.by
        )
        shape = {**tokens.token_dict(token), "token": raw}
        return Response(shape, status=201, headers={"Cache-Control": "no-store"})


class Token(Owned):
    rights = {"GET": Right.VIEW, "DELETE": Right.VIEW}
    operations = {"GET": "get_token", "DELETE": "delete_token"}
    noun = "tokens"

    @extend_schema(
        responses={200: installation_shapes.Token}, description="One of the caller's tokens; for admins, of anybody's."
    )
    def get(self, request: Request, token_id: int) -> Response:
        return Response(tokens.token_dict(tokens.find_token(self.owner, _id(token_id))))

    @extend_schema(responses={204: None}, description="Revoke a token at once. Admins may revoke anybody's.")
    def delete(self, request: Request, token_id: int) -> Response:
        tokens.delete_token(self.owner, _id(token_id), by=self.by)
        return Response(status=204)


def _id(value: int) -> int:
    """Cut an id from the URL to the size of the column; no row has a larger one."""
    return min(value, SEQ_MAX)


class Sessions(Owned):
    rights = {"GET": Right.VIEW}
    operations = {"GET": "list_sessions"}
    noun = "sessions"

    @extend_schema(
        parameters=[OWNER, LIMIT, AFTER],
        responses={200: list_of(installation_shapes.Session)},
        description="Sessions of the pages, newest first.",
    )
    def get(self, request: Request) -> Response:
        rows = accounts.sessions_of(self.listed_owner(request))
        found, following = slice_page(request, rows)
        return Response({"results": [accounts.session_dict(one) for one in found], "next": following})


class Session(Owned):
    rights = {"DELETE": Right.VIEW}
    operations = {"DELETE": "end_session"}
    noun = "sessions"

    @extend_schema(responses={204: None}, description="Sign a session out at once. Admins may end anybody's.")
    def delete(self, request: Request, session_id: str) -> Response:
        accounts.end_session(self.owner, session_id, by=self.by)
        return Response(status=204)


class Users(ApiView):
    rights = {"GET": Right.ADMIN, "POST": Right.ADMIN}
    operations = {"GET": "list_users", "POST": "create_user"}
    noun = "users"

    @extend_schema(
        parameters=[LIMIT, BEFORE],
        responses={200: list_of(installation_shapes.User)},
        description="Accounts, newest first.",
    )
    def get(self, request: Request) -> Response:
        rows = UserRow.objects.all()
        return page(request, rows, lambda found: [accounts.user_dict(person) for person in found])

    @extend_schema(
        request=bodies.NewUser,
        responses={201: installation_shapes.User, (409, CONTENT_TYPE): shapes.Problem},
        description="Create an account; without a password it signs in with a login link. 409 `already_exists`.",
    )
    def post(self, request: Request) -> Response:
        wanted = parse_body(bodies.NewUser, request)
        person = accounts.create_user(wanted["username"], wanted["role"], password=wanted.get("password"), by=self.by)
        return Response(
            accounts.user_dict(person), status=201, headers={"Location": f"/api/v1/users/{person.username}/"}
        )


class User(ApiView):
    rights = {"GET": Right.ADMIN, "PATCH": Right.ADMIN}
    operations = {"GET": "get_user", "PATCH": "change_user"}
    noun = "users"

    @extend_schema(responses={200: installation_shapes.User}, description="One account.")
    def get(self, request: Request, username: str) -> Response:
        return Response(accounts.user_dict(accounts.find_user(username)))

    @extend_schema(
        request=bodies.UserChange,
        responses={200: installation_shapes.User, (409, CONTENT_TYPE): shapes.Problem},
        description="Change the role, close or reopen the account, set a password. 409 `last_admin`.",
    )
    def patch(self, request: Request, username: str) -> Response:
        person = accounts.find_user(username)
        wanted = parse_body(bodies.UserChange, request)
        return Response(accounts.user_dict(accounts.change_user(person, **wanted, by=self.by)))
