import threading
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, RequestFactory

from dashboard import accounts, tokens
from dashboard.models import LoginLink, Role, Session, SignInAttempt, User
from dashboard.sessions import SessionStore
from engine import clock
from tests.support.people import person
from versions.models import AuditEntry

PASSWORD = "correct horse battery"


def request(address: str = "192.0.2.1", **meta: Any) -> Any:
    post = RequestFactory().post("/sign-in/", REMOTE_ADDR=address, **meta)
    post.session = SessionStore()
    return post


@pytest.fixture
def ann(db: None) -> User:
    return accounts.create_user("ann", Role.EDITOR, password=PASSWORD, by="x")


@pytest.fixture(autouse=True)
def fast_hasher(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def refused(name: str, password: str, address: str = "192.0.2.1") -> type[Exception]:
    with pytest.raises((accounts.WrongCredentials, accounts.TooManyAttempts)) as caught:
        accounts.sign_in(request(address), name, password)
    return caught.type


def test_the_right_password_signs_in(ann: User) -> None:
    post = request()
    assert accounts.sign_in(post, "ann", PASSWORD) == ann
    assert post.session["_auth_user_id"] == str(ann.pk)
    assert not SignInAttempt.objects.exists()


def test_a_refusal_does_not_say_what_was_wrong(ann: User) -> None:
    messages = set()
    accounts.change_user(person(Role.VIEWER), active=False, password=PASSWORD, by="x")
    for name, password in (("ann", "wrong"), ("nobody", PASSWORD), ("viewer-person", PASSWORD), ("", "")):
        with pytest.raises(accounts.WrongCredentials) as caught:
            accounts.sign_in(request(), name, password)
        messages.add(str(caught.value))
    assert len(messages) == 1


def test_an_account_without_a_password_cannot_sign_in_with_any(db: None) -> None:
    accounts.create_user("bob", Role.VIEWER, by="x")
    for password in ("", "!", "None"):
        assert refused("bob", password) is accounts.WrongCredentials


def test_guessing_is_stopped_only_for_its_client(ann: User) -> None:
    for _try in range(accounts.TRIES_PER_USER_AND_ADDRESS):
        assert refused("ann", "wrong") is accounts.WrongCredentials
    assert refused("ann", "wrong") is accounts.TooManyAttempts
    assert refused("ann", PASSWORD) is accounts.TooManyAttempts
    # The owner at another address is not locked out.
    assert accounts.sign_in(request("192.0.2.9"), "ann", PASSWORD) == ann


def test_the_limit_passes_with_time(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for _try in range(accounts.TRIES_PER_USER_AND_ADDRESS):
        refused("ann", "wrong")
    with pytest.raises(accounts.TooManyAttempts) as caught:
        accounts.sign_in(request(), "ann", PASSWORD)
    later = clock.now() + timedelta(seconds=caught.value.retry_after_seconds)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert accounts.sign_in(request(), "ann", PASSWORD) == ann


def test_trying_many_names_from_one_client_is_stopped(ann: User) -> None:
    kinds = [refused(f"name{number}", "wrong") for number in range(accounts.TRIES_PER_ADDRESS + 1)]
    assert kinds[-1] is accounts.TooManyAttempts
    assert set(kinds[:-1]) == {accounts.WrongCredentials}


def test_trying_one_name_from_many_clients_is_stopped(ann: User) -> None:
    kinds = [refused("ann", "wrong", f"10.0.{n // 200}.{n % 200}") for n in range(accounts.TRIES_PER_USER + 1)]
    assert kinds[-1] is accounts.TooManyAttempts


def test_an_unknown_name_is_not_stored_because_it_may_be_a_password(ann: User) -> None:
    refused("my secret password", "x")
    assert "secret" not in str(list(SignInAttempt.objects.values()))


@pytest.mark.parametrize(
    ("address", "meta", "trusted", "expected"),
    [
        ("192.0.2.1", {}, False, "192.0.2.1"),
        ("192.0.2.1", {"HTTP_X_FORWARDED_FOR": "1.1.1.1"}, False, "192.0.2.1"),
        ("127.0.0.1", {"HTTP_X_FORWARDED_FOR": "6.6.6.6, 198.51.100.4"}, True, "198.51.100.4"),
        ("127.0.0.1", {}, True, "127.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", {}, False, "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", {}, False, "192.0.2.1"),
        ("", {}, False, ""),
    ],
)
def test_the_client_address_comes_from_the_connection_or_a_trusted_proxy(
    settings: Any, address: str, meta: dict[str, str], trusted: bool, expected: str
) -> None:
    from dataclasses import replace

    settings.INTERLOCK = replace(settings.INTERLOCK, trust_proxy=trusted)
    assert accounts.client_address(request(address, **meta)) == expected


def test_unusual_names_and_passwords_are_refused(ann: User) -> None:
    for text in ("\x00", "\ud800", "a" * 100_000, "<b>", "'; drop table", "\u202e"):
        assert refused(text, "x" + text) is accounts.WrongCredentials


# --- links ---


def link(user: User) -> str:
    address = accounts.create_login_link(user, "http://127.0.0.1:8000/", by="x")
    assert address.startswith("http://127.0.0.1:8000/")
    return address.rstrip("/").rsplit("/", 1)[-1]


def test_a_link_signs_in_once(ann: User) -> None:
    raw = link(ann)
    assert accounts.peek_login_link(raw) == ann
    assert accounts.peek_login_link(raw) == ann
    assert accounts.use_login_link(raw) == ann
    assert accounts.use_login_link(raw) is None
    assert accounts.peek_login_link(raw) is None
    assert not LoginLink.objects.filter(hash__contains=raw).exists()


@pytest.mark.parametrize("raw", ["", "x", "\x00", "\ud800", "0" * 64])
def test_an_unknown_link_is_invalid(db: None, raw: str) -> None:
    assert accounts.use_login_link(raw) is None
    assert accounts.peek_login_link(raw) is None


def test_a_link_expires_and_is_invalid_for_a_deactivated_account(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    old, unused = link(ann), link(ann)
    later = clock.now() + accounts.LINK_LIFETIME
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: later)
        assert accounts.use_login_link(old) is None
    User.objects.filter(pk=ann.pk).update(is_active=False)
    assert accounts.use_login_link(unused) is None


@pytest.mark.django_db(transaction=True)
def test_a_link_used_concurrently_signs_in_once() -> None:
    raw = link(accounts.create_user("ann", Role.VIEWER, by="x"))
    barrier, found = threading.Barrier(4), []

    def use() -> None:
        try:
            barrier.wait()
            found.append(accounts.use_login_link(raw))
        finally:
            connection.close()

    threads = [threading.Thread(target=use) for _thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert sum(user is not None for user in found) == 1


@pytest.mark.django_db(transaction=True)
def test_two_admins_demoted_concurrently_leave_one() -> None:
    one = accounts.create_user("one", Role.ADMIN, by="x")
    two = accounts.create_user("two", Role.ADMIN, by="x")
    barrier = threading.Barrier(2)

    def demote(user: User) -> None:
        try:
            barrier.wait()
            accounts.change_user(user, role=Role.VIEWER, by="x")
        except accounts.LastAdmin:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=demote, args=[user]) for user in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert User.objects.filter(role=Role.ADMIN).count() == 1


def test_fullwidth_names_are_the_same_account(ann: User) -> None:
    assert accounts.find_user("ａｎｎ") == ann


def signed_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def with_everything(user: User) -> tuple[Client, str, str]:
    """Return a signed-in browser, a token and a link."""
    browser = Client()
    browser.force_login(user)
    assert signed_in(browser)
    link = accounts.create_login_link(user, "", by="x").rstrip("/").rsplit("/", 1)[-1]
    return browser, tokens.create_token(user, "t"), link


@pytest.mark.parametrize("how", ["password", "closed and reopened"])
def test_a_new_password_and_a_closed_account_void_all_access(ann: User, how: str) -> None:
    browser, token, link = with_everything(ann)
    other, *_ = with_everything(person(Role.VIEWER))
    if how == "password":
        accounts.change_user(ann, password="another long password", by="x")
    else:
        for active in (False, True):
            accounts.change_user(ann, active=active, by="x")
    assert not signed_in(browser)
    assert tokens.authenticate_token(token) is None
    assert accounts.peek_login_link(link) is None
    assert signed_in(other)


def test_the_session_that_changes_the_password_stays(ann: User) -> None:
    browser, _token, _link = with_everything(ann)
    changed = {"old": PASSWORD, "new": "another long password", "again": "another long password"}
    assert browser.post("/account/password/", changed).status_code == 302
    assert signed_in(browser)


def test_a_session_is_stored_under_the_hash_of_its_key(ann: User) -> None:
    browser = Client()
    browser.force_login(ann)
    key = browser.cookies[settings.SESSION_COOKIE_NAME].value
    (row,) = Session.objects.all()
    assert row.user == ann
    assert row.session_key != key
    browser.cookies[settings.SESSION_COOKIE_NAME] = row.session_key
    assert not signed_in(browser)


def test_guessing_the_old_password_is_stopped(ann: User) -> None:
    browser = Client()
    browser.force_login(ann)
    wrong = {"old": "wrong", "new": "another long password", "again": "another long password"}
    answers = [browser.post("/account/password/", wrong) for _ in range(accounts.TRIES_PER_USER_AND_ADDRESS + 1)]
    assert {answer.status_code for answer in answers[:-1]} == {422}
    assert answers[-1].status_code == 429
    assert 0 < int(answers[-1]["Retry-After"]) <= accounts.TRY_WINDOW.total_seconds() + 1
    refused = Client().post("/sign-in/", {"username": "ann", "password": "wrong"})
    assert (refused.status_code, int(refused["Retry-After"]) > 0) == (429, True)


def test_signing_in_is_audited_but_not_what_may_be_a_password(ann: User) -> None:
    browser = Client()
    for name, password in (("ann", "wrong"), ("my secret", "wrong"), ("ann", PASSWORD)):
        browser.post("/sign-in/", {"username": name, "password": password})
    Client().post(accounts.create_login_link(ann, "", by="root"))
    found = AuditEntry.objects.order_by("id").values_list("action", "by", "details")
    address = {"address": "127.0.0.1"}
    assert list(found)[1:] == [
        ("sign_in_failed", "ann", address),
        ("sign_in_failed", "?", address),
        ("signed_in", "ann", {"with": "password", **address}),
        ("login_link_created", "root", {"user": "ann"}),
        ("signed_in", "ann", {"with": "link", **address}),
    ]


def test_a_session_says_when_how_and_from_where_it_began(ann: User) -> None:
    Client().post("/sign-in/", {"username": "ann", "password": PASSWORD}, REMOTE_ADDR="192.0.2.7")
    Client().post(accounts.create_login_link(ann, "", by="root"))
    Client().force_login(ann)
    shown = [accounts.session_dict(session) for session in accounts.sessions_of(ann)]
    began = {(one["signed_in_with"], one["address"], one["signed_in_at"] is None) for one in shown}
    assert began == {("password", "192.0.2.7", False), ("link", "127.0.0.1", False), (None, None, True)}
