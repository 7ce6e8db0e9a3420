"""Deletion protection of the load balancer and of the database (D-11)."""
