import json
import time

import jsonpatch
import pytest

from engine import definition
from engine.definition.validation import problem_list
from engine.problems import InvalidDocument
from tests.unit.definition.documents import chain, changes, document, edge, found, node, only

CODE = {"code": "def main(inputs, ctx):\n    return 1\n"}
CONTRACT = {
    "schema": "interlock/1",
    "inputs": {"type": "object", "properties": {"month": {"type": "integer", "default": 1}}},
    "nodes": [
        {
            "id": "load",
            "type": "table.read",
            "name": "Load flights",
            "config": {"path": "samples/flights.csv.gz"},
            "policy": {"retries": 2, "pool": "disk", "expected_duration": 5},
            "position": {"x": 0, "y": 0},
        },
        {
            "id": "delays",
            "type": "table.sql",
            "name": "Delays by carrier",
            "config": {"sql": "select carrier, avg(arr_delay) d from load where month = {{ inputs.month }} group by 1"},
        },
    ],
    "edges": [{"source": "load", "target": "delays"}],
    "settings": {"priority": 5, "max_concurrent": None, "timeout": None, "on_failure": "stop"},
}


def test_the_example_of_the_contract_is_valid_and_parsed():
    parsed = definition.parse(CONTRACT, pools={"disk": 2})
    assert parsed.order == ("load", "delays")
    assert parsed.by_id["load"].policy.retries == 2
    assert parsed.by_id["load"].name == "Load flights"
    assert parsed.upstream["delays"] == (definition.Edge("load", "delays", "out", "load"),)
    assert parsed.downstream["delays"] == ()
    assert parsed.settings == definition.Settings()


def test_defaults_are_those_of_the_contract():
    parsed = definition.parse(document(node("a")))
    a = parsed.by_id["a"]
    assert (a.name, a.notes, a.config, a.position, a.index) == ("a", "", {}, None, 0)
    assert a.policy == definition.Policy(
        retries=0,
        lost_retries=3,
        retry_delay=5,
        retry_backoff="exponential",
        retry_max_delay=300,
        retry_on=None,
        soft_timeout=300,
        hard_timeout=600,
        expected_duration=None,
        pool=None,
        slots=1,
        priority=None,
        queue="default",
        memory_mb=None,
        trigger_rule="all_success",
    )
    assert parsed.settings.on_failure == "stop"
    assert parsed.inputs is None


@pytest.mark.parametrize(
    ("policy", "hard"),
    [
        ({}, 600),
        ({"soft_timeout": 10}, 600),
        ({"soft_timeout": 400}, 800),
        ({"hard_timeout": 300}, 300),
        ({"hard_timeout": None}, None),
        ({"soft_timeout": None}, 600),
    ],
)
def test_the_hard_limit_follows_the_soft_one(policy, hard):
    assert definition.parse(document(node("a", policy=policy))).nodes[0].policy.hard_timeout == hard


@pytest.mark.parametrize("value", [None, 3, "text", [], True, 1.5])
def test_a_definition_must_be_an_object(value):
    problem = only(value, "not_an_object")
    assert problem.path == ""


@pytest.mark.parametrize("missing", ["schema", "nodes", "edges"])
def test_missing_required_fields_are_reported(missing):
    given = document(node("a"))
    del given[missing]
    problem = only(given, "missing_field")
    assert problem.path == missing


def test_a_definition_needs_a_node():
    assert only(document(), "no_nodes").path == "nodes"


def test_a_cycle_is_reported_with_its_nodes():
    given = document(
        node("a"), node("b"), node("c"), edges=[edge("a", "b"), edge("b", "c"), edge("c", "b", target_port="again")]
    )
    problem = only(given, "cycle")
    assert problem.sentence.values == {"nodes": "b → c → b"}
    assert problem.path == "edges[2]"
    repaired = jsonpatch.apply_patch(given, changes(problem))
    assert definition.problems(repaired) == []


def test_an_edge_to_itself_is_a_cycle():
    assert only(document(node("a"), edges=[edge("a", "a")]), "cycle").node == "a"


