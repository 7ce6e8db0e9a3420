"""The client's own database user, with the least privileges that it needs (D-6)."""
