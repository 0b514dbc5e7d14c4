"""Whatever an author does in the editor is accepted or explained: documents that any edits lead to, as the editor's own
code makes them (static/src/document/store.test.ts), are asked about here."""

from __future__ import annotations

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

STATIC = Path(__file__).resolve().parents[2] / "static"
VITEST = STATIC / "node_modules/.bin/vitest"
TYPES = STATIC / "src/document/testing/node-types.json"
EDITED = "INTERLOCK_EDITED_DOCUMENTS"
NO_VERB_MAKES = {
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
"""A verb of the editor never leads to these, in whatever order an author uses them."""


def test_editor_tests_know_the_node_types() -> None:
    described = json.dumps(registry.describe(), indent=1, ensure_ascii=False) + "\n"
    if TYPES.read_text(encoding="utf-8") != described:
        TYPES.write_text(described, encoding="utf-8")
        pytest.fail(f"{TYPES.name} was not what the registry describes. It was written anew: look at it and commit it.")


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    if kept := os.environ.get(EDITED):
        # The tests of the front end have just left them there.
        file = Path(kept)
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
def test_every_document_is_accepted_or_explained(edited: list[dict[str, Any]]) -> None:
    valid: Counter[bool] = Counter()
    codes: Counter[str] = Counter()
    for one in edited:
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
            assert not {problem.code for problem in errors} & NO_VERB_MAKES, (where, errors)
    assert min(valid[True], valid[False]) > 50, valid
    assert sum(valid.values()) > 10_000
    assert len(codes) > 15, codes
