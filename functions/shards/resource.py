"""The two custom resources, before and after the coreapp service, as handlers for CDK's Provider framework.

Properties, all texts:

- `Place`: "before" or "after".
- `Shards`: the declared number.
- `Endpoint`: https://<host>[:<port>] of the webapp.
- `StackName`: optional stack whose outputs `Endpoint`, `ClusterName` and `CoreappService` stand in for what is not
  given of `Endpoint`, `ClusterName`, `ServiceName`: for the runbook and the reconciler, which no stack tells them.
- `SecretArn`: the client's account (`functions.shards.account`).
- `CaParameterName`: optional SSM parameter with the PEM bundle that certifies the webapp; default the public ones.
- `ClusterName`, `ServiceName`: optional ECS service of the coreapps, so that M-21 is checked against what runs. The
  resource before the service cannot name it, as the service depends on that resource.
- `CertificateMaxAgeDays`: optional; default 30.

`on_event` only looks, and notes when CloudFormation asked and what both fleets can hold; every action is in
`is_complete`, which the framework calls again and again. So there is one place that acts, it starts from what it sees
each time, and being killed and started again, called twice, or called by two deploys changes nothing. State is kept
only in the fields that the framework hands from the one to the other.

Limits: the framework's total time-out must be above `REACH_SECONDS + GIVE_BACK_SECONDS` (30 min): take an hour. The
function's own time-out must be well above `call_seconds` and `observe_seconds` together: take 3 min.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from functions.aws import CloudFormation, cloudformation, ecs, secrets_manager, ssm
from functions.cloudformation import Failure, Refusal, explain
from functions.deadline import Deadline
from functions.log import log
from functions.shards import SHARD_COUNTS
from functions.shards.account import CERTIFICATE_MAX_AGE_DAYS, read_account
from functions.shards.client import Client, Pace, Rejected, Unavailable
from functions.shards.cluster import Cluster, Observation, Service
from functions.shards.decision import GIVE_BACK_SECONDS, REACH_SECONDS, Act, Change, Decision, Place, decide
from functions.tls import trust

OUTPUTS = {"Endpoint": "Endpoint", "ClusterName": "ClusterName", "ServiceName": "CoreappService"}
"""Property and the stack's output that stands in for it."""

Event = Mapping[str, Any]
"""An event of the Provider framework."""


@dataclass(frozen=True)
class World:
    """What the handlers act on.

    Attributes:
        open_cluster: Opens the cluster that the properties name.
        stacks: A client for CloudFormation.
        now: The time in seconds since 1970.
        call_seconds: How long one call may try to set shards; Lambda's own limit is well above.
        observe_seconds: How long it may wait for the client to answer at all; the next call tries again.
    """

    open_cluster: Callable[[Mapping[str, Any]], Cluster]
    stacks: Callable[[], CloudFormation]
    now: Callable[[], float] = time.time
    call_seconds: float = 90.0
    observe_seconds: float = 20.0


def open_cluster(properties: Mapping[str, Any], pace: Pace | None = None) -> Cluster:
    """Read the secret and open a session with the client that the properties name; sends nothing yet.

    Raises:
        Refusal: A property or a key of the secret is missing or not allowed.
    """
    properties = located(properties, cloudformation)
    secret = secrets_manager().get_secret_value(SecretId=_text(properties, "SecretArn"))
    account = read_account(str(secret["SecretString"]))
    name = str(properties.get("CaParameterName") or "")
    pem = str(ssm().get_parameter(Name=name)["Parameter"]["Value"]) if name else None
    tls = trust(pem, named_by=f"Parameter {name} (CaParameterName)")
    service = None
    if properties.get("ServiceName"):
        service = Service(ecs(), _text(properties, "ClusterName"), _text(properties, "ServiceName"))
    age = str(properties.get("CertificateMaxAgeDays") or CERTIFICATE_MAX_AGE_DAYS)
    if not age.isdecimal():
        raise Refusal(f"Property CertificateMaxAgeDays: {age!r} was given; a number of days is needed.")
    return Cluster(Client(_text(properties, "Endpoint"), account, tls, pace), account, service, int(age))


def located(properties: Mapping[str, Any], stacks: Callable[[], CloudFormation]) -> Mapping[str, Any]:
    """Return the properties, with what is missing of the place read from the outputs of the stack `StackName`.

    Args:
        properties: Of the custom resource, the runbook or the reconciler.
        stacks: Makes a client for CloudFormation, if it is needed.
    """
    if not properties.get("StackName"):
        return properties
    outputs = stack_outputs(stacks().describe_stacks(StackName=str(properties["StackName"]))["Stacks"][0])
    found = {name: outputs[output] for name, output in OUTPUTS.items() if output in outputs}
    return {**found, **{name: value for name, value in properties.items() if value}}


WORLD = World(open_cluster, cloudformation)


def on_event(event: Event, _context: object = None, world: World = WORLD) -> dict[str, Any]:
    """Note what is asked for, and refuse it now if it could not be sent anyway.

    Returns:
        `Started`, the time in seconds since 1970, and `Floor`, the number that both fleets can hold. Neither when there
        is nothing to do: on a delete, and when the number was and stays the same.

    Raises:
        Failure: A property or the account's secret is missing or not allowed, the client rejects the login, or a
            guard forbids to send. Nothing was changed.
    """
    if event["RequestType"] == "Delete":
        # The number stays as it is: whoever takes this management away did not ask for a restart.
        return {}
    properties = event["ResourceProperties"]
    wanted, place = declared(properties), _place(properties)
    old = declared(event["OldResourceProperties"]) if event["RequestType"] == "Update" else None
    if old == wanted:
        return {}
    started = world.now()
    rolling_back = _rolling_back(event, world)
    change = Change(place, wanted, min(wanted, old or wanted), creating=old is None, rolling_back=rolling_back)
    # A rollback is let through: what cannot be done there shows in `is_complete`, which leaves it or stops.
    seen = None if change.rolling_back else _preflight(change, properties, world)
    # A new resource knows no former number: the one that is set fits the fleet of now, and 1 (M-13) fits any.
    floor = min(wanted, old or (seen.shards if seen else 1))
    log("asked", place=place, shards=wanted, floor=floor, logical_id=event.get("LogicalResourceId"))
    return {"Started": started, "Floor": floor}


