"""Constructs of a Multiconnect cluster, one file per concern; `stacks` puts them together."""
