import os
import threading
from pathlib import Path

import pytest

from dashboard.files import STAGING, Files, Incomplete
from engine.errors import InterlockError
from tests.support.api import Answer, Api


def put(api: Api, path: str, raw: bytes = b"data") -> Answer:
    headers = {"Content-Length": str(len(raw))}
    return api.put(f"files/{path}", raw=raw, content_type="application/octet-stream", headers=headers)


def test_a_file_is_uploaded_listed_downloaded_replaced_and_deleted(editor: Api, viewer: Api, home: Path) -> None:
    made = put(editor, "in/2026/flights.csv", b"a,b\n1,2\n")
    assert made.status == 201
    assert (made.json["path"], made.json["bytes"]) == ("in/2026/flights.csv", 8)
    assert (home / "files/in/2026/flights.csv").read_bytes() == b"a,b\n1,2\n"
    assert viewer.get("files/").json["results"] == [made.json]
    assert viewer.get("files/?under=in/2026").json["results"] == [made.json]
    assert viewer.get("files/?under=out").status == 404
    got = viewer.get("files/in/2026/flights.csv")
    assert got.body == b"a,b\n1,2\n"
    assert got.headers["Content-Disposition"] == 'attachment; filename="flights.csv"'
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    replaced = put(editor, "in/2026/flights.csv", b"")
    assert (replaced.status, replaced.json["bytes"]) == (200, 0)
    assert editor.delete("files/in/2026/flights.csv").status == 204
    assert editor.delete("files/in/2026/flights.csv").status == 404
    assert viewer.get("files/in/2026/flights.csv").status == 404
    assert not (home / "files/in").exists()
    assert list((home / "files" / STAGING).iterdir()) == []


def test_without_files_the_list_is_empty(viewer: Api) -> None:
    assert viewer.get("files/").json == {"results": [], "next": None}


def test_names_of_any_script_are_kept(editor: Api) -> None:
    made = put(editor, "%E5%A0%B1%E8%A1%A8%20%F0%9F%9A%82%20%3Cb%3E.csv")
    assert made.json["path"] == "報表 \U0001f682 <b>.csv"
    assert editor.get("files/").json["results"][0]["path"] == made.json["path"]
    assert editor.get("files/%E5%A0%B1%E8%A1%A8%20%F0%9F%9A%82%20%3Cb%3E.csv").body == b"data"


def test_the_list_goes_on_by_next(editor: Api) -> None:
    names = [f"d{number % 2}/{number}.txt" for number in range(5)]
    for name in names:
        put(editor, name)
    assert [entry["path"] for entry in editor.all("files/?limit=2")] == sorted(names)


@pytest.mark.parametrize(
    "path",
    [
        "../outside.txt",
        "a/../../outside.txt",
        "%2e%2e/outside.txt",
        "..%2foutside.txt",
        "a/./b",
        "./a",
        "/etc/passwd",
        "//etc/passwd",
        "a//b",
        "a/",
        "..",
        ".",
        "a%00b",
        "a%0ab",
        "a%5c..%5cb",
        "x" * 300,
        "/".join("abcdefghijklmnopqrstuvwxyz"),
        f"{STAGING}/x",
    ],
)
def test_a_path_outside_the_folder_is_refused(editor: Api, home: Path, path: str) -> None:
    (home / "outside.txt").write_text("secret")
    for answer in (put(editor, path), editor.get(f"files/{path}"), editor.delete(f"files/{path}")):
        assert answer.status in (404, 405, 422), answer
        assert answer.body.find(b"secret") < 0
    assert (home / "outside.txt").read_text() == "secret"
    files = home / "files"
    assert not files.exists() or [entry.name for entry in files.rglob("*") if entry.is_file()] == []


def test_links_are_not_followed(editor: Api, home: Path) -> None:
    outside = home / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    files = home / "files"
    files.mkdir()
    (files / "folder").symlink_to(outside)
    (files / "file.txt").symlink_to(outside / "secret.txt")
    os.mkfifo(files / "pipe")
    assert editor.get("files/").json["results"] == []
    for path in ("folder/secret.txt", "file.txt", "pipe", "folder"):
        assert editor.get(f"files/{path}").status == 404
    assert put(editor, "folder/new.txt").code == "bad_path"
    assert editor.delete("files/folder/secret.txt").status == 404
    # An upload replaces a link and leaves its target alone.
    assert put(editor, "file.txt", b"mine").status == 200
    assert (outside / "secret.txt").read_text() == "secret"
    assert not (files / "file.txt").is_symlink()
    assert sorted(entry.name for entry in outside.iterdir()) == ["secret.txt"]


def test_a_folder_replaced_by_a_link_during_an_upload_is_not_followed(home: Path) -> None:
    import io

    files = Files(home / "files")
    outside = home / "outside"
    outside.mkdir()
    stop = threading.Event()

    def swap() -> None:
        folder, link = home / "files" / "d", home / "files" / "link"
        while not stop.is_set():
            try:
                folder.mkdir(parents=True, exist_ok=True)
                link.symlink_to(outside)
                folder.rmdir()
                link.rename(folder)
                folder.unlink()
            except OSError:
                link.unlink(missing_ok=True)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _round in range(300):
            try:
                files.write("d/x", io.BytesIO(b"x"), 1)
                files.delete("d/x")
            except (OSError, InterlockError):
                continue
    finally:
        stop.set()
        thread.join()
    assert list(outside.iterdir()) == []


def test_a_folder_is_not_overwritten_and_a_file_is_no_folder(editor: Api) -> None:
    put(editor, "a/b.txt")
    assert put(editor, "a").code == "is_folder"
    assert editor.get("files/a").code == "is_folder"
    assert editor.delete("files/a").code == "is_folder"
    assert put(editor, "a/b.txt/c.txt").code == "bad_path"
    assert editor.get("files/a/b.txt").body == b"data"


def test_a_body_without_a_length_is_refused(editor: Api, home: Path) -> None:
    answer = editor.put("files/x.txt", raw=b"", headers={"Content-Length": ""})
    assert answer.status == 411
    assert not (home / "files/x.txt").exists()


def test_a_body_that_breaks_off_leaves_nothing_and_keeps_the_old_file(home: Path) -> None:
    import io

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            chunk = super().read(2)
            if not chunk:
                raise ConnectionResetError
            return chunk

    files = Files(home / "files")
    files.write("x.txt", io.BytesIO(b"old"), 3)
    for body in (io.BytesIO(b"half"), Broken(b"half")):
        with pytest.raises(Incomplete):
            files.write("x.txt", body, 100)
    assert (home / "files/x.txt").read_bytes() == b"old"
    assert list((home / "files" / STAGING).iterdir()) == []


def test_a_full_disk_is_refused_and_leaves_nothing(editor: Api, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.files.DISK_RESERVE_BYTES", 10**18)
    answer = put(editor, "x.txt")
    assert (answer.status, answer.code) == (507, "storage_full")
    assert not (home / "files/x.txt").exists()


def test_a_large_body_is_never_whole_in_memory(editor: Api, home: Path) -> None:
    import io
    import tracemalloc

    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            assert 0 < size <= 1 << 20
            return b"\0" * size

    tracemalloc.start()
    try:
        Files(home / "files").write("big.bin", Endless(), 64 << 20)  # type: ignore[arg-type]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 << 20
    assert (home / "files/big.bin").stat().st_size == 64 << 20
