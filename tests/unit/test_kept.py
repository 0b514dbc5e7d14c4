"""A store of answers that is bounded by bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.kept import Kept


def test_the_least_used_go_first():
    kept = Kept(30)
    for key in "abc":
        kept.put(key, key.upper(), 10)
    assert kept.get("a") == "A"
    kept.put("d", "D", 10)
    assert [kept.get(key) for key in "abcd"] == ["A", None, "C", "D"]
    kept.put("huge", 1, 31)
    assert kept.get("huge") is None
    assert kept.get("d") == "D"


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40))))
def test_it_never_holds_more_than_it_may(puts):
    kept = Kept(50)
    sizes: dict[int, int] = {}
    for key, size in puts:
        kept.put(key, size, size)
        sizes[key] = size
        there = {key: kept.get(key) for key in sizes}
        assert sum(size for size in there.values() if size is not None) == kept.size <= 50
        assert all(size in (None, sizes[key]) for key, size in there.items())