def test_the_problem_of_an_unknown_type_suggests_a_similar_one():
    given = document(node("a", "tabel.sql"))
    problem = only(given, "unknown_node_type")
    assert problem.sentence.values["near"] == "table.sql"
    assert changes(problem) == [{"op": "replace", "path": "/nodes/0/type", "value": "table.sql"}]


@pytest.mark.parametrize("type", ["http.request", "sql.query", "map", "subworkflow", "wait", "approval", "notify"])
def test_types_that_are_not_available_yet_are_refused(type):
    problem = only(document(node("a", type)), "not_available_yet")
    assert problem.sentence.values == {"type": type}


@pytest.mark.parametrize("queue", ["gpu", "default", "big-machines.2"])
def test_any_queue_name_is_accepted(queue):
    assert definition.problems(document(node("a", policy={"queue": queue}))) == []


@pytest.mark.parametrize("queue", ["", "a,b", "a b", "-Q", "q" * 101, "\u00e4", None, 5])
def test_a_queue_name_must_fit_the_workers_command_line(queue):
    problem = only(document(node("a", policy={"queue": queue})), "wrong_type")
    assert problem.path == "nodes[0].policy.queue"


@pytest.mark.parametrize("policy", [{"map": {}}, {"map": []}, {"cache": {"ttl": 5}}, {"checkpoint_interval": 60}])
def test_options_that_are_not_available_yet_are_refused(policy):
    problem = only(document(node("a", policy=policy)), "not_available_yet")
    assert problem.path == f"nodes[0].policy.{next(iter(policy))}"
    assert problem.node == "a"


def test_secrets_are_not_available_yet():
    given = document(node("a", "python.function", config={"function": "m.f", "args": {"key": "{{ secrets.key }}"}}))
    assert only(given, "not_available_yet").path == "nodes[0].config.args.key"


@pytest.mark.parametrize(
    ("type", "config", "code", "path", "message"),
    [
        ("noop", {"x": 1}, "unknown_field", "config.x", 'There is no field "x" here.'),
        ("python", {}, "missing_field", "config.code", "Enter code."),
        ("python", {"code": 3}, "wrong_type", "config.code", "Code must be text, not 3."),
        ("python", {"code": ""}, "wrong_value", "config.code", "Enter code."),
        ("table.write", {"path": "x.csv", "if_exists": "replcae"}, "wrong_value", "config.if_exists", '"replace"'),
        (
            "table.read",
            {"path": "x", "options": {"delimiter": ";"}},
            "unknown_field",
            "config.options.delimiter",
            "delim",
        ),
        ("table.read", {"path": "https://host/x.csv"}, "path_scheme", "config.path", "https://"),
        ("table.read", {"path": "file:///etc/x.csv"}, "path_scheme", "config.path", "file://"),
        ("table.read", {"path": "zip::s3://bucket/x.zip"}, "path_scheme", "config.path", "(::)"),
        (
            "table.read",
            {"path": "a.csv", "options": {"max_skipped": 1}},
            "without_effect",
            "config.options.max_skipped",
            "remove the limit",
        ),
        ("table.read", {"path": "s3://bucket/x::file:///y"}, "path_scheme", "config.path", "(::)"),
        ("table.write", {"path": "s3://bucket/x.csv"}, "not_available_yet", "config.path", "s3://"),
        ("table.write", {"path": "https://host/x.csv"}, "not_available_yet", "config.path", "object storage"),
        ("table.read", {"path": "x", "options": {"skip": -1}}, "out_of_range", "config.options.skip", "at least 0"),
        ("shell", {"command": "ls", "env": {"A": []}}, "wrong_type", "config.env.A", "text, a number or true or false"),
        ("shell", {"command": "ls", "env": {"A B": "x"}}, "variable_name", 'config.env["A B"]', "letters"),
        (
            "shell",
            {"command": "ls", "env": {"INTERLOCK_RUN": "x"}},
            "variable_name",
            "config.env.INTERLOCK_RUN",
            "reserved",
        ),
        ("python.function", {"function": "main"}, "function_path", "config.function", "package.module"),
        (
            "python.function",
            {"function": "a.b", "args": {"x-y": 1}},
            "argument_name",
            'config.args["x-y"]',
            "identifier",
        ),
        ("branch", {}, "branch_choice", "config", "condition"),
        (
            "branch",
            {"condition": "true", "cases": [{"port": "a", "when": "true"}]},
            "branch_choice",
            "config",
            "not both",
        ),
        ("branch", {"condition": "true", "default": "a"}, "branch_choice", "config.default", "cases"),
        ("branch", {"cases": [{"port": "A", "when": "true"}]}, "wrong_value", "config.cases[0].port", "pattern"),
        ("branch", {"cases": [{"port": "a"}]}, "missing_field", "config.cases[0].when", "Enter an expression."),
    ],
)
def test_an_invalid_config_is_reported(type, config, code, path, message):
    edges = [edge("z", "a")] if type == "table.write" else []
    problem = only(document(node("a", type, config=config), node("z"), edges=edges), code)
    assert problem.path == f"nodes[0].{path}"
    assert problem.node == "a"
    assert message in problem.message


