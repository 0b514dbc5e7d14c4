"""Errors of queries over inputs that cannot be tables, with a real node process."""

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
        ("[1]", "a JSON list with elements other than"),
        ("[{}]", "a JSON list with elements other than"),
    ],
)
def test_the_error_of_a_query_names_the_kind_of_an_input_that_is_no_table(
    node: NodeProcess, value: str, kind: str
) -> None:
    given = node.input(node.python(f"def main(inputs, ctx):\n    return {value}\n"))
    ended = node.run("table.sql", {"sql": "select *\nfrom A"}, inputs={"a": given})
    assert ended["k"] == "failed", ended
    text = ended["error"]["message"]
    assert f'The input "a" is {kind}' in text
    assert "not a table" in text
    assert "does not exist" not in text
    assert "Did you mean" not in text


@pytest.mark.parametrize(
    ("type_", "config"), [("table.sql", {"sql": "select *\nfrom A"}), ("table.write", {"path": "out/a.csv"})]
)
def test_the_error_over_the_null_of_a_skipped_node_names_that_node_and_what_to_do(
    node: NodeProcess, type_: str, config: dict[str, str]
) -> None:
    given = {"kind": "json", "value": None, "skipped": "orders"}
    ended = node.run(type_, config, inputs={"a": given})
    text = ended["error"]["message"]
    assert 'The input "a" is null, because the node "orders" was skipped.' in text
    assert 'Retry "orders"' in text


def test_the_error_of_an_unknown_table_names_the_inputs(node: NodeProcess) -> None:
    given = node.input(node.python("def main(inputs, ctx):\n    return 5\n"))
    ended = node.run("table.sql", {"sql": "select * from b"}, inputs={"a": given})
    text = ended["error"]["message"]
    assert "Table with name b does not exist" in text
    assert "this node's inputs: a." in text
