"""Notes of the attempts that node processes have started last."""

import time
from pathlib import Path

from engine.worker.start_note import NOTE_BYTES, NOTE_SUFFIX, StartNote, read_all


def test_the_last_attempt_of_each_process_is_found(tmp_path: Path) -> None:
    one, other = StartNote(f"{tmp_path}/1{NOTE_SUFFIX}"), StartNote(f"{tmp_path}/2{NOTE_SUFFIX}")
    one.write("a" * 32)
    other.write("b" * 32)
    one.write("c")
    found = read_all(str(tmp_path))
    assert set(found) == {"b" * 32, "c"}
    assert all(abs(at - time.time()) < 60 for at in found.values())


def test_empty_and_incomplete_notes_are_ignored(tmp_path: Path) -> None:
    StartNote(f"{tmp_path}/1{NOTE_SUFFIX}")
    (tmp_path / f"2{NOTE_SUFFIX}").write_bytes(b"a claim without its ti".ljust(NOTE_BYTES))
    (tmp_path / f"3{NOTE_SUFFIX}").write_bytes(b"")
    (tmp_path / f"4{NOTE_SUFFIX}").write_bytes(b"\xff" * NOTE_BYTES)
    (tmp_path / "5").write_text("claim 1.0")
    assert read_all(str(tmp_path)) == {}


def test_a_note_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    StartNote(f"{tmp_path}/missing/1{NOTE_SUFFIX}").write("a")
    assert read_all(str(tmp_path)) == read_all(f"{tmp_path}/missing") == {}