@pytest.mark.parametrize(
    ("code", "line", "part"),
    [
        ("def main(inputs, ctx):\n    x = 1\n    return x +\n", 3, None),
        ("# ä🎉\r\ndef main(inputs, ctx):\r\n    é = )\r\n", 3, ")"),
        ("x = (\n", 1, "("),
        ("if x:\ny = 1\n", 2, "y"),
    ],
)
def test_a_syntax_error_in_python_has_a_line_and_a_span(code, line, part):
    problem = only(document(node("a", "python", config={"code": code})), "python_syntax")
    assert (problem.line, problem.path) == (line, "nodes[0].config.code")
    assert (code[slice(*problem.span)] if problem.span else None) == part


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = 1\n", "python_no_main"),
        ("class A:\n    def main(self, inputs): ...\n", "python_no_main"),
        ("async def main(inputs, ctx): ...\n", "python_main_async"),
        ("def main(inputs): ...\n", "python_main_arguments"),
        ("def main(inputs, ctx, more): ...\n", "python_main_arguments"),
        ("def main(inputs, ctx, *, more): ...\n", "python_main_arguments"),
        ("def main(inputs, ctx, more=1, *, other=2): ...\n", None),
        ("def main(*args): ...\n", None),
        ("from package import run as main\n", None),
        ("main = lambda inputs, ctx: 1\n", None),
        ("try:\n    import x\nexcept ImportError:\n    def main(inputs, ctx): ...\n", None),
        ("match 1:\n    case 1:\n        def main(inputs, ctx): ...\n", None),
        ("def main(inputs, ctx):\n    return '\\d'\n", None),
        ("-" * 100_000 + "1", "python_syntax"),
        ("(" * 100_000, "python_syntax"),
        ("a" + ".b" * 100_000, "python_syntax"),
    ],
)
def test_python_code_needs_a_main_with_two_arguments(code, expected):
    problems = definition.problems(document(node("a", "python", config={"code": code})))
    assert [problem.code for problem in problems] == ([expected] if expected else [])


def test_code_is_parsed_but_never_executed(tmp_path):
    marker = tmp_path / "ran"
    code = (
        f"open({str(marker)!r}, 'w')\n@print('decorated')\ndef main(inputs, ctx, x=open({str(marker)!r}, 'w')): ...\n"
    )
    definition.problems(document(node("a", "python", config={"code": code})))
    assert not marker.exists()


def test_the_fix_of_a_missing_main_adds_it():
    given = document(node("a", "python", config={"code": "import os\n"}))
    problem = only(given, "python_no_main")
    assert definition.problems(jsonpatch.apply_patch(given, changes(problem))) == []


