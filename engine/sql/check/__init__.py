"""What DuckDB says about SQL before a run: whether it parses, and what it gives over tables of known columns.

DuckDB is not loaded into the process that asks: a text may be made to crash it, or to eat memory. `checker` keeps one
small child process (`child`, which imports no Django) that binds queries over empty tables and never executes one.
"""
