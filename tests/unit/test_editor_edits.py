"""Every document that edits can lead to is valid or has a problem that says why. The editor's own code makes the
documents (static/src/document/store.test.ts)."""

import json
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine import definition
from engine.nodes import registry
from tests.support import described_types

STATIC = Path(__file__).resolve().parents[2] / "static"
VITEST = STATIC / "node_modules/.bin/vitest"
EDITED = "INTERLOCK_EDITED_DOCUMENTS"
NEVER_FROM_COMMANDS = {
    "cycle",
    "duplicate_id",
    "duplicate_edge",
    "duplicate_target_port",
    "unknown_node",
    "unknown_source_port",
    "missing_source_port",
    "wrong_name",
    "wrong_type",
    "unknown_field",
    "not_an_object",
}
"""Problems that the commands of the editor never cause, in whatever order an author uses them."""


def test_editor_tests_know_the_node_types() -> None:
    described_types.compare("node-types.json", registry.describe(), indent=1)


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    if written := os.environ.get(EDITED):
        # The tests of the front end have just written them.
        file = Path(written)
    else:
        if not os.environ.get("CI") and not (shutil.which("node") and VITEST.exists()):
            pytest.skip("Node or static/node_modules is missing: cd static && npm ci")
        file = tmp_path_factory.mktemp("edited") / "documents.jsonl"
        run = subprocess.run(
            [VITEST, "run", "src/document/store.test.ts", "-t", "any 10,000 edits"],
            cwd=STATIC,
            env={**os.environ, EDITED: str(file)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("each", [8, pytest.param(1, marks=pytest.mark.long)])
def test_every_document_is_accepted_or_explained(edited: list[dict[str, Any]], each: int) -> None:
    """`each`: every eighth document, which differ by a few edits, or all."""
    assert len(edited) > 10_000
    valid: Counter[bool] = Counter()
    codes: Counter[str] = Counter()
    for one in edited[::each]:
        document = one["document"]
        where = f"seed {one['seed']}, edit {one['made']}"
        problems = definition.problems(document, pools={"disk": 2})
        for problem in problems:
            assert problem.message.strip(), where
            assert problem.path or problem.node is None, (where, problem)
            codes[problem.code] += 1
        errors = [problem for problem in problems if problem.severity == "error"]
        valid[not errors] += 1
        if not errors:
            assert len(definition.parse(document).nodes) == len(document["nodes"]), where
        if one["careful"]:
            assert not {problem.code for problem in errors} & NEVER_FROM_COMMANDS, (where, errors)
    assert min(valid[True], valid[False]) > 50 / each, valid
    assert len(codes) > 15, codes