@pytest.mark.parametrize(
    ("sql", "code", "line", "part"),
    [
        ("delete from t", "sql_not_a_query", 1, "delete"),
        ("-- note\n\ninsert into t select 1", "sql_not_a_query", 3, "insert"),
        ("with x as (select 1)\ninsert into t select 1", "sql_not_a_query", 2, "insert"),
        ("select 1;\nselect 2", "sql_several_statements", 2, "select"),
        ("select '", "sql_unclosed", 1, "'"),
        ("select 1\n/* /* */\n", "sql_unclosed", 2, "/* /* */"),
        ("select $1", "sql_parameter", 1, "$1"),
        ("select\n?", "sql_parameter", 2, "?"),
        ("  -- nothing", "sql_not_a_query", 1, None),
        ("select 1 where a = '{{ inputs.a }}'", "sql_expression_place", 1, "{{ inputs.a }}"),
        ("select 1\nfrom t_{{ inputs.a }}", "sql_expression_place", 2, "{{ inputs.a }}"),
        ('select "{{ inputs.a }}" from t', "sql_expression_place", 1, "{{ inputs.a }}"),
        ("select 1 -- {{ inputs.a }}", "sql_expression_place", 1, "{{ inputs.a }}"),
        ("select * from a join {{ inputs.a }}", "sql_expression_place", 1, "{{ inputs.a }}"),
        ("select s.{{ inputs.a }} from s", "sql_expression_place", 1, "{{ inputs.a }}"),
        ("select {{ inputs.a", "expression", 1, "{{"),
        ("select\n\n{{ inputs.a + }}", "expression", 3, "{{ inputs.a + }}"),
    ],
)
def test_sql_that_is_not_one_query_has_a_line_and_a_span(sql, code, line, part):
    given = document(node("a", "table.sql", config={"sql": sql}), inputs={"type": "object", "properties": {"a": {}}})
    problem = only(given, code)
    assert (problem.path, problem.line) == ("nodes[0].config.sql", line)
    assert (sql[slice(*problem.span)] if problem.span else None) == part


@pytest.mark.parametrize(
    "sql",
    [
        "select 1",
        "SELECT 1;",
        "from t",
        "With x as (select 1) select * from x",
        "((select 1) union (select 2));;",
        "/* a /* b */ ; */ select ';', \"a;b\", $$ ; $$, $x$ $1 ? $x$, e'\\';' -- ; ?",
        'select {{ inputs.a }}+{{ inputs.a == "it\'s; " }}',
        "select {{inputs.a}}::int",
    ],
)
def test_queries_are_valid(sql):
    given = document(node("a", "table.sql", config={"sql": sql}), inputs={"type": "object", "properties": {"a": {}}})
    assert definition.problems(given) == []


def test_ids_must_be_unique_and_valid_names():
    duplicate = only(document(node("a"), node("a")), "duplicate_id")
    assert duplicate.sentence.values == {"a": 0, "b": 1, "id": "a"}
    for name in ("A", "1a", "a-b", "a" * 64, "", "ä", "a\n"):
        assert only(document(node(name)), "wrong_name").path == "nodes[0].id"
    assert definition.problems(document(node("a" * 63), node("a_1"))) == []


def test_the_problem_of_an_edge_without_target_suggests_a_similar_node():
    given = document(node("load"), node("clean"), edges=[edge("laod", "clean"), edge("load", "zzz")])
    first, second = definition.problems(given)
    assert (first.code, first.path) == ("unknown_node", "edges[0].source")
    assert changes(first)[0]["value"] == "load"
    assert (second.path, changes(second)) == ("edges[1].target", [{"op": "remove", "path": "/edges/1"}])


def test_two_edges_may_share_a_port_only_if_they_come_from_one_branch():
    nodes = [node("a"), node("b"), node("c")]
    given = document(*nodes, edges=[edge("a", "c", target_port="x"), edge("b", "c", target_port="x")])
    problem = only(given, "duplicate_target_port")
    assert (problem.path, problem.node) == ("edges[1].target_port", "c")
    branch = node("a", "branch", config={"condition": "true"})
    both = [edge("a", "c", source_port="true"), edge("a", "c", source_port="false")]
    assert definition.problems(document(branch, node("c"), edges=both)) == []
    assert only(document(branch, node("c"), edges=[both[0], both[0]]), "duplicate_edge").path == "edges[1]"
    assert only(document(node("a"), node("c"), edges=[edge("a", "c"), edge("a", "c")]), "duplicate_edge")


SQL = {"sql": "select 1 as n"}
WRITE = {"path": "x.csv"}


