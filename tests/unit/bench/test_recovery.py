"""What `bench recovery` says of many kills."""

from __future__ import annotations

from tests.bench.recovery import figures, lines


def test_the_figures_are_of_all_kills_and_hide_no_bad_one() -> None:
    quick = [0.1] * 98
    found = figures([*quick, 7.0, 6.0])
    assert found == {"median": 0.1, "p99": 6.0, "worst": 7.0, "times": 100}
    assert figures([0.1, 7.0, 0.1])["p99"] == 7.0
    assert lines({"cases": [{"name": "host, quiet", "wanted": 5.0, **found}]})[1] == (
        "host, quiet                  median 0.10, 99 % 6.00, worst 7.00 of 100 (wanted: 5)"
    )
