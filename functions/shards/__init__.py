"""The number of shards follows the stack, in the documented order (D-8).

- `handler`: what Lambda calls
- `resource`: the two custom resources, before and after the coreapp service
- `reconcile`: puts right what CloudFormation's own rollback cannot
- `decision`: what to do next, as a pure function of what is seen
- `cluster`: what is observed, and the one way to set shards, with every guard
- `client`: the client's HTTP interface
- `account`: what the secret holds, and what must be true of the certificate before it is sent (M-10, M-11)
- `properties`: what the handlers are given
- `dependencies`: what the handlers act on
- `python -m functions.shards`: the same by hand
"""
