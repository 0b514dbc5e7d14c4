"""The database: its schema, connections and clock, and what SQLite and PostgreSQL each need."""
