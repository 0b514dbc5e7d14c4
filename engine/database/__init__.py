"""The database: schema, connections, and what SQLite and PostgreSQL each need."""
