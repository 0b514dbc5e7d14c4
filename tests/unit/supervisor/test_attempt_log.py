"""Log lines of an attempt: split, cut, and bounded."""

import random

import pytest

from engine.log_lines import LINE_BYTES_MAX, clean, cut
from engine.supervisor import attempt_log
from engine.supervisor.attempt_log import AttemptLog, LineSplitter


def lines_of(log: AttemptLog) -> list[str]:
    found = [line[2] for line in log.pending]
    log.pending = []
    return found + [line[2] for batch in log.close(9.0) for line in batch]


def test_reads_may_end_inside_a_line_or_a_character() -> None:
    splitter = LineSplitter()
    text = "α line\nand ẞ another\n🚂 unfinished".encode()
    found: list[str] = []
    for at in range(len(text)):
        found += splitter.feed(text[at : at + 1], 0.0)
    assert found == ["α line", "and ẞ another"]
    assert splitter.close() == ["🚂 unfinished"]


@pytest.mark.parametrize("seed", range(30))
def test_no_line_is_lost_of_random_bytes_in_random_reads(seed: int) -> None:
    source = random.Random(seed)
    data = bytes(source.choice(b"ab\n\x00\xff\xc3\xa9 ") for _ in range(2000))
    splitter, found, at = LineSplitter(), [], 0
    while at < len(data):
        size = source.randint(1, 300)
        found += splitter.feed(data[at : at + size], 0.0)
        at += size
    found += splitter.close()
    expected = data.decode("utf-8", "replace").replace("\x00", "␀").split("\n")
    assert found == (expected if expected[-1] else expected[:-1])


def test_invalid_utf8_and_nul_stay_visible() -> None:
    assert LineSplitter().feed(b"\xff\xfe ok \x00\n", 0.0) == ["�� ok ␀"]


def test_windows_line_ends_are_accepted() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"one\r\ntwo\r", 0.0) == ["one"]
    assert splitter.feed(b"\nthree\r\n", 0.0) == ["two", "three"]


def test_a_progress_bar_becomes_one_line_a_second_and_its_last_state() -> None:
    splitter, found = LineSplitter(), []
    for step in range(101):
        found += splitter.feed(f"{step}%\r".encode(), 100.0 + step / 50)
    found += splitter.feed(b"\n", 103.0)
    assert found[0] == "0%"
    assert found[-1] == "100%"
    assert len(found) <= 4


def test_a_progress_bar_without_a_line_end_shows_its_last_state() -> None:
    splitter = LineSplitter()
    first = splitter.feed(b"10%\r55%\r", 100.0)
    assert first + splitter.close() == ["55%"]
    splitter = LineSplitter()
    splitter.feed(b"10%\r", 100.0)
    splitter.feed(b"99%", 100.1)
    assert splitter.close() == ["99%"]


def test_a_line_of_50_mb_is_cut_with_a_note() -> None:
    log = AttemptLog()
    for _ in range(800):
        log.feed(0, b"x" * 65536, 1.0)
    log.feed(0, b"\nafter\n", 1.0)
    first, after = lines_of(log)
    assert len(first.encode()) <= LINE_BYTES_MAX
    assert first.endswith("[cut; the line had 52,428,800 bytes]")
    assert after == "after"


def test_a_line_is_not_cut_inside_a_character() -> None:
    for shift in range(4):
        (line,) = LineSplitter().feed(b"a" * shift + "é🚂".encode() * 8000 + b"\n", 0.0)
        assert "�" not in line
        assert len(line.encode()) <= LINE_BYTES_MAX


def test_a_logged_message_is_split_cut_and_cleaned() -> None:
    log = AttemptLog()
    log.add(1.0, "error", "first\nsecond \ud800 \x00\n" + "é" * 20_000)
    first, second, third = lines_of(log)
    assert (first, second) == ("first", "second ? ␀")
    assert len(third.encode()) <= LINE_BYTES_MAX
    assert cut("short") == clean("short") == "short"


def test_the_first_and_last_50000_lines_are_kept_with_a_note_of_what_was_dropped() -> None:
    log = AttemptLog()
    data = b"".join(b"%d\n" % number for number in range(300_000))
    for at in range(0, len(data), 65536):
        log.feed(0, data[at : at + 65536], 1.0)
    found = lines_of(log)
    assert found[:50_000] == [str(number) for number in range(50_000)]
    assert found[-50_000:] == [str(number) for number in range(250_000, 300_000)]
    assert found[50_000].startswith("200,000 lines (1.3 MiB) were dropped here")
    assert len(found) == 100_001


def test_there_is_no_note_if_nothing_was_dropped() -> None:
    log = AttemptLog()
    log.feed(0, b"".join(b"%d\n" % number for number in range(100_000)), 1.0)
    assert lines_of(log) == [str(number) for number in range(100_000)]


def test_output_and_logged_messages_share_the_limit() -> None:
    log = AttemptLog()
    for number in range(60_000):
        log.feed(number % 2, b"%d\n" % number, 1.0)
        if number % 2:
            log.add(1.0, "info", f"logged {number}")
    found = lines_of(log)
    assert len(found) == 90_000
    assert max(int(line.removeprefix("logged ")) for line in found) == 59_999


def test_long_lines_stay_within_64_mib() -> None:
    log = AttemptLog()
    piece = (b"y" * 16_000 + b"\n") * 4
    kept = 0
    for _ in range(4000):
        log.feed(0, piece, 1.0)
        kept += sum(len(line[2]) for line in log.pending)
        log.pending = []
    kept += sum(len(line) for line in lines_of(log))
    assert 60 * 1024 * 1024 < kept <= 64 * 1024 * 1024


def test_bytes_cut_off_a_line_do_not_count() -> None:
    log = AttemptLog()
    log.feed(0, b"before\n", 1.0)
    for _ in range(2000):
        log.feed(0, b"z" * 65536, 1.0)
    log.feed(0, b"\nafter\n", 1.0)
    first, huge, last = lines_of(log)
    assert (first, last) == ("before", "after")
    assert huge.endswith("the line had 131,072,000 bytes]")


@pytest.mark.parametrize("sizes", [(16_000, 1), (1, 16_000), (8_000, 8_001)])
def test_a_line_that_is_read_in_parts_counts_completely(
    sizes: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempt_log, "HEAD_BYTES_MAX", 10 * 16_001)
    log = AttemptLog()
    for _ in range(20):
        log.feed(0, b"y" * sizes[0], 1.0)
        log.feed(0, b"y" * (sizes[1] - 1) + b"\n", 1.0)
    assert len(log.pending) == 10


def test_the_tail_of_a_long_log_is_returned_in_bounded_batches() -> None:
    for line in (b"y\n", b"y" * 16_000 + b"\n"):
        log = AttemptLog()
        for _ in range(200):
            log.feed(0, line * (1 + 4_000_000 // len(line) // 10), 1.0)
        log.pending = []
        batches = list(log.close(2.0))
        sizes = [sum(len(text) for _, _, text in batch) for batch in batches]
        assert len(batches) > 10
        assert max(sizes) <= attempt_log.TAIL_BATCH_CHARACTERS + LINE_BYTES_MAX
        assert max(map(len, batches)) <= attempt_log.TAIL_BATCH
        assert all(batches)
