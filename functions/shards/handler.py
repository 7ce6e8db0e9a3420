"""What Lambda calls: each function here is a handler, and the modules that they call do the work.

CDK's Provider framework calls `on_event` once for each event of CloudFormation, then `is_complete` again and again.
The runbook calls the same two. EventBridge calls `reconcile`.
"""

from collections.abc import Mapping
from typing import Any

from functions.aws import cloudformation
from functions.shards.dependencies import Dependencies, open_cluster
from functions.shards.reconcile import converge
from functions.shards.resource import accept, advance

AWS = Dependencies(open_cluster, cloudformation)


def on_event(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Accept or refuse what CloudFormation asks for; see `functions.shards.resource.accept`."""
    return accept(event, AWS)


def is_complete(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Take the next step; see `functions.shards.resource.advance`."""
    return advance(event, AWS)


def reconcile(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Bring the client to the number that the stack declares; see `functions.shards.reconcile.converge`."""
    return converge(event, AWS)
