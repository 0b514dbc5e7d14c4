"""What a query is told about inputs that cannot be tables, through a real node process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.processes.node_process import NodeProcess, Nodes


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    nodes = Nodes(tmp_path_factory.mktemp("node"))
    yield nodes.get()
    nodes.close()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("5", "a JSON number"),
        ("'x'", "a JSON string"),
        ("True", "a JSON boolean"),
        ("None", "a JSON null"),
        ("{}", "an empty JSON object"),
        ("[]", "an empty JSON list"),
        ("[1]", "a JSON list of other things"),
        ("[{}]", "a JSON list of other things"),
    ],
)
def test_a_query_over_an_input_that_is_no_table_is_told_what_it_is(node: NodeProcess, value: str, kind: str) -> None:
    given = node.input(node.python(f"def main(inputs, ctx):\n    return {value}\n"))
    ended = node.run("table.sql", {"sql": "select *\nfrom A"}, inputs={"a": given})
    assert ended["k"] == "failed", ended
    text = ended["error"]["message"]
    assert f'The input "a" is {kind}' in text
    assert "no table" in text
    assert "does not exist" not in text
    assert "Did you mean" not in text


def test_a_table_that_is_no_input_is_told_the_inputs(node: NodeProcess) -> None:
    given = node.input(node.python("def main(inputs, ctx):\n    return 5\n"))
    ended = node.run("table.sql", {"sql": "select * from b"}, inputs={"a": given})
    text = ended["error"]["message"]
    assert "Table with name b does not exist" in text
    assert "the inputs of this node: a." in text