def test_an_edge_that_only_orders_hands_no_value_on():
    a, b, write = node("a", "table.sql", config=SQL), node("b", "table.sql", config=SQL), node("c", "table.write")
    given = document(a, b, {**write, "config": WRITE}, edges=[edge("a", "c"), edge("b", "c", order=True)])
    parsed = definition.parse(given)
    assert [one.order for one in parsed.upstream["c"]] == [False, True]
    given["edges"][0]["order"] = True
    assert only(given, "no_input").node == "c"
    code = {"code": 'def main(inputs, ctx):\n    return inputs["a"]\n'}
    reads = document(a, node("c", "python", config=code), edges=[edge("a", "c", order=True)])
    assert only(reads, "unknown_port").node == "c"
    loads = document(node("a"), node("c"), node("b"), edges=[edge("a", "b"), edge("c", "b", order=True)])
    assert definition.problems(loads) == []


def test_the_mark_of_an_edge_that_only_orders_is_true_or_false_and_leaves_no_port():
    nodes = node("a"), node("b")
    assert only(document(*nodes, edges=[edge("a", "b", order="yes")]), "wrong_type").path == "edges[0].order"
    assert definition.problems(document(*nodes, edges=[edge("a", "b", order=False)])) == []
    given = document(*nodes, edges=[edge("a", "b", target_port="x", order=True)])
    problem = only(given, "unused_target_port")
    assert changes(problem) == [{"op": "remove", "path": "/edges/0/target_port"}]
    assert only(document(*nodes, edges=[edge("a", "b"), edge("a", "b", order=True)]), "duplicate_edge")


def test_a_second_table_into_a_node_that_takes_one_is_found_and_may_only_order():
    a, b = node("a", "table.sql", config=SQL), node("b", "table.sql", config=SQL)
    branch = node("t", "branch", config={"condition": "true"})
    write = node("c", "table.write", config=WRITE)
    both = [edge("a", "c"), edge("b", "c")]
    problem = only(document(a, b, write, edges=both), "second_table")
    assert (problem.path, problem.node) == ("edges[1]", "c")
    assert changes(problem) == [{"op": "add", "path": "/edges/1/order", "value": True}]
    assert definition.problems(jsonpatch.apply_patch(document(a, b, write, edges=both), changes(problem))) == []
    passed = [edge("a", "t"), edge("t", "c", source_port="true"), edge("b", "c")]
    assert only(document(a, b, branch, write, edges=passed), "second_table").path == "edges[2]"
    ports = [edge("a", "t"), edge("t", "c", source_port="true"), edge("t", "c", source_port="false")]
    assert definition.problems(document(a, branch, write, edges=ports)) == []
    value = node("b", "shell", config={"command": "true"})
    assert definition.problems(document(a, value, write, edges=both)) == []
    # Only one of them may succeed.
    late = {**write, "policy": {"trigger_rule": "one_success"}}
    assert definition.problems(document(a, b, late, edges=both)) == []


@pytest.mark.parametrize("text", ["output[0].n", "output.n", 'output["rows"]'])
def test_rows_of_a_table_cannot_be_read_by_an_expression(text):
    nodes = (
        node("a", "table.sql", config=SQL),
        node("b", "table.sql", config={"sql": f"select {{{{ nodes.a.{text} }}}}"}),
    )
    problem = only(document(*nodes, edges=[edge("a", "b")]), "rows_of_table")
    assert (problem.path, problem.node) == ("nodes[1].config.sql", "b")


@pytest.mark.parametrize("text", ["nodes.a.output.row_count", "nodes.a.output.schema[0]", "has(nodes.a.output.n)"])
def test_what_expressions_see_of_a_table_may_be_read(text):
    nodes = node("a", "table.sql", config=SQL), node("b", "table.sql", config={"sql": f"select {{{{ {text} }}}}"})
    assert definition.problems(document(*nodes, edges=[edge("a", "b")])) == []


