"""Database connections: the estimate from the published points, and the fit to a user's own observations."""
