"""Django's SQLite backend with a fair wait for the write lock. Django looks for its module `base`."""
