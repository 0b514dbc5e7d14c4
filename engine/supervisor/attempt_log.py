"""Log lines of one attempt, from raw bytes to bounded batches. Pure.

An attempt keeps its first and last 50,000 lines, at most 64 MiB. Reading stays cheap when far more is printed: after
the first lines, raw chunks are only counted and held in a ring; those that are left at the end are split into lines.
"""

from collections import deque
from collections.abc import Iterator

from engine.log_lines import LINE_BYTES_MAX, cut, decode

LINES_MAX = 50_000
"""Lines kept from the start of an attempt, and as many from its end."""
HEAD_BYTES_MAX = 48 * 1024 * 1024
TAIL_BYTES_MAX = 16 * 1024 * 1024
"""Smaller than the head, because the tail is held in memory until the attempt ends."""
BAR_SECONDS = 1.0
"""How often the state of a line that is overwritten with `\\r` (a progress bar) becomes a log line."""
TAIL_BATCH = 4_000
TAIL_BATCH_CHARACTERS = 512 * 1024
"""Size of one batch of the tail, so that a flood does not fill one transaction: lines may be 16 KiB long."""

Line = tuple[float, str, str]
"""(unix time, level, message)"""

STDOUT, STDERR = 0, 1
LEVELS = ("info", "warning")


class LineSplitter:
    """Splits one stream of bytes into lines.

    Lines are split at `\\n` before they are decoded, because a read may end inside a character. A lone `\\r` overwrites
    the line, as in a terminal: of a progress bar the last state becomes a line, and one state a second.
    """

    __slots__ = ("_bar", "_bar_at", "_length", "_partial")

    def __init__(self) -> None:
        self._partial = b""
        """The start of the unfinished line, at most LINE_BYTES_MAX bytes."""
        self._length = 0
        """Bytes of the unfinished line."""
        self._bar = b""
        """The last state of a progress bar that became a line."""
        self._bar_at = 0.0

    @property
    def held_bytes(self) -> int:
        """Bytes of the unfinished line that are held."""
        return len(self._partial)

    def feed(self, data: bytes, now: float) -> list[str]:
        """Return the lines that `data` completes. `now` is any clock in seconds."""
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
                    else decode(piece[:LINE_BYTES_MAX], len(piece))
                    for piece in pieces[1:]
                )
        if last:
            self._hold(last, now, lines)
        return lines

    def close(self) -> list[str]:
        """Return the unfinished line, if any."""
        if not self._length:
            return []
        bar = self._bar
        line = self._partial.rstrip(b"\r")
        if bar and line[line.rfind(b"\r") + 1 :] == bar:
            self._partial, self._length, self._bar = b"", 0, b""
            return []
        return [self._finish(b"")]

    def discard(self) -> None:
        """Drop the unfinished line, because the bytes after it were dropped."""
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
        return decode(data[:LINE_BYTES_MAX], length)

    def _hold(self, data: bytes, now: float, lines: list[str]) -> None:
        """Hold the start of an unfinished line, without what `\\r` has overwritten."""
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
                lines.append(decode(state, len(state)))
        self._length += len(data)
        if len(self._partial) < LINE_BYTES_MAX:
            self._partial += data[: LINE_BYTES_MAX - len(self._partial)]


