"""The code that runs inside Lambda, shipped as one package: `functions/...` is at the root of the zip file.

It uses the standard library, boto3 (part of Lambda's Python runtime) and what `functions.vendor` holds, and
nothing else of this project. Handlers are named by their folder:

- `functions.eni_trunking.handler`: custom resource, ENI trunking for the hosts' role alone (D-4)
- `functions.database_user.handler`: custom resource, the client's least-privilege database user (D-6)
- `functions.shards.resource.on_event` and `.is_complete`: custom resources around the coreapp service (D-8), for
  CDK's Provider framework; also the steps of a runbook
- `functions.shards.reconcile.handler`: for EventBridge, puts right what a rollback left behind (D-8)
"""
