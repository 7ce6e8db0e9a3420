"""Custom resource: one webapp runs before all the others, so that the client's databases are made once."""
