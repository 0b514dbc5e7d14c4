"""`?wait=N`: the answer to a started run is held until the run has ended, or the time has."""

import http.client
import json
import threading
import time
from typing import Any

import pytest

from dashboard import accounts, tokens
from dashboard.models import User
from engine.models import Run
from tests.live.history import document
from tests.live.server import LiveServer
from tests.support.effort import in_time
from tests.support.wait import wait_until
from versions.actions import publish, workflows


@pytest.fixture
def operator_token(transactional_db: None) -> str:
    user = accounts.create_user("otto", "operator", by="test")
    flow = workflows.create("Chain", slug="chain", by="test")
    publish.publish(flow, document(), by="test")
    return tokens.create_token(user, "test")


class Post(threading.Thread):
    """One POST in a thread; `status`, `headers` and `body` when it is answered."""

    def __init__(self, server: LiveServer, token: str, query: str) -> None:
        super().__init__()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body: Any = None
        self.seconds = 0.0
        self._arguments = (server, token, query)
        self.link = http.client.HTTPConnection("localhost", server.port, timeout=90)
        self.start()

    def run(self) -> None:
        _server, token, query = self._arguments
        began = time.monotonic()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            self.link.request("POST", f"/api/v1/workflows/chain/runs/{query}", b"{}", headers)
            answer = self.link.getresponse()
            self.status, self.headers = answer.status, dict(answer.getheaders())
            self.body = json.loads(answer.read())
        except OSError:
            pass
        finally:
            self.seconds = time.monotonic() - began
            self.link.close()


def started() -> Run:
    run = wait_until(lambda: Run.objects.order_by("-id").first())
    assert run is not None
    return run


def end(run: Run, state: str = "succeeded") -> None:
    """As the scheduler ends it, without telling anybody."""
    Run.objects.filter(pk=run.pk).update(state=state)


def test_without_wait_the_answer_is_202_at_once(server: LiveServer, operator_token: str) -> None:
    post = Post(server, operator_token, "")
    post.join(timeout=10)
    assert post.status == 202
    assert post.headers["location"].endswith(f"/api/v1/runs/{post.body['id']}/")


def test_a_run_that_ends_in_time_is_answered_with_200_and_its_end_state(
    server: LiveServer, operator_token: str
) -> None:
    post = Post(server, operator_token, "?wait=20")
    run = started()
    assert post.is_alive()
    end(run)
    server.hint({"runs": {str(run.pk): 1}})
    post.join(timeout=15)
    assert (post.status, post.body["state"], post.body["id"]) == (200, "succeeded", str(run.pk))
    assert post.headers["location"].endswith(f"/api/v1/runs/{run.pk}/")


def test_an_end_without_a_hint_is_noticed_within_seconds(server: LiveServer, operator_token: str) -> None:
    post = Post(server, operator_token, "?wait=20")
    end(started(), "failed")
    post.join()
    assert (post.status, post.body["state"]) == (200, "failed")


def test_a_run_that_continues_is_answered_with_202_after_the_wait(server: LiveServer, operator_token: str) -> None:
    post = Post(server, operator_token, "?wait=1")
    run = started()
    Run.objects.filter(pk=run.pk).update(state="running")
    post.join(timeout=10)
    assert (post.status, post.body["state"]) == (202, "running")
    assert post.seconds >= 1
    in_time(post.seconds, 1 + 2)


def test_a_run_that_is_deleted_meanwhile_is_answered_with_the_first_202(
    server: LiveServer, operator_token: str
) -> None:
    post = Post(server, operator_token, "?wait=20")
    Run.objects.filter(pk=started().pk).delete()
    post.join(timeout=15)
    assert (post.status, post.body["state"]) == (202, "queued")


@pytest.mark.parametrize("value", ["-1", "61", "soon", "nan", "1e9"])
def test_an_invalid_wait_is_refused_at_once(server: LiveServer, operator_token: str, value: str) -> None:
    post = Post(server, operator_token, f"?wait={value}")
    post.join(timeout=10)
    assert post.status in (400, 422)
    assert not Run.objects.exists()


def test_a_response_other_than_202_is_not_delayed(server: LiveServer, viewer: User, operator_token: str) -> None:
    token = tokens.create_token(viewer, "test")
    post = Post(server, token, "?wait=20")
    post.join(timeout=10)
    assert post.status == 403


def test_fifty_waiting_requests_occupy_no_thread(server: LiveServer, operator_token: str) -> None:
    posts = [Post(server, operator_token, "?wait=60") for _ in range(50)]
    wait_until(lambda: Run.objects.count() == 50)
    began = time.monotonic()
    link = http.client.HTTPConnection("localhost", server.port, timeout=20)
    link.request("GET", "/healthz")
    assert link.getresponse().status == 200
    link.close()
    in_time(time.monotonic() - began, 2)
    assert all(post.is_alive() for post in posts)
    Run.objects.update(state="succeeded")
    for post in posts:
        post.join(timeout=30)
    assert {post.status for post in posts} == {200}


def test_a_stopping_server_answers_the_waiting_requests(operator_token: str) -> None:
    from tests.live.server import serving

    with serving() as server:
        post = Post(server, operator_token, "?wait=60")
        started()
        began = time.monotonic()
    post.join(timeout=10)
    in_time(time.monotonic() - began, 5)
    assert post.status == 202
