"""The scheduler's decisions in memory: no database, clock or socket. Start reading with `core.py`."""
