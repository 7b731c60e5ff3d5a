"""The local state: one SQLite file, one connection, immediate transactions. SQL lives only here."""
