"""What DuckDB says about SQL before a run: whether it is valid, and which columns it gives over known tables.

DuckDB is not loaded into the process that asks, because a text may be made to crash it or to fill the memory. `checker`
runs one small child process (`child`, which imports no Django) that binds queries over empty tables and never executes
one.
"""
