"""The log view's reads: the index, lines by number, searches in steps, and the text file."""

import json

import pytest

from dashboard.pages import logs
from engine.actions import runs
from engine.models import Run
from engine.reads import logs as log_reads
from tests.support.factories import document
from tests.support.run_rows import lines


@pytest.fixture
def run(db) -> Run:
    """Lines 1-3 of a, 5 of b, 6-205 of a, 206-207 of b in its second attempt."""
    run = runs.start(runs.store_definition(document(["a", "b"])), workflow="w", by="me")
    lines(run, "a", 1, "one", "two", "three")
    lines(run, "b", 5, "\x1b[31m<b>Größe</b>", level="error")
    lines(run, "a", 6, *(f"line {number}" for number in range(200)))
    lines(run, "b", 206, "again", "end", attempt=2)
    return run


def read(browser, run: Run, part: str, **query: object):
    answer = browser("viewer").get(f"/runs/{run.pk}/logs/{part}/", query)
    assert answer.status_code == 200
    return json.loads(answer.content)


def test_the_index_lists_the_stored_lines(browser, run):
    assert read(browser, run, "index") == {
        "nodes": ["a", "b"],
        "batches": [1, 3, 0, 1, 5, 1, 1, 1, 6, 200, 0, 1, 206, 2, 1, 2],
        "next": None,
    }


def test_the_index_continues_inside_a_batch(browser, run):
    assert read(browser, run, "index", after=100)["batches"] == [101, 105, 0, 1, 206, 2, 1, 2]
    assert read(browser, run, "index", after=205)["batches"] == [206, 2, 0, 2]
    assert read(browser, run, "index", after=207)["batches"] == []


def test_a_long_index_comes_in_parts(run):
    whole, _none = log_reads.index(run)
    parts: list[log_reads.LineBatch] = []
    after: int | None = 0
    while after is not None:
        part, after = log_reads.index(run, after=after, limit=1)
        parts += part
    assert parts == whole


def test_any_line_is_read_by_its_number(browser, run):
    found = read(browser, run, "lines", seqs="2-5,204-206,900,4")["lines"]
    assert [line[0] for line in found] == [2, 3, 5, 204, 205, 206]
    assert found[2] == [5, "2026-11-24T08:00:00.000000Z", "b", 1, "error", "\x1b[31m<b>Größe</b>"]
    assert found[5][2:] == ["b", 2, "info", "again"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("7", [(7, 7)]), ("1-2,9", [(1, 2), (9, 9)]), ("5-3", []), ("-4,x,1e3,", []), ("1-99999", [(1, 2000)]), ("", [])],
)
def test_invalid_ranges_are_left_out(text, expected):
    assert logs.ranges(text) == expected


def test_an_answer_is_bounded_by_characters_and_can_be_continued(run, monkeypatch):
    monkeypatch.setattr(log_reads, "ANSWER_CHARACTERS", 100)
    first = log_reads.lines(run, [(6, 205)])
    assert 1 < len(first) < 30
    rest = log_reads.lines(run, [(first[-1]["seq"] + 1, 205)])
    assert rest[0]["seq"] == first[-1]["seq"] + 1


def test_a_search_returns_the_numbers_of_matching_lines(browser, run, monkeypatch):
    monkeypatch.setattr(log_reads, "SEARCH_SECONDS", 60)
    assert read(browser, run, "search", q="GRÖSSE") == {"ranges": [5, 1], "seen": 207, "done": True}
    assert read(browser, run, "search", q="line 19", after=100)["ranges"] == [196, 10]
    assert read(browser, run, "search", level="error")["ranges"] == [5, 1]
    assert read(browser, run, "search", node="b", q="e")["ranges"] == [5, 1, 207, 1]
    assert read(browser, run, "search", q="31m")["ranges"] == [5, 1]
    assert browser("viewer").get(f"/runs/{run.pk}/logs/search/?node=zzz").status_code == 404


def test_a_long_search_continues_where_it_stopped(run, monkeypatch):
    monkeypatch.setattr(log_reads, "SEARCH_SECONDS", 0)
    found: list[tuple[int, int]] = []
    seen, done, steps = 0, False, 0
    while not done:
        part, seen, done = log_reads.search(run, q="e", after=seen)
        found += part
        steps += 1
    assert steps > 3
    assert sum(count for _first, count in found) == len(log_reads.logs(run, q="e", limit=1000)[0])


def test_a_search_from_the_beginning_answers_with_its_first_hits(run, monkeypatch):
    monkeypatch.setattr(log_reads, "SEARCH_SECONDS", 60)
    monkeypatch.setattr(log_reads, "FIRST_LINES", 1)
    first, seen, done = log_reads.search(run, q="e")
    assert first
    assert not done
    rest, _seen, done = log_reads.search(run, q="e", after=seen)
    assert done
    whole = log_reads.search(run, q="nothing that is said")
    assert whole == ([], 207, True)
    assert sum(count for _first, count in first + rest) == len(log_reads.logs(run, q="e", limit=1000)[0])


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b", "ab"),
        ("\x1bPq#0\x1b\\a\x1bcb\x1b(0c", "abc"),
        ("\x9b31ma\x9d0;t\x9cb\x85", "ab"),
        ("a\rb\x08\x7f\tc", "ab\tc"),
        ("\x1b]52;c;never ends", "52;c;never ends"),
        ("a\x1b", "a"),
    ],
)
def test_a_download_has_no_control_sequences_unless_asked_for(browser, run, written, read):
    lines(run, "a", 208, written)
    shown = browser("viewer").get(f"/runs/{run.pk}/logs/download/")
    assert b"".join(shown.streaming_content).decode().endswith(f" a#1 {read}\n")
    kept = browser("viewer").get(f"/runs/{run.pk}/logs/download/?raw=1")
    assert b"".join(kept.streaming_content).decode().endswith(f" a#1 {written}\n")


def test_the_download_is_a_text_file_of_all_lines(browser, run):
    answer = browser("viewer").get(f"/runs/{run.pk}/logs/download/")
    text = b"".join(answer.streaming_content).decode().split("\n")
    assert answer["Content-Disposition"] == f'attachment; filename="run-{run.pk}.log"'
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert text[3] == "2026-11-24T08:00:00.000000Z error   b#1 <b>Größe</b>"
    assert (len(text), text[-1]) == (207, "")
    answer = browser("viewer").get(f"/runs/{run.pk}/logs/download/?node=b")
    assert b"".join(answer.streaming_content).count(b"\n") == 3
    assert "run-" in answer["Content-Disposition"]
    assert browser("viewer").get(f"/runs/{run.pk}/logs/download/?node=zzz").status_code == 404
