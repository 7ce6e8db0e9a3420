"""The number of shards follows the stack, in the documented order (D-8).

- `account`: what the secret holds, and what must be true of the certificate before it is sent (M-10, M-11)
- `client`: the client's HTTP interface
- `cluster`: what is observed, and the one way to set shards, with every guard
- `decision`: what to do next, as a pure function of what is seen
- `resource`: the two custom resources, before and after the coreapp service
- `reconcile`: puts right what CloudFormation's own rollback cannot
- `python -m functions.shards`: the same by hand
"""

SHARD_COUNTS = (1, 2, 4, 8, 16, 32)
"""The only numbers of shards that there are (M-2)."""
