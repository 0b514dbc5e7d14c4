"""Notes of the attempts that node processes have started last."""

import time
from pathlib import Path

from engine.executors.base import PREFETCH_MAX
from engine.worker.start_notes import NOTE_BYTES, NOTE_SUFFIX, NOTES, StartNotes, read_all


def test_the_last_attempts_of_each_process_are_found(tmp_path: Path) -> None:
    one, other = StartNotes(f"{tmp_path}/1{NOTE_SUFFIX}"), StartNotes(f"{tmp_path}/2{NOTE_SUFFIX}")
    claims = [f"{number:032x}" for number in range(NOTES + 2)]
    for claim in claims:
        one.write(claim)
    other.write("b" * 32)
    found = read_all(str(tmp_path))
    assert set(found) == {"b" * 32, *claims[2:]}
    assert all(abs(at - time.time()) < 60 for at in found.values())
    assert NOTES == 2 * PREFETCH_MAX


def test_empty_and_incomplete_notes_are_ignored(tmp_path: Path) -> None:
    StartNotes(f"{tmp_path}/1{NOTE_SUFFIX}")
    (tmp_path / f"2{NOTE_SUFFIX}").write_bytes(b"a claim without its ti".ljust(NOTE_BYTES))
    (tmp_path / f"3{NOTE_SUFFIX}").write_bytes(b"")
    (tmp_path / f"4{NOTE_SUFFIX}").write_bytes(b"\xff" * NOTE_BYTES)
    (tmp_path / "5").write_text("claim 1.0")
    assert read_all(str(tmp_path)) == {}


def test_a_note_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    StartNotes(f"{tmp_path}/missing/1{NOTE_SUFFIX}").write("a")
    assert read_all(str(tmp_path)) == read_all(f"{tmp_path}/missing") == {}
