"""Caches that are bounded by bytes."""

from hypothesis import given
from hypothesis import strategies as st

from engine.caching import SizedCache, sized_cache


def test_the_least_recently_used_entries_are_evicted_first():
    cache = SizedCache(30)
    for key in "abc":
        cache.put(key, key.upper(), 10)
    assert cache.get("a") == "A"
    cache.put("d", "D", 10)
    assert [cache.get(key) for key in "abcd"] == ["A", None, "C", "D"]
    cache.put("huge", 1, 31)
    assert cache.get("huge") is None
    assert cache.get("d") == "D"


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40))))
def test_a_cache_never_exceeds_its_size(puts):
    cache = SizedCache(50)
    sizes: dict[int, int] = {}
    for key, size in puts:
        cache.put(key, size, size)
        sizes[key] = size
        there = {key: cache.get(key) for key in sizes}
        assert sum(size for size in there.values() if size is not None) == cache.size <= 50
        assert all(size in (None, sizes[key]) for key, size in there.items())


def test_a_function_is_called_again_when_its_result_was_dropped():
    called = []

    @sized_cache(100, lambda result, text, times: len(result))
    def repeated(text: str, times: int) -> str:
        called.append(text)
        return text * times

    for text in "abacab":
        assert repeated(text, 40) == text * 40
    # c dropped b, which had been used longer ago than a.
    assert called == ["a", "b", "c", "b"]