def test_edges_out_of_a_branch_must_name_one_of_its_ports():
    cases = {"cases": [{"port": "big", "when": "true"}], "default": "small"}
    branch = node("a", "branch", config=cases)
    target = node("b")
    missing = only(document(branch, target, edges=[edge("a", "b")]), "missing_source_port")
    assert str(missing.sentence.values["ports"]) == '"big" or "small"'
    unknown = only(document(branch, target, edges=[edge("a", "b", source_port="bog")]), "unknown_source_port")
    assert changes(unknown)[0]["value"] == "big"
    assert definition.problems(document(branch, target, edges=[edge("a", "b", source_port="small")])) == []
    assert only(document(node("a"), target, edges=[edge("a", "b", source_port="true")]), "unknown_source_port")


def test_pools_must_exist_and_be_large_enough():
    pools = {"disk": 2}
    unknown = only(document(node("a", policy={"pool": "dsk"})), "unknown_pool", pools=pools)
    assert changes(unknown)[0]["value"] == "disk"
    assert only(document(node("a", policy={"pool": "disk", "slots": 3})), "slots_above_pool", pools=pools)
    assert definition.problems(document(node("a", policy={"pool": "disk", "slots": 2})), pools=pools) == []
    assert definition.problems(document(node("a", policy={"pool": "any", "slots": 9}))) == []
    warning = only(document(node("a", policy={"slots": 2})), "slots_without_pool")
    assert warning.severity == "warning"
    assert definition.parse(document(node("a", policy={"slots": 2}))).nodes[0].policy.slots == 2


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ({"retries": -1}, "out_of_range"),
        ({"retries": True}, "wrong_type"),
        ({"retries": "2"}, "wrong_type"),
        ({"retries": 1.5}, "out_of_range"),
        ({"retry_backoff": "expo"}, "wrong_value"),
        ({"retry_on": []}, "wrong_type"),
        ({"retry_on": "ValueError"}, "wrong_type"),
        ({"soft_timeout": 0}, "out_of_range"),
        ({"soft_timeout": 700, "hard_timeout": 600}, "hard_below_soft"),
        ({"hard_timeout": 10}, "hard_below_soft"),
        ({"trigger_rule": "any"}, "wrong_value"),
        ({"priority": 10}, "out_of_range"),
        ({"memory_mb": 0}, "out_of_range"),
        ({"pool": 3}, "wrong_type"),
        ({"retires": 3}, "unknown_field"),
        (3, "wrong_type"),
    ],
)
def test_an_invalid_policy_is_refused(policy, code):
    problem = only(document(node("a", policy=policy)), code)
    assert problem.path.startswith("nodes[0].policy")


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"priority": 0}, "out_of_range"),
        ({"max_concurrent": 0}, "out_of_range"),
        ({"on_failure": "ignore"}, "wrong_value"),
        ({"timeout": -1}, "out_of_range"),
        ({"targets": ["a"]}, "unknown_field"),
        ([], "wrong_type"),
    ],
)
def test_invalid_settings_are_refused(settings, code):
    assert only(document(node("a"), settings=settings), code).path.startswith("settings")


def test_unknown_fields_are_reported_at_every_level():
    given = document(
        node("a", colour="red", position={"x": 0, "y": 0, "z": 0}), node("b"), edges=[edge("a", "b", label="x")], x=1
    )
    paths = {problem.path for problem in definition.problems(given) if problem.code == "unknown_field"}
    assert paths == {"x", "nodes[0].colour", "nodes[0].position.z", "edges[0].label"}


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        (3, "wrong_type"),
        ({"type": "array"}, "wrong_schema"),
        ({"type": "object", "properties": 3}, "wrong_schema"),
        ({"type": "object", "properties": {"a": {"type": "int"}}}, "wrong_schema"),
        ({"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1/x"}}}, "wrong_schema"),
        ({"type": "object", "properties": {"a": {"pattern": "("}}}, "wrong_schema"),
        ({"type": "object", "properties": {"a": {"type": "integer", "default": "x"}}}, "wrong_type"),
    ],
)
def test_inputs_must_be_a_json_schema_of_an_object(inputs, code):
    assert only(document(node("a"), inputs=inputs), code).path.startswith("inputs")


