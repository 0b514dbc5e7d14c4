from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, ManagementUtility, call_command

from dashboard import accounts, tokens
from dashboard.models import Role, User
from dashboard.up.home import RunningUp, record_web
from engine.config import Config
from tests.support.people import person
from versions.models import AuditEntry


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(*arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_only_the_token_goes_to_stdout(db: None) -> None:
    person(Role.EDITOR, "ann")
    out, err = run("token", "--user", "ann")
    assert out.count("\n") == 1
    found = tokens.authenticate_token(out.strip())
    assert found is not None
    assert found[0].username == "ann"
    assert out.strip() not in err
    assert "ann" in err


def test_a_token_can_be_limited(db: None) -> None:
    person(Role.EDITOR, "ann")
    out, _err = run("token", "--user", "ann", "--scope", "metrics", "--name", "prometheus")
    found = tokens.authenticate_token(out.strip())
    assert found is not None
    assert (found[1].scopes, found[1].name) == (["metrics"], "prometheus")


def test_an_unknown_account_is_refused_with_the_known_ones(db: None) -> None:
    person(Role.EDITOR, "ann")
    for command in ("token", "login-link"):
        with pytest.raises(CommandError, match=r'no account named "bob".*ann'):
            run(command, "--user", "bob")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A home that nothing serves."""
    config: Config = replace(settings.INTERLOCK, home=tmp_path)
    monkeypatch.setattr(settings, "INTERLOCK", config)
    return config


def test_a_login_link_has_the_address_of_the_web_process_that_serves_the_home(db: None, home: Config) -> None:
    person(Role.VIEWER, "ann")
    record = record_web(home.run_folder, 9123, RunningUp(7, "http://127.0.0.1:9123"))
    assert record is not None
    with record:
        out, err = run("login-link", "--user", "ann")
        assert out.startswith("http://127.0.0.1:9123/")
        assert "guess" not in err
    # It has ended.
    out, err = run("login-link", "--user", "ann")
    assert "guess" in err


def test_a_login_link_has_the_address_of_the_proxy_where_nothing_serves(
    db: None, home: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(Role.VIEWER, "ann")
    monkeypatch.setattr(settings, "INTERLOCK", replace(home, trust_proxy=True))
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["localhost", "flows.example.org"])
    out, _err = run("login-link", "--user", "ann")
    assert out.startswith("https://flows.example.org/")


def test_only_the_login_link_goes_to_stdout_and_it_signs_in(db: None) -> None:
    user = person(Role.VIEWER, "ann")
    out, _err = run("login-link", "--user", "ann", "--url", "https://example.org")
    assert out.startswith("https://example.org/")
    assert accounts.use_login_link(out.strip().rstrip("/").rsplit("/", 1)[-1]) == user


def test_a_user_is_created_and_then_changed(db: None) -> None:
    run("user", "ann", "--role", "editor")
    assert User.objects.get(username="ann").role == "editor"
    run("user", "ann", "--role", "admin")
    assert User.objects.get(username="ann").role == "admin"
    with pytest.raises(CommandError, match="is the only admin"):
        run("user", "ann", "--role", "viewer")
    with pytest.raises(CommandError, match="invalid choice"):
        run("user", "ann", "--role", "king")
    assert [entry.action for entry in AuditEntry.objects.order_by("id")] == ["user_created", "user_changed"]


def test_a_password_is_read_from_stdin(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("correct horse battery\n"))
    run("user", "ann", "--role", "editor", "--password-stdin")
    assert User.objects.get(username="ann").check_password("correct horse battery")
    monkeypatch.setattr("sys.stdin", StringIO("short\n"))
    with pytest.raises(CommandError, match="too short"):
        run("user", "bob", "--role", "editor", "--password-stdin")
    assert not User.objects.filter(username="bob").exists()


@pytest.mark.parametrize("name", ["import", "export"])
def test_a_missing_command_is_refused_by_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError, match=rf"The command {name} is not available yet\. \(not_available_yet\)"):
        run(name)
    with pytest.raises(SystemExit) as ended:
        ManagementUtility(["manage.py", name, "x.json", "--all"]).execute()
    assert ended.value.code == 1
    assert "not_available_yet" in capsys.readouterr().err