class AttemptLog:
    """The lines of one attempt: the first ones as they are printed, the last ones when it ends."""

    __slots__ = ("_head_bytes", "_head_lines", "_splitters", "_tail", "pending", "printed")

    def __init__(self) -> None:
        self.pending: list[Line] = []
        """Lines to report; the caller takes the list and sets a new one."""
        self.printed = False
        """Whether anything was written to stdout or stderr."""
        self._splitters = (LineSplitter(), LineSplitter())
        self._head_lines = 0
        self._head_bytes = 0
        self._tail: _LogTail | None = None

    def feed(self, stream: int, data: bytes, at: float) -> None:
        """Add bytes of stdout (0) or stderr (1), read at unix time `at`."""
        self.printed = True
        if self._tail is not None:
            self._tail.add(stream, data, at)
            return
        level, splitter = LEVELS[stream], self._splitters[stream]
        held = splitter.held_bytes
        lines = [(at, level, text) for text in splitter.feed(data, at)]
        # Bytes that were cut off a long line do not count.
        self._extend(lines, min(held + len(data) - splitter.held_bytes, LINE_BYTES_MAX * len(lines)))

    def add(self, at: float, level: str, message: str) -> None:
        """Add a message that the node logged; each of its lines becomes a log line.

        It was sent at `at`, but what was read before it comes before it, also by its time.
        """
        if self.pending:
            at = max(at, self.pending[-1][0])
        self._extend([(at, level, cut(text)) for text in message.split("\n")], len(message))

    def _extend(self, lines: list[Line], size: int) -> None:
        if self._tail is not None:
            self._tail.add_lines(lines, size)
            return
        room = LINES_MAX - self._head_lines
        if self._head_bytes + size > HEAD_BYTES_MAX:
            room = 0
        if len(lines) <= room:
            self.pending += lines
            self._head_lines += len(lines)
            self._head_bytes += size
            return
        self.pending += lines[:room]
        self._head_lines += room
        self._tail = _LogTail(self._splitters)
        self._tail.add_lines(lines[room:], size)

    @property
    def is_long(self) -> bool:
        """Whether there are so many lines that the last ones are held until the attempt ends."""
        return self._tail is not None

    def close(self, at: float) -> Iterator[list[Line]]:
        """Yield the remaining lines in batches: unfinished lines, or the tail with a note of what was dropped."""
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


class _LogTail:
    """The end of a long log: a ring of raw chunks, at most LINES_MAX lines (and a chunk) or TAIL_BYTES_MAX."""

    __slots__ = ("_bytes", "_cut", "_dropped_bytes", "_dropped_lines", "_lines", "_ring", "_splitters")

    def __init__(self, splitters: tuple[LineSplitter, LineSplitter]) -> None:
        self._ring: deque[tuple[int, int, float, int | None, bytes | list[Line]]] = deque()
        """(lines, bytes, at, stream or None, chunk or lines)"""
        self._lines = self._bytes = self._dropped_lines = self._dropped_bytes = 0
        self._splitters = splitters
        self._cut = [False, False]
        """By stream, whether its last chunk was dropped, so that the next one starts inside a line."""

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
        while self._bytes > TAIL_BYTES_MAX or self._lines - ring[0][0] >= LINES_MAX:
            lines, size, _, dropped, _ = ring.popleft()
            self._lines -= lines
            self._bytes -= size
            self._dropped_lines += lines
            self._dropped_bytes += size
            if dropped is not None:
                self._cut[dropped] = True

    def close(self, at: float) -> list[Line]:
        found: list[Line] = []
        ring = self._ring
        if self._dropped_lines or self._dropped_bytes:
            for stream, splitter in enumerate(self._splitters):
                if self._cut[stream]:
                    splitter.discard()
        while ring:
            _, _, when, source, data = ring.popleft()
            if isinstance(data, list):
                found += data
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
                found += [(when, LEVELS[source], text) for text in self._splitters[source].feed(data, when)]
        for stream, splitter in enumerate(self._splitters):
            found += [(at, LEVELS[stream], text) for text in splitter.close()]
        over = found[:-LINES_MAX]
        if over:
            self._dropped_lines += len(over)
            self._dropped_bytes += sum(len(line[2]) + 1 for line in over)
            del found[: len(over)]
        if self._dropped_bytes:
            found.insert(0, (found[0][0] if found else at, "warning", self._note()))
        return found

    def _note(self) -> str:
        return (
            f"{self._dropped_lines:,} lines ({self._dropped_bytes / 1048576:,.1f} MiB) were dropped here: "
            f"an attempt keeps its first and last {LINES_MAX:,} lines, at most 64 MiB."
        )
