"""Log lines of one attempt, from raw bytes to bounded batches.

Knows nothing of pipes or processes: it is fed what was read, with the time. What an attempt may keep is
limited here (the specification's first and last 50,000 lines, at most 64 MiB), and draining stays cheap when
far more comes: beyond the limit raw chunks are only counted and kept in a ring, never split into lines.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

LINE_BYTES_MAX = 16 * 1024
LINES_KEPT = 50_000
"""From the start of an attempt, and as many from its end."""
HEAD_BYTES_MAX = 48 * 1024 * 1024
TAIL_BYTES_MAX = 16 * 1024 * 1024
"""Smaller than the head, for the tail is held in memory until the attempt ends. Both make 64 MiB."""
BAR_SECONDS = 1.0
"""How often a line that is overwritten with `\\r` (a progress bar) is taken down as it stands."""
TAIL_BATCH = 4_000
TAIL_BATCH_CHARACTERS = 512 * 1024
"""Of the tail that is handed on at once, so that one flood does not fill one transaction: lines may be 16 KiB long."""

Line = tuple[float, str, str]
"""(unix time, level, message)"""

STDOUT, STDERR = 0, 1
LEVELS = ("info", "warning")


def clean(text: str) -> str:
    """`text` as every database takes it: no NUL, no lone surrogates."""
    if "\x00" in text:
        text = text.replace("\x00", "\u2400")
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def cut(text: str) -> str:
    """`text` as one log line: cleaned, and cut at 16 KiB of UTF-8 with a note of its length."""
    text = clean(text)
    if len(text) * 4 <= LINE_BYTES_MAX:
        return text
    data = text.encode()
    return text if len(data) <= LINE_BYTES_MAX else _decode(data[:LINE_BYTES_MAX], len(data))


def _decode(data: bytes, length: int) -> str:
    """The line `data`; `length` is how long it was before it was cut."""
    if length > LINE_BYTES_MAX:
        note = f" … [cut; the line had {length:,} bytes]"
        data = data[: LINE_BYTES_MAX - len(note.encode())]
        # A character cut in two at the end is left out; anything else that is not UTF-8 stays visible.
        for back in range(1, 4):
            if back <= len(data) and data[-back] >= 0xC0:
                if not _is_text(data[-back:]):
                    data = data[:-back]
                break
        return data.decode("utf-8", "replace").replace("\x00", "\u2400") + note
    return data.decode("utf-8", "replace").replace("\x00", "\u2400")


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


class Splitter:
    """Cuts one stream of bytes into lines.

    Lines are cut at `\\n` before they are decoded, so a character cut in two by a read is whole again. A lone
    `\\r` overwrites the line, as a terminal does: of a progress bar its last state is kept, and one state a second.
    """

    __slots__ = ("_bar", "_bar_at", "_length", "_partial")

    def __init__(self) -> None:
        self._partial = b""
        self._length = 0  # of the unfinished line, more than `_partial` holds once that is cut
        self._bar = b""  # the state of a progress bar that was taken down last
        self._bar_at = 0.0

    @property
    def held(self) -> int:
        """Bytes of the unfinished line that are kept."""
        return len(self._partial)

    def feed(self, data: bytes, now: float) -> list[str]:
        """Lines that `data` completes; `now` is any clock in seconds."""
        lines: list[str] = []
        pieces = data.split(b"\n")
        last = pieces.pop()
        if pieces:
            lines.append(self._finish(pieces[0]))
            if b"\r" in data:
                lines.extend(self._line(piece, len(piece)) for piece in pieces[1:])
            else:
                lines.extend(
                    piece.decode("utf-8", "replace").replace("\x00", "\u2400")
                    if len(piece) <= LINE_BYTES_MAX
                    else _decode(piece[:LINE_BYTES_MAX], len(piece))
                    for piece in pieces[1:]
                )
        if last:
            self._hold(last, now, lines)
        return lines

    def close(self) -> list[str]:
        """The unfinished line, if any."""
        if not self._length:
            return []
        bar = self._bar
        line = self._partial.rstrip(b"\r")
        if bar and line[line.rfind(b"\r") + 1 :] == bar:
            self._partial, self._length, self._bar = b"", 0, b""
            return []
        return [self._finish(b"")]

    def forget(self) -> None:
        """Drop the unfinished line: bytes after it were lost."""
        self._partial, self._length = b"", 0

    def _finish(self, piece: bytes) -> str:
        length = self._length + len(piece)
        data = self._partial + piece[: LINE_BYTES_MAX + 1] if self._partial else piece
        self._partial, self._length, self._bar = b"", 0, b""
        return self._line(data, length)

    @staticmethod
    def _line(data: bytes, length: int) -> str:
        if b"\r" in data:
            data = data.rstrip(b"\r")
            data = data[data.rfind(b"\r") + 1 :]
            length = len(data)
        return _decode(data[:LINE_BYTES_MAX], length)

    def _hold(self, data: bytes, now: float, lines: list[str]) -> None:
        """Keep the start of an unfinished line, with what `\\r` has overwritten left out."""
        if self._partial.endswith(b"\r"):
            self._partial, self._length = b"", 0
        if b"\r" in data:
            states = data.rstrip(b"\r")
            overwritten = states.rfind(b"\r")
            if overwritten >= 0:
                data = data[overwritten + 1 :]
                self._partial, self._length = b"", 0
            state = (self._partial + states[overwritten + 1 :])[:LINE_BYTES_MAX]
            if state and state != self._bar and now - self._bar_at >= BAR_SECONDS:
                self._bar, self._bar_at = state, now
                lines.append(_decode(state, len(state)))
        self._length += len(data)
        if len(self._partial) < LINE_BYTES_MAX:
            self._partial += data[: LINE_BYTES_MAX - len(self._partial)]


class AttemptLog:
    """All lines of one attempt: the first ones as they come, the last ones at its end."""

    __slots__ = ("_head_bytes", "_head_lines", "_splitters", "_tail", "pending", "wrote")

    def __init__(self) -> None:
        self.pending: list[Line] = []
        """Lines to hand on; the caller takes the list and puts a new one."""
        self.wrote = False
        """Whether anything came from stdout or stderr."""
        self._splitters = (Splitter(), Splitter())
        self._head_lines = 0
        self._head_bytes = 0
        self._tail: _Tail | None = None

    def feed(self, stream: int, data: bytes, at: float) -> None:
        """Bytes of stdout (0) or stderr (1), read at unix time `at`."""
        self.wrote = True
        if self._tail is not None:
            self._tail.add(stream, data, at)
            return
        level, splitter = LEVELS[stream], self._splitters[stream]
        held = splitter.held
        lines = [(at, level, text) for text in splitter.feed(data, at)]
        # What is cut off a long line is not kept, and does not count.
        self._extend(lines, min(held + len(data) - splitter.held, LINE_BYTES_MAX * len(lines)))

    def add(self, at: float, level: str, message: str) -> None:
        """Lines that the node process reported itself; a message with line breaks makes several."""
        lines = [(at, level, cut(text)) for text in message.split("\n")] if "\n" in message else None
        if lines is None:
            lines = [(at, level, cut(message))]
        self._extend(lines, len(message))

    def _extend(self, lines: list[Line], size: int) -> None:
        if self._tail is not None:
            self._tail.add_lines(lines, size)
            return
        room = LINES_KEPT - self._head_lines
        if self._head_bytes + size > HEAD_BYTES_MAX:
            room = 0
        if len(lines) <= room:
            self.pending += lines
            self._head_lines += len(lines)
            self._head_bytes += size
            return
        self.pending += lines[:room]
        self._head_lines += room
        self._tail = _Tail(self._splitters)
        self._tail.add_lines(lines[room:], size)

    @property
    def is_long(self) -> bool:
        """Whether its end is held back until the attempt's."""
        return self._tail is not None

    def close(self, at: float) -> Iterator[list[Line]]:
        """What is left, in batches: unfinished lines, or the kept end with a line that says what was dropped."""
        if self._tail is None:
            for stream, splitter in enumerate(self._splitters):
                self.pending += [(at, LEVELS[stream], text) for text in splitter.close()]
        lines, self.pending = self.pending, []
        if lines:
            yield lines
        if self._tail is None:
            return
        lines = self._tail.close(at)
        start = size = 0
        for end, line in enumerate(lines, 1):
            size += len(line[2])
            if size >= TAIL_BATCH_CHARACTERS or end - start >= TAIL_BATCH or end == len(lines):
                yield lines[start:end]
                start, size = end, 0


