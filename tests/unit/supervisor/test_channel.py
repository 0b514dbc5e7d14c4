"""Frames and envelopes between the supervisor and a node process."""

import json
import random
from pathlib import Path

import pytest

from engine.executors.base import Work
from engine.supervisor.channel import FRAME_BYTES_MAX, FrameReader, claim_of, encode_envelope


def pack(body: bytes) -> bytes:
    return len(body).to_bytes(4, "little") + body


@pytest.mark.parametrize("seed", range(20))
def test_reads_may_end_inside_a_frame(seed: int) -> None:
    source = random.Random(seed)
    frames = [{"k": "log", "m": "é" * source.randint(0, 3000), "n": number} for number in range(60)]
    data = b"".join(pack(json.dumps(frame).encode()) for frame in frames)
    reader, found, at = FrameReader(), [], 0
    while at < len(data):
        size = source.choice((1, 3, 100, 65536))
        found += reader.feed(data[at : at + size])
        at += size
    assert found == frames
    assert not reader.is_incomplete


def test_an_incomplete_frame_is_detected() -> None:
    reader = FrameReader()
    assert reader.feed(pack(b"{}") + pack(b'{"k":"done"}')[:-1]) == [{}]
    assert reader.is_incomplete


@pytest.mark.parametrize(
    "data",
    [pack(b"not json"), pack(b"[]"), pack(b"\xff"), pack(b"[" * 100_000), (FRAME_BYTES_MAX + 1).to_bytes(4, "little")],
    ids=["not json", "no object", "no text", "too deep", "too large"],
)
def test_nothing_is_read_after_a_wrong_frame(data: bytes) -> None:
    reader = FrameReader()
    assert reader.feed(pack(b'{"k":"started"}') + data + pack(b"{}")) == [{"k": "started"}]
    assert reader.error


def test_a_large_envelope_is_sent_as_a_file_that_only_its_owner_can_read(tmp_path: Path) -> None:
    shared = '"config":{"code":"main"},"type":"python"'
    small = Work("a", {"claim": "a"}, None, None, None, "", None, shared=shared)
    whole = {"claim": "a", "config": {"code": "main"}, "type": "python"}
    assert json.loads(encode_envelope(small, tmp_path)) == whole
    large = Work("b", {"claim": "b", "inputs": "x" * 70_000}, None, None, None, "", None, shared=shared)
    message = json.loads(encode_envelope(large, tmp_path))
    file = Path(message["file"])
    assert json.loads(file.read_text()) == {**whole, **large.envelope}
    assert file.stat().st_mode & 0o777 == 0o600
    assert claim_of(json.dumps(message).encode()) == "b"