def test_an_input_may_have_any_name():
    names = ("$ref", "$id", "pattern", "type", "properties")
    given = document(node("a"), inputs={"type": "object", "properties": {name: {"type": "string"} for name in names}})
    assert definition.problems(given) == []


def function(args):
    return node("b", "python.function", config={"function": "m.f", "args": args})


def test_an_expression_may_only_read_nodes_upstream():
    nodes = [node("a"), function({"x": "{{ nodes.a.output }}"}), node("c")]
    assert definition.problems(document(*nodes, edges=[edge("a", "c"), edge("c", "b")])) == []
    problem = only(document(*nodes), "not_upstream")
    assert (problem.node, problem.path) == ("b", "nodes[1].config.args.x")
    unknown = only(document(function({"x": "{{ nodes.aa.output }}"}), node("a")), "unknown_node")
    assert unknown.sentence.values == {"name": "aa", "near": "a"}
    assert only(document(function({"x": "{{ nodes.b.output }}"})), "not_upstream")


def test_an_expression_may_only_read_declared_inputs():
    declared = {"type": "object", "properties": {"month": {}}}
    given = function({"x": ["{{ inputs.mnth }}"]})
    assert only(document(given), "unknown_input").path == "nodes[0].config.args.x[0]"
    assert only(document(given, inputs=declared), "unknown_input").sentence.values["near"] == "month"
    free = only(document(function({"x": "{{ inputs.zzz }}"}), inputs=declared), "unknown_input")
    assert free.severity == "warning"


@pytest.mark.parametrize("condition", ["{{ nodes.a.output.n > 1 }}", "nodes.a.output.n > 1", True])
def test_a_condition_is_valid_with_and_without_braces(condition):
    branch = node("b", "branch", config={"condition": condition})
    assert definition.problems(document(node("a"), branch, edges=[edge("a", "b")])) == []


def test_a_condition_is_checked_as_an_expression():
    branch = node("b", "branch", config={"cases": [{"port": "x", "when": "nodes.a.output >"}]})
    problem = only(document(node("a"), branch, edges=[edge("a", "b")]), "expression")
    assert problem.path == "nodes[1].config.cases[0].when"


def test_braces_in_code_and_commands_are_not_expressions():
    given = document(
        node("a", "shell", config={"command": "echo {{ nonsense"}),
        node("b", "python", config={"code": "def main(inputs, ctx):\n    return '{{ x.y }}'\n"}),
    )
    assert definition.problems(given) == []


def test_writing_a_table_needs_an_input():
    assert only(document(node("a", "table.write", config={"path": "x.csv"})), "no_input").node == "a"


def test_every_problem_of_a_bad_document_is_listed():
    given = {
        "schema": "interlock/2",
        "nodes": [
            node("a", "pyton"),
            node("a"),
            node("b", "python", config={"code": "def"}, policy={"retries": -1, "pool": "none"}),
            node("c", "branch", config={"condition": "1 +"}),
            node("d"),
            7,
        ],
        "edges": [edge("b", "d"), edge("d", "b", target_port="B"), edge("c", "d"), edge("c", "nowhere"), "x"],
        "settings": {"on_failure": "x"},
        "extra": 1,
    }
    codes = [problem.code for problem in definition.problems(given, pools={})]
    for code in (
        "unknown_field",
        "unknown_schema",
        "wrong_value",
        "unknown_node_type",
        "duplicate_id",
        "python_syntax",
        "out_of_range",
        "unknown_pool",
        "expression",
        "wrong_type",
        "cycle",
        "wrong_name",
        "unknown_node",
        "missing_source_port",
    ):
        assert code in codes, code
    assert codes.count("missing_source_port") == 2
    with pytest.raises(InvalidDocument) as raised:
        definition.parse(given)
    assert len(raised.value.problems) > 10


def test_a_problem_as_json_has_the_shape_of_the_contract():
    shape = only(document(node("a", "python", config={"code": "("})), "python_syntax").as_dict()
    assert set(shape) == {"node", "path", "code", "message", "severity", "line", "span"}
    assert json.dumps(shape)
    german = only(document(node("a", policy={"map": 1})), "not_available_yet").as_dict(lambda one: f"<{one.template}>")
    assert german["message"] == "<{name} is not available yet.>"
    assert german["fix"]["label"] == "<Remove {name}>"


