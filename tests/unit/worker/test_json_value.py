"""JSON outputs: what is accepted, and what is refused with its place."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.worker import json_value
from engine.worker.errors import BadOutput

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)  # fmt: skip


@given(JSON)
@settings(deadline=None)
def test_json_is_stored_unchanged(value: Any) -> None:
    assert json.loads(json_value.encode(value)) == value


@given(st.recursive(st.floats() | st.text() | st.binary(), st.lists))
@settings(deadline=None)
def test_any_value_is_json_or_bad_output(value: Any) -> None:
    try:
        text = json_value.encode(value)
    except BadOutput:
        return
    else:
        json.loads(text, parse_constant=pytest.fail)


def test_tuples_and_numeric_keys_are_encoded_as_by_pythons_json() -> None:
    assert json_value.encode({1: (2, 3), None: True, 1.5: "é"}) == '{"1":[2,3],"null":true,"1.5":"é"}'.encode()


def test_a_value_may_contain_the_same_part_twice() -> None:
    part = [1]
    assert json_value.encode([part, part]) == b"[[1],[1]]"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"a": [0, {"b": float("inf")}]}, "output['a'][1]['b'] is inf"),
        ([1, {2}], "output[1] is a set ({2}), which is not JSON; use sorted() or list()"),
        ({"a": object}, "output['a'] is a type"),
        ({b"k": 1}, "output has a key that is a bytes"),
        ({"\ud800": 1}, "output has a key with half a surrogate pair"),
        (10**309, "output is an integer of more than 308 digits"),
    ],
)
def test_the_error_names_the_place_of_the_value(value: Any, says: str) -> None:
    with pytest.raises(BadOutput) as caught:
        json_value.encode(value)
    assert says in str(caught.value)


def test_depth_is_limited() -> None:
    def nested(levels: int) -> Any:
        value: Any = 1
        for _ in range(levels):
            value = {"a": value}
        return value

    assert json_value.encode(nested(200))
    with pytest.raises(BadOutput, match="more than 200 levels"):
        json_value.encode(nested(201))
    # Many containers side by side are not deep.
    assert json_value.encode([[1]] * 10_000)


def test_text_may_contain_long_numbers() -> None:
    text = "9" * 1000
    assert json.loads(json_value.encode([text])) == [text]


def test_a_value_that_contains_itself_is_found() -> None:
    value: list[Any] = [[0] * 100 for _ in range(1000)]
    value.append(value)
    with pytest.raises(BadOutput, match=r"output\[1000\] contains itself"):
        json_value.encode(value)
