"""SQL with parameters instead of expressions, and the way back to the author's text."""

from hypothesis import given
from hypothesis import strategies as st

from engine.expressions.rendering import bind_sql
from engine.sql.check.binding import bind, declared_types


def test_the_text_equals_that_of_a_run():
    sql = "select 'ä', a\nfrom t where m = {{\n inputs.month }} and d > {{ inputs.day }}"
    bound = bind(sql, {"month": "integer"})
    assert bound.text == bind_sql(sql, {"inputs": {"month": 1, "day": 2}})[0]
    assert bound.parameters == {"p1": 1, "p2": None}


def test_parameters_have_the_types_of_declared_inputs():
    schema = {
        "properties": {"a": {"type": "integer"}, "b": {"type": ["string", "null"]}, "c": {"type": "string"}, "d": 3}
    }
    assert declared_types(schema) == {"a": "integer", "c": "string"}
    invalid: list[object] = [None, 3, {}, {"properties": []}, {"properties": None}]
    assert [declared_types(value) for value in invalid] == [{}] * 5
    assert bind("{{ inputs.a }} {{ inputs.c }} {{ inputs.a + 1 }}", declared_types(schema)).parameters == {
        "p1": 1, "p2": "x", "p3": None,
    }  # fmt: skip


pieces = st.lists(st.sampled_from(["select ", "ä🎉", "{{ inputs.a }}", "{{ inputs\n.b }}", "\n", " dep_dely ", "'x' "]))


@given(pieces)
def test_every_place_outside_of_expressions_maps_to_itself(parts):
    sql = "".join(parts)
    bound = bind(sql, {})
    for name in ("dep_dely", "select", "🎉"):
        start = at = -1
        while (at := bound.text.find(name, at + 1)) >= 0:
            start = sql.find(name, start + 1)
            assert bound.place(len(bound.text[:at].encode())) == start


@given(st.text(max_size=200), st.integers(-10, 300))
def test_any_place_maps_into_the_text(sql, at):
    assert 0 <= bind(sql, {}).place(max(0, at)) <= len(sql)
