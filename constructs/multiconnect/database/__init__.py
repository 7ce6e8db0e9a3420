"""The database: what the client needs to know of it, whatever its engine, and one module for each engine."""