def _preflight(change: Change, properties: Mapping[str, Any], world: World) -> Observation | None:
    """Look, and refuse now what could not be sent later; None when the client does not answer, which may pass."""
    cluster = world.open_cluster(properties)
    try:
        seen = cluster.observe(Deadline.after(world.observe_seconds))
    except Unavailable as error:
        log("no observation", problem=str(error))
        return None
    if decide(change, seen, elapsed=0).act is Act.SET:
        cluster.check(change.wanted, seen)
    return seen


def _rolling_back(event: Event, world: World) -> bool:
    """Return whether CloudFormation updates back: the event looks like any update's, only the stack's status tells."""
    if event["RequestType"] != "Update":
        return False
    return "ROLLBACK_IN_PROGRESS" in stack_status(world.stacks(), event["StackId"])


def is_complete(event: Event, _context: object = None, world: World = WORLD) -> dict[str, Any]:
    """Take the next step and say whether it was the last.

    The framework fails the resource on any error that leaves this function, so one that may pass is a reason to come
    again, and time is measured here: the framework's own time-out would give nothing back.

    Returns:
        `IsComplete`.

    Raises:
        Failure: It cannot be done. What is set then fits the smaller fleet, or the text says what to do.
    """
    if "Started" not in event:
        return {"IsComplete": True}
    decision = advance(partial(_change, event, world), event["ResourceProperties"], world, float(event["Started"]))
    if decision.act is Act.FAIL:
        raise Failure(decision.why)
    return {"IsComplete": decision.act is Act.DONE}


def _change(event: Event, world: World) -> Change:
    properties = event["ResourceProperties"]
    return Change(
        place=_place(properties),
        wanted=declared(properties),
        floor=int(event["Floor"]),
        creating=event["RequestType"] == "Create",
        rolling_back=_rolling_back(event, world),
    )


def advance(change: Callable[[], Change], properties: Mapping[str, Any], world: World, started: float) -> Decision:
    """Look, decide and take one step; log it. An error that may pass is a reason to come again.

    Args:
        change: Tells what is asked for; it may ask AWS, and so fail for a while.
        properties: Where the cluster is.
        world: What to act on.
        started: When it was asked for, in seconds since 1970.
    """
    elapsed = world.now() - started
    try:
        decision = _step(change(), properties, world, elapsed)
    except Exception as error:
        decision = Decision(Act.WAIT if elapsed < REACH_SECONDS + GIVE_BACK_SECONDS else Act.FAIL, explain(error))
    log("step", act=decision.act.value, why=decision.why, shards=decision.shards, seconds=round(elapsed, 1))
    return decision


def _step(change: Change, properties: Mapping[str, Any], world: World, elapsed: float) -> Decision:
    try:
        cluster = world.open_cluster(properties)
        seen = cluster.observe(Deadline.after(world.observe_seconds))
    except Unavailable as error:
        log("no observation", problem=str(error))
        return decide(change, None, elapsed)
    except (Refusal, Rejected) as error:
        return decide(change, None, elapsed, problem=str(error))
    problem = ""
    decision = decide(change, seen, elapsed)
    while decision.act is Act.SET:
        try:
            cluster.set_shards(decision.shards, seen, Deadline.after(world.call_seconds))
            return decision
        except Unavailable as error:
            # It may have arrived all the same: the next call looks.
            return Decision(Act.WAIT, str(error))
        except (Refusal, Rejected) as error:
            # What is refused for the wanted number may have to be given back; what is refused twice is over.
            if problem:
                return Decision(Act.FAIL, f"{problem} Giving back failed too: {error}")
            problem = str(error)
            decision = decide(change, seen, elapsed, problem)
    return decision


def stack_status(stacks: CloudFormation, stack: str) -> str:
    """Return the stack's status, such as UPDATE_ROLLBACK_IN_PROGRESS."""
    return str(stacks.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])


def stack_outputs(stack: Mapping[str, Any]) -> dict[str, str]:
    """Return the outputs of a described stack by their names."""
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _text(properties: Mapping[str, Any], name: str) -> str:
    value = properties.get(name)
    if not isinstance(value, str) or not value:
        raise Refusal(f"Property {name} is missing. Set it on the custom resource.")
    return value


def _place(properties: Mapping[str, Any]) -> Place:
    place = _text(properties, "Place")
    if place not in ("before", "after"):
        raise Refusal(f"Property Place: {place!r} was given; allowed are 'before' and 'after'.")
    return cast(Place, place)


def declared(properties: Mapping[str, Any]) -> int:
    """Return the property `Shards`.

    Raises:
        Refusal: It is missing or not allowed.
    """
    text = _text(properties, "Shards")
    if text not in map(str, SHARD_COUNTS):
        raise Refusal(f"Property Shards: {text!r} was given; allowed are {', '.join(map(str, SHARD_COUNTS))}.")
    return int(text)