@pytest.mark.parametrize(("nodes", "edges", "code"), [(10_001, 0, "too_many_nodes"), (2, 50_001, "too_many_edges")])
def test_too_many_nodes_or_edges_are_refused(nodes, edges, code):
    given = document(*[node(f"n{index}") for index in range(nodes)], edges=[edge("n0", "n1")] * edges)
    assert code in found(given)


def test_of_a_definition_that_is_too_large_nothing_else_is_checked():
    nodes = [node(f"n{index}", "nope") for index in range(20_000)]
    given = document(*nodes, edges=[edge(f"x{index}", f"y{index}") for index in range(60_000)])
    assert [problem.code for problem in definition.problems(given)] == ["too_many_nodes", "too_many_edges"]


@pytest.mark.timed
def test_the_largest_definition_with_nothing_but_wrong_edges_is_checked_within_two_seconds():
    nodes = [node(f"node_number_{index}") for index in range(10_000)]
    edges = [edge(f"node_numbr_{index}", f"nod_number_{index}") for index in range(50_000)]
    started = time.thread_time()
    problems = definition.problems(document(*nodes, edges=edges))
    assert time.thread_time() - started < 2
    assert problems[-1].sentence.values == {"n": 99_000}
    fixed = [problem.code for problem in problems if problem.sentence.values.get("near")]
    assert fixed == ["unknown_node"] * problem_list.NEAR_MAX


def test_a_check_ends_when_its_cpu_time_is_used_up(monkeypatch):
    monkeypatch.setattr(problem_list, "CPU_SECONDS_MAX", -1.0)
    problems = definition.problems(document(node("a")))
    assert [(problem.code, problem.path) for problem in problems] == [("check_too_long", "")]


def test_as_many_nodes_and_edges_as_allowed_are_valid():
    nodes = [node(f"n{index}") for index in range(10_000)]
    edges = [edge(f"n{index}", f"n{index + step}") for index in range(9_990) for step in range(1, 6)]
    assert len(edges) == 49_950
    assert definition.problems(document(*nodes, edges=edges)) == []


def test_problems_beyond_the_limit_are_only_counted():
    problems = definition.problems(document(*[node(f"n{index}", "nope") for index in range(5_000)]))
    assert len(problems) == 1_001
    assert (problems[-1].code, problems[-1].sentence.values) == ("more_problems", {"n": 4_000})


@pytest.mark.parametrize(
    ("type", "config"),
    [
        ("noop", {}),
        ("python", CODE),
        ("table.sql", {"sql": "select carrier, avg(d) from x where month = {{ inputs.month }} group by 1"}),
        ("branch", {"condition": "inputs.month > 3"}),
    ],
)
def test_ten_thousand_nodes_are_valid(type, config):
    given = chain(10_000, type, config=config, policy={"retries": 1})
    given["inputs"] = {"type": "object", "properties": {"month": {}}}
    if type == "branch":
        for link in given["edges"]:
            link["source_port"] = "true"
    assert definition.problems(given) == []
    assert len(definition.parse(given, trusted=True).nodes) == 10_000


def test_references_through_a_deep_graph_are_checked():
    given = chain(5_000, "python.function", config={"function": "m.f", "args": {"x": "{{ nodes.n0.output }}"}})
    assert [problem.node for problem in definition.problems(given)] == ["n0"]


def test_equal_documents_have_the_same_hash_and_positions_change_it():
    one = document(node("a", position={"x": 1, "y": 2}))
    other = {"edges": [], "nodes": [{"position": {"y": 2, "x": 1}, "type": "noop", "id": "a"}], "schema": "interlock/1"}
    moved = document(node("a", position={"x": 2, "y": 2}))
    assert definition.content_hash(one) == definition.content_hash(other)
    assert definition.content_hash(one) != definition.content_hash(moved)
    assert len(definition.content_hash(one)) == 64
    assert len(definition.content_hash({"nodes": "\ud800", "x": float("nan")})) == 64
