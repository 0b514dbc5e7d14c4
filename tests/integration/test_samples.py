"""The samples: valid, laid out, installed once, with their data."""

from pathlib import Path

import pytest
from django.conf import settings

from dashboard import samples
from engine.definition import parse, problems
from versions import queries
from versions.actions import workflows
from versions.models import AuditEntry, Workflow

SLUGS = [slug for slug, _, _ in samples.SAMPLES]
CARD_WIDTH, CARD_HEIGHT = 188, 54


@pytest.mark.parametrize("slug", SLUGS)
def test_a_sample_has_no_problem_not_even_a_warning(slug: str) -> None:
    assert problems(samples.document(slug), pools={}) == []


@pytest.mark.parametrize("slug", SLUGS)
def test_cards_do_not_overlap_and_edges_run_to_the_right(slug: str) -> None:
    document = parse(samples.document(slug))
    places = {node.id: node.position for node in document.nodes}
    for one, place in places.items():
        assert place is not None
        for other, second in places.items():
            assert second is not None
            apart = abs(place[0] - second[0]) > CARD_WIDTH or abs(place[1] - second[1]) > CARD_HEIGHT
            assert one == other or apart, (one, other)
    for edge in document.edges:
        source, target = places[edge.source], places[edge.target]
        assert source is not None
        assert target is not None
        assert source[0] + CARD_WIDTH < target[0]


def test_the_stuck_node_has_an_expected_duration() -> None:
    ask = parse(samples.document("stuck-node")).by_id["ask"]
    assert ask.policy.expected_duration == 5


@pytest.mark.django_db
def test_samples_are_installed_live_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "copy_data", lambda target: None)
    assert samples.install_once(by="admin")
    assert not samples.install_once(by="admin")
    assert list(Workflow.objects.order_by("-id").values_list("slug", flat=True)) == ["flight-delays", "stuck-node"]
    for workflow in Workflow.objects.all():
        live = queries.live_deployment(workflow)
        assert live is not None
        assert live.version.number == 1


@pytest.mark.django_db
def test_deleted_samples_do_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "copy_data", lambda target: pytest.fail("the data was copied again") if done else None)
    done: list[bool] = []
    samples.install_once(by="admin")
    done.append(True)
    for workflow in Workflow.objects.all():
        workflows.delete(workflow, by="admin")
    assert not samples.install_once(by="admin")
    assert not Workflow.objects.exists()
    assert AuditEntry.objects.filter(action=samples.ACTION).count() == 1


@pytest.mark.django_db
def test_a_workflow_of_a_user_with_the_same_slug_is_not_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "copy_data", lambda target: None)
    workflow = workflows.create("Mine", slug="flight-delays", by="me")
    samples.install_once(by="admin")
    workflow.refresh_from_db()
    assert workflow.name == "Mine"
    assert queries.live_deployment(workflow) is None


def test_the_data_is_copied_with_its_licence_and_changes_stay(tmp_path: Path) -> None:
    target = tmp_path / "files" / "samples"
    samples.copy_data(target)
    names = {file.name for file in target.iterdir()}
    assert names == {"README.md", "airlines.csv", "flights-2013-01.csv.gz", "weather-2013-01.csv.gz"}
    assert "CC0" in (target / "README.md").read_text()
    (target / "airlines.csv").write_text("mine")
    samples.copy_data(target)
    assert (target / "airlines.csv").read_text() == "mine"


def test_the_definitions_read_only_copied_files(tmp_path: Path) -> None:
    samples.copy_data(tmp_path)
    for node in samples.document("flight-delays")["nodes"]:
        if node["type"] == "table.read":
            folder, name = node["config"]["path"].split("/")
            assert folder == "samples"
            assert (tmp_path / name).is_file()
    assert settings.INTERLOCK.files.name == "files"
