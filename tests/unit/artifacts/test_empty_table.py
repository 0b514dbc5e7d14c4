"""Tables without rows."""

import pytest

from engine.artifacts import Artifacts
from engine.artifacts.empty_table import store_empty_table
from engine.artifacts.outputs import table_rows
from engine.worker import duck
from tests.unit.artifacts.test_outputs import table


def test_an_empty_table_has_every_type_of_the_table_that_it_stands_for(artifacts: Artifacts) -> None:
    made = table(
        artifacts,
        "select 1::decimal(38,2) a, {'x y': [1]} b, map {'k': 1.5} c, now() d, '{}'::json e, 'x'::blob f, uuid() g, "
        "date '2020-01-01' h, interval 1 day i, time '12:00' j, 1::hugeint k, ['a']::varchar[] l, 1::utinyint m",
    )
    stored = store_empty_table(made["schema"], artifacts)
    assert stored is not None
    assert (stored["schema"], stored["row_count"]) == (made["schema"], 0)
    assert table_rows(stored, artifacts, 0, 1)["rows"] == []


def test_a_disk_that_refuses_the_table_is_not_taken_for_an_unknown_schema(
    artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "stage", lambda claim, suffix: f"{artifacts.root}/none/there{suffix}")
    with pytest.raises(duck.package().IOException):
        store_empty_table([{"name": "a", "type": "INTEGER"}], artifacts)
