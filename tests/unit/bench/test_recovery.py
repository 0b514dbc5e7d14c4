"""The report of `bench recovery`."""

from tests.bench.recovery import lines, summary


def test_the_summary_includes_the_worst_kills() -> None:
    quick = [0.1] * 98
    found = summary([*quick, 7.0, 6.0])
    assert found == {"median": 0.1, "p99": 6.0, "worst": 7.0, "times": 100}
    assert summary([0.1, 7.0, 0.1])["p99"] == 7.0
    assert lines({"cases": [{"name": "host, quiet", "wanted": 5.0, **found}]})[1] == (
        "host, quiet                  median 0.10, 99 % 6.00, worst 7.00 of 100 (target: 5)"
    )
