"""Django's backend for SQLite, with a write lock that is waited for closely (Django looks for `base` in here)."""
