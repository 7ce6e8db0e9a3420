"""What the handlers act on: the client's cluster, CloudFormation and the clock. Tests give their own."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from functions import contract
from functions.aws import CloudFormation, cloudformation, ecs, read_parameter, read_secret, secrets_manager, ssm
from functions.shards.account import read_account
from functions.shards.client import Client, Pace
from functions.shards.cluster import Cluster, Service
from functions.shards.properties import certificate_max_age_days, required_text
from functions.stack import describe_stack, stack_outputs
from functions.tls import trust

STACK_OUTPUTS = {
    contract.ENDPOINT: contract.ENDPOINT_OUTPUT,
    contract.CLUSTER_NAME: contract.CLUSTER_NAME_OUTPUT,
    contract.SERVICE_NAME: contract.COREAPP_SERVICE_OUTPUT,
}
"""Each property that may be left out, and the output of the stack that gives its value then."""


@dataclass(frozen=True)
class Dependencies:
    """What the handlers act on.

    Attributes:
        open_cluster: Opens the cluster that the properties name.
        stacks: Makes a client for CloudFormation.
        now: Returns the time in seconds since 1970.
        call_seconds: How long one call may try to set shards, in seconds.
        observe_seconds: How long one call may wait for the client's first answer, in seconds; the next call tries
            again. The function's own time-out must be above both together.
    """

    open_cluster: Callable[[Mapping[str, Any]], Cluster]
    stacks: Callable[[], CloudFormation]
    now: Callable[[], float] = time.time
    call_seconds: float = 90.0
    observe_seconds: float = 20.0


def open_cluster(properties: Mapping[str, Any], pace: Pace | None = None) -> Cluster:
    """Read the secret and prepare a session with the client that the properties name; nothing is sent yet.

    Args:
        properties: As `functions.shards.properties` describes them.
        pace: Time-outs and pauses towards the client. Default: those of `Pace`.

    Raises:
        Refusal: A property or a key of the secret is missing or not allowed.
    """
    properties = complete_from_stack(properties, cloudformation)
    account = read_account(read_secret(secrets_manager(), required_text(properties, contract.SECRET_ARN)))
    name = str(properties.get(contract.CA_PARAMETER_NAME) or "")
    pem = read_parameter(ssm(), name) if name else None
    tls = trust(pem, named_by=f"Parameter {name} ({contract.CA_PARAMETER_NAME})")
    service = None
    if properties.get(contract.SERVICE_NAME):
        cluster, service_name = (
            required_text(properties, property_name) for property_name in (contract.CLUSTER_NAME, contract.SERVICE_NAME)
        )
        service = Service(ecs(), cluster, service_name)
    max_age_days = certificate_max_age_days(properties)
    client = Client(required_text(properties, contract.ENDPOINT), account, tls, pace)
    return Cluster(client, account, service, max_age_days)


def complete_from_stack(properties: Mapping[str, Any], stacks: Callable[[], CloudFormation]) -> Mapping[str, Any]:
    """Return the properties, with what is missing of `STACK_OUTPUTS` read from the stack `StackName`.

    Args:
        properties: As `functions.shards.properties` describes them; without `StackName` they are returned as they are.
        stacks: Makes a client for CloudFormation, if it is needed.
    """
    if not properties.get(contract.STACK_NAME):
        return properties
    outputs = stack_outputs(describe_stack(stacks(), str(properties[contract.STACK_NAME])))
    found = {name: outputs[output] for name, output in STACK_OUTPUTS.items() if output in outputs}
    return {**found, **{name: value for name, value in properties.items() if value}}