class _Tail:
    """The end of a long log: a ring of raw chunks, at most 50,000 lines (and a chunk) or 16 MiB."""

    __slots__ = ("_bytes", "_cut", "_dropped_bytes", "_dropped_lines", "_lines", "_ring", "_splitters")

    def __init__(self, splitters: tuple[Splitter, Splitter]) -> None:
        self._ring: deque[tuple[int, int, float, int | None, bytes | list[Line]]] = deque()
        # (lines, bytes, at, stream or None, chunk or lines)
        self._lines = self._bytes = self._dropped_lines = self._dropped_bytes = 0
        self._splitters = splitters
        self._cut = [False, False]  # a chunk of that stream was dropped: the next one starts inside a line

    def add(self, stream: int, data: bytes, at: float) -> None:
        self._push((data.count(b"\n"), len(data), at, stream, data))

    def add_lines(self, lines: list[Line], size: int) -> None:
        if lines:
            self._push((len(lines), size, lines[0][0], None, lines))

    def _push(self, item: tuple[int, int, float, int | None, bytes | list[Line]]) -> None:
        ring = self._ring
        ring.append(item)
        self._lines += item[0]
        self._bytes += item[1]
        while self._bytes > TAIL_BYTES_MAX or self._lines - ring[0][0] >= LINES_KEPT:
            lines, size, _, dropped, _ = ring.popleft()
            self._lines -= lines
            self._bytes -= size
            self._dropped_lines += lines
            self._dropped_bytes += size
            if dropped is not None:
                self._cut[dropped] = True

    def close(self, at: float) -> list[Line]:
        kept: list[Line] = []
        ring = self._ring
        if self._dropped_lines or self._dropped_bytes:
            for stream, splitter in enumerate(self._splitters):
                if self._cut[stream]:
                    splitter.forget()
        while ring:
            _, _, when, source, data = ring.popleft()
            if isinstance(data, list):
                kept += data
            elif source is not None:
                if self._cut[source]:
                    end = data.find(b"\n")
                    if end < 0:
                        self._dropped_bytes += len(data)
                        continue
                    self._cut[source] = False
                    self._dropped_lines += 1
                    self._dropped_bytes += end + 1
                    data = data[end + 1 :]
                kept += [(when, LEVELS[source], text) for text in self._splitters[source].feed(data, when)]
        for stream, splitter in enumerate(self._splitters):
            kept += [(at, LEVELS[stream], text) for text in splitter.close()]
        over = kept[:-LINES_KEPT]
        if over:
            self._dropped_lines += len(over)
            self._dropped_bytes += sum(len(line[2]) + 1 for line in over)
            del kept[: len(over)]
        if self._dropped_bytes:
            kept.insert(0, (kept[0][0] if kept else at, "warning", self._note()))
        return kept

    def _note(self) -> str:
        return (
            f"{self._dropped_lines:,} lines ({self._dropped_bytes / 1048576:,.1f} MiB) were dropped here: "
            f"an attempt keeps its first and last {LINES_KEPT:,} lines, at most 64 MiB."
        )
