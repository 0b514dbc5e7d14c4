"""Concurrent changes leave one live version, numbers without gaps, and one audit entry per change."""

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connection

from dashboard.models import Role
from engine.errors import InterlockError
from tests.support.documents import chain
from tests.support.people import person
from versions import queries
from versions.actions import deploy, drafts, launch, publish, rollback, workflows
from versions.errors import OutdatedBase, StaleDraft
from versions.models import AuditEntry, Deployment, Workflow, WorkflowVersion

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Start all calls at once. Return what each returned or raised; errors other than InterlockError are raised."""
    barrier = threading.Barrier(len(calls))
    found: list[Any] = [None] * len(calls)

    def run(index: int) -> None:
        try:
            barrier.wait()
            found[index] = calls[index]()
        except BaseException as error:
            found[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[index]) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in found:
        if isinstance(one, BaseException) and not isinstance(one, InterlockError):
            raise one
    return found


@pytest.fixture
def workflow() -> Workflow:
    workflow = workflows.create("One", by="x")
    for name in ("a", "b", "c"):
        publish.publish(workflow, chain(name), by="x")
    return workflow


def check(workflow: Workflow) -> None:
    """Assert what must hold after all changes."""
    rows = list(Deployment.objects.filter(workflow=workflow).order_by("id"))
    assert [row.state for row in rows].count("live") == 1
    assert rows[-1].state == "live"
    assert [row.colour for row in rows] == [("blue", "green")[index % 2] for index in range(len(rows))]
    assert all(row.ended_at is not None for row in rows[:-1])
    switches = AuditEntry.objects.filter(workflow=workflow.slug, action__in=("deployed", "rolled_back")).order_by("id")
    # The audit log agrees: each entry starts where the previous one ended.
    assert [(entry.from_version, entry.to_version) for entry in switches] == [
        (rows[index - 1].version.number if index else None, row.version.number) for index, row in enumerate(rows)
    ]


def test_twenty_deployments_and_rollbacks_at_once_leave_one_live(workflow: Workflow) -> None:
    calls: list[Callable[[], Any]] = []
    for index in range(20):
        if index % 2:
            calls.append(lambda: rollback.rollback(workflow, reason="x", by="x"))
        else:
            calls.append(lambda number=index % 3 + 1: deploy.deploy(workflow, number, by="x"))  # type: ignore[misc]
    at_once(calls)
    check(workflow)


def test_twenty_rollbacks_at_once_leave_one_live(workflow: Workflow) -> None:
    deploy.deploy(workflow, 2, by="x")
    found = at_once([lambda: rollback.rollback(workflow, reason="x", by="x")] * 20)
    assert not [one for one in found if isinstance(one, BaseException)]
    check(workflow)
    # An even number of rollbacks returns to the start.
    live = queries.live_deployment(workflow)
    assert live is not None
    assert live.version.number == 2


def test_of_many_publishers_from_one_base_one_succeeds(workflow: Workflow) -> None:
    found = at_once(
        [
            lambda index=index: publish.publish(workflow, chain(f"n{index}"), base_version=3, by="x")  # type: ignore[misc]
            for index in range(8)
        ]
    )
    assert sum(isinstance(one, publish.Published) for one in found) == 1
    assert sum(isinstance(one, OutdatedBase) for one in found) == 7


def test_numbers_have_no_gaps_and_the_same_content_one_number(workflow: Workflow) -> None:
    at_once(
        [
            lambda index=index: publish.publish(workflow, chain(f"n{index % 4}"), by="x")  # type: ignore[misc]
            for index in range(12)
        ]
    )
    numbers = list(
        WorkflowVersion.objects.filter(workflow=workflow).order_by("number").values_list("number", flat=True)
    )
    assert numbers == list(range(1, len(numbers) + 1))
    hashes = list(
        WorkflowVersion.objects.filter(workflow=workflow).order_by("number").values_list("definition__hash", flat=True)
    )
    assert all(one != other for one, other in itertools.pairwise(hashes))


def test_first_versions_published_at_once_leave_one_live() -> None:
    workflow = workflows.create("Two", by="x")
    at_once([lambda index=index: publish.publish(workflow, chain(f"n{index}"), by="x") for index in range(6)])  # type: ignore[misc]
    check(workflow)
    live = queries.live_deployment(workflow)
    assert live is not None
    assert live.version.number == 1


def test_two_tabs_that_save_at_once_lose_nothing(workflow: Workflow) -> None:
    user = person(Role.EDITOR)
    for saves in range(3):
        found = at_once(
            [
                lambda index=index, saves=saves: drafts.save(workflow, user, {"tab": index}, expected_saves=saves)  # type: ignore[misc]
                for index in range(4)
            ]
        )
        saved = [one for one in found if isinstance(one, drafts.WorkingCopy)]
        assert len(saved) == 1
        assert sum(isinstance(one, StaleDraft) for one in found) == 3
        assert drafts.load(workflow, user).definition == saved[0].definition


def test_workflows_created_at_once_get_different_slugs() -> None:
    at_once([lambda: workflows.create("Same name", by="x")] * 6)
    assert sorted(Workflow.objects.values_list("slug", flat=True)) == [
        "same-name",
        *[f"same-name-{number}" for number in range(2, 7)],
    ]


def test_a_run_started_while_its_workflow_is_deleted_is_refused_or_stops_the_deletion(workflow: Workflow) -> None:
    from engine.models import Run

    at_once(
        [
            *[lambda: launch.launch(workflow, by="x")] * 4,
            lambda: workflows.delete(workflow, by="x"),
        ]
    )
    if Workflow.objects.filter(slug="one").exists():
        assert Run.objects.filter(workflow="one").exists()
    else:
        assert not Run.objects.filter(workflow="one").exists()


def test_a_failure_in_the_middle_changes_nothing(workflow: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **named: Any) -> None:
        raise RuntimeError("the disk is gone")

    before = (Deployment.objects.count(), AuditEntry.objects.count(), WorkflowVersion.objects.count())
    monkeypatch.setattr("versions.actions.audit.record", broken)
    for call in (
        lambda: deploy.deploy(workflow, 2, by="x"),
        lambda: rollback.rollback(workflow, version=3, reason="x", by="x"),
        lambda: publish.publish(workflow, chain("z"), by="x"),
        lambda: workflows.change(workflow, name="Other", by="x"),
    ):
        with pytest.raises(RuntimeError):
            call()
    assert before == (Deployment.objects.count(), AuditEntry.objects.count(), WorkflowVersion.objects.count())
    assert Workflow.objects.get().name == "One"
    check(workflow)
