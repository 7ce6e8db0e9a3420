"""The code that runs inside Lambda, shipped as one package: `functions/...` is at the root of the zip file.

It uses the standard library, boto3 (part of Lambda's Python runtime) and what `functions.vendor` holds, and
nothing else of this project. Each function has a folder with a module `handler`, which Lambda calls:

- `eni_trunking`: custom resource, ENI trunking for the hosts' role alone (D-4)
- `hosts`: two custom resources around the hosts, so that the cap falls last (D-12)
- `database_user`: custom resource, the client's least-privilege database user (D-6)
- `first_webapp`: custom resource, one webapp runs before all the others (T-11)
- `protection`: custom resource, deletion protection of the load balancer and of the database (D-11)
- `shards`: two custom resources around the coreapp service, a reconciler, and the steps of a runbook (D-8)

`functions.contract` holds the names of the handlers, of their properties and of what they return: all that the
templates share with this code.
"""
