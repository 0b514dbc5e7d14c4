"""SQL: a lexer for what the editor and validation need, and DuckDB asked about queries before a run."""
