"""How long nodes usually take."""

import pytest

from engine.actions import runs
from engine.models import NodeStat
from engine.reads.expected_durations import expected_durations
from tests.support.factories import document, node

pytestmark = pytest.mark.django_db


def test_the_authors_expected_duration_precedes_the_learned_one():
    made = document([node("said", expected_duration=7), "learned", "young", "unknown"])
    run = runs.start(runs.store_definition(made), workflow="w", by="me")
    NodeStat.objects.create(workflow="w", node="said", durations=[1, 1, 1], median=1)
    NodeStat.objects.create(workflow="w", node="learned", durations=[2, 3, 4], median=3)
    NodeStat.objects.create(workflow="w", node="young", durations=[2], median=None)
    NodeStat.objects.create(workflow="other", node="unknown", durations=[2, 3, 4], median=3)
    assert expected_durations(run) == {"said": 7, "learned": 3}
