"""Checks SQL with DuckDB before a run: whether it is valid, and which columns it has over tables of known columns.

DuckDB runs in a small child process (`child`, without Django), because a query could crash it or fill the memory. The
process binds queries over empty tables and never executes one. `checker` starts it and asks it.
"""
