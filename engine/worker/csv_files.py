"""Reads CSV files with DuckDB, but strictly.

DuckDB guesses the dialect until the file fits: it skips lines at the top, ignores quotes, or reads each line as one
column. So a file that cannot be parsed would silently become a wrong table. Therefore quotes are `"` and no line is
skipped unless an option says so, and a table of one column is checked once more.
"""

from __future__ import annotations

from engine.worker import duck
from engine.worker.errors import BadData

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DELIMITERS = ",;\t|"
DEFAULTS: dict[str, Any] = {"quote": '"', "escape": '"', "skip": 0}
_NO_BYTE = "\x1f"
"""A delimiter that no text contains."""


class CsvCheck:
    """Finds the line in which a CSV file deviates from the format of its first line."""

    def __init__(self, connection: Any, files: list[str], options: dict[str, Any], compression: str) -> None:
        self.connection = connection
        self.files = files
        self.options = options
        self.compression = options.get("compression", compression)

    def inspect(self, columns: list[str]) -> None:
        """Check the files if they have one column whose name looks like a line with several. Raises what `check`
        raises."""
        if len(columns) == 1 and "delim" not in self.options and "columns" not in self.options:
            delimiter = _delimiter(columns[0])
            if delimiter is not None:
                self.check(delimiter)

    def check(self, delimiter: str | None = None) -> None:
        """Read the files with as many columns as their first line has.

        Raises duckdb.Error, which names the line that cannot be read, or BadData if there is no first line.
        """
        line = self._first_line()
        delimiter = self.options.get("delim") or delimiter or _delimiter(line)
        if delimiter is None:
            return
        import csv

        quote = self.options.get("quote", '"')
        try:
            names = next(csv.reader([line], delimiter=delimiter, quotechar=quote or None))
        except (csv.Error, TypeError, StopIteration):
            return
        columns = ", ".join(f"{duck.quote(f'c{at}')}: 'VARCHAR'" for at in range(len(names)))
        self.connection.execute(f"SELECT count(*) FROM {self._reader(delimiter, columns, quote)}")  # noqa: S608

    def _first_line(self) -> str:
        source = self._reader(_NO_BYTE, "'line': 'VARCHAR'", "", header=False)
        found = self.connection.execute(f"SELECT line FROM {source} LIMIT 1").fetchone()  # noqa: S608
        if found is None or found[0] is None:
            raise BadData("The file is empty.")
        line: str = found[0]
        return line

    def _reader(self, delimiter: str, columns: str, quote: str, *, header: bool = True) -> str:
        escape = self.options.get("escape", '"') if quote else ""
        files = ", ".join(duck.quote(file) for file in self.files)
        return (
            f"read_csv([{files}], auto_detect = false, delim = {duck.quote(delimiter)}, quote = {duck.quote(quote)}, "
            f"escape = {duck.quote(escape)}, header = {str(header).lower()}, columns = {{{columns}}}, "
            f"skip = {int(self.options.get('skip', 0))}, compression = {duck.quote(self.compression)})"
        )


def holds_several(name: str) -> bool:
    """Return whether the name of a table's only column looks like a line with several."""
    return _delimiter(name) is not None


def _delimiter(line: str) -> str | None:
    """Return the delimiter that occurs most often in `line`."""
    delimiter = max(DELIMITERS, key=line.count)
    return delimiter if delimiter in line else None
