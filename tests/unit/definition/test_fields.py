"""The table of policy fields and settings."""

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.definition.validation.fields import POLICY, SETTINGS, Field

FIELDS = {f"{table}.{name}": field for table, fields in (("policy", POLICY), ("settings", SETTINGS))
          for name, field in fields.items()}  # fmt: skip


def values(field: Field) -> st.SearchStrategy[Any]:
    limits = (field.low, field.high, field.low - 1, field.high + 1, field.low + 0.5)
    texts = st.sampled_from([*field.choices, "", "a", "-a", "a b", "a.b-c_1", "é"])
    numbers = st.sampled_from([*limits, *map(int, limits)])
    return st.one_of(st.none(), st.booleans(), texts, numbers, st.lists(texts, max_size=2), st.just({}))


@pytest.mark.parametrize("name", FIELDS)
def test_the_schema_of_a_field_allows_what_fits_and_nothing_else(name: str) -> None:
    field = FIELDS[name]
    validator = jsonschema_rs.validator_for(field.schema())

    @given(values(field))
    def agree(value: Any) -> None:
        assert validator.is_valid(value) == field.fits(value)

    agree()
