"""The two custom resources, before and after the coreapp service, as handlers for CDK's Provider framework.

Properties, all texts:

- `Place`: "before" or "after".
- `Shards`: the declared number.
- `Endpoint`: https://<host>[:<port>] of the webapp.
- `SecretArn`: the client's account (`functions.shards.account`).
- `CaParameterName`: optional SSM parameter with the PEM bundle that certifies the webapp; default the public ones.
- `ClusterName`, `ServiceName`: optional ECS service of the coreapps, so that M-21 is checked against what runs. The
  resource before the service cannot name it, as the service depends on that resource.
- `CertificateMaxAgeDays`: optional; default 30.

`on_event` only notes when CloudFormation asked and what the fleets can hold; every action is in `is_complete`, which
the framework calls again and again. So there is one place that acts, it starts from what it sees each time, and being
killed and started again, called twice, or called by two deploys changes nothing. State is kept only in the fields that
the framework hands from the one to the other.

Limits: the framework's total time-out must be above `REACH_SECONDS + GIVE_BACK_SECONDS` (30 min): take an hour. The
function's own time-out must be above `CALL_SECONDS`: take 3 min.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from functions.aws import CloudFormation, cloudformation, ecs, secrets_manager, ssm
from functions.cloudformation import Failure, Refusal, explain
from functions.deadline import Deadline
from functions.log import log
from functions.shards import SHARD_COUNTS
from functions.shards.account import CERTIFICATE_MAX_AGE_DAYS, read_account
from functions.shards.client import Client, Pace, Rejected, Unavailable
from functions.shards.cluster import Cluster, Service
from functions.shards.decision import GIVE_BACK_SECONDS, REACH_SECONDS, Act, Change, Decision, Place, decide
from functions.tls import trust

CALL_SECONDS = 90.0
"""How long one call of `is_complete` may try, with Lambda's own limit well above."""

OBSERVE_SECONDS = 20.0
"""How long it may wait for the client to answer at all; the next call tries again."""

Event = Mapping[str, Any]
"""An event of the Provider framework."""


@dataclass(frozen=True)
class World:
    """What the handlers act on.

    Attributes:
        open_cluster: Opens the cluster that the properties name.
        stacks: A client for CloudFormation.
        now: The time in seconds since 1970.
    """

    open_cluster: Callable[[Mapping[str, Any]], Cluster]
    stacks: Callable[[], CloudFormation]
    now: Callable[[], float] = time.time


def open_cluster(properties: Mapping[str, Any], pace: Pace | None = None) -> Cluster:
    """Read the secret and open a session with the client that the properties name; sends nothing yet.

    Raises:
        Refusal: A property or a key of the secret is missing or not allowed.
    """
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


WORLD = World(open_cluster, cloudformation)


def on_event(event: Event, _context: object = None, world: World = WORLD) -> dict[str, Any]:
    """Note what is asked for.

    Returns:
        `Started`, the time in seconds since 1970, and `Floor`, the number that both fleets can hold; None of them
        when there is nothing to do: on a delete, and when the number was and stays the same.

    Raises:
        Refusal: A property is missing or not allowed.
    """
    if event["RequestType"] == "Delete":
        # The number stays as it is: whoever takes this management away did not ask for a restart.
        return {}
    properties = event["ResourceProperties"]
    wanted = _declared(properties)
    place = _place(properties)
    if event["RequestType"] == "Update":
        old = _declared(event.get("OldResourceProperties") or properties)
        if old == wanted:
            return {}
        floor = min(old, wanted)
    else:
        floor = min(_now_set(properties, world), wanted)
    log("asked", place=place, shards=wanted, floor=floor, logical_id=event.get("LogicalResourceId"))
    return {"Started": world.now(), "Floor": floor}


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
    elapsed = world.now() - float(event["Started"])
    try:
        decision = _step(event, world, elapsed)
    except Exception as error:
        decision = Decision(Act.WAIT if elapsed < REACH_SECONDS + GIVE_BACK_SECONDS else Act.FAIL, explain(error))
    log("step", act=decision.act.value, why=decision.why, shards=decision.shards, seconds=round(elapsed, 1))
    if decision.act is Act.FAIL:
        raise Failure(decision.why)
    return {"IsComplete": decision.act is Act.DONE}


def _step(event: Event, world: World, elapsed: float) -> Decision:
    properties = event["ResourceProperties"]
    wanted, floor, place = _declared(properties), int(event["Floor"]), _place(properties)
    change = Change(
        place=place,
        wanted=wanted,
        floor=floor,
        creating=event["RequestType"] == "Create",
        # Nobody else tells: the event of an update back looks like that of an update.
        rolling_back=place == "after"
        and wanted > floor
        and "ROLLBACK" in stack_status(world.stacks(), event["StackId"]),
    )
    seen, problem = None, ""
    try:
        cluster = world.open_cluster(properties)
        seen = cluster.observe(Deadline.after(OBSERVE_SECONDS))
    except Unavailable as error:
        log("no observation", problem=str(error))
    except (Refusal, Rejected) as error:
        return decide(change, None, elapsed, problem=str(error))
    # At most twice: what is refused for the wanted number may have to be given back.
    decision = decide(change, seen, elapsed)
    while decision.act is Act.SET and seen is not None:
        try:
            cluster.set_shards(decision.shards, seen, Deadline.after(CALL_SECONDS))
            return decision
        except Unavailable as error:
            # It may have arrived all the same: the next call looks.
            return Decision(Act.WAIT, str(error))
        except (Refusal, Rejected) as error:
            if problem:
                return Decision(Act.FAIL, f"{problem} Giving back failed too: {error}")
            problem = str(error)
            decision = decide(change, seen, elapsed, problem)
    return decision


def stack_status(stacks: CloudFormation, stack: str) -> str:
    """Return the stack's status, such as UPDATE_ROLLBACK_IN_PROGRESS."""
    return str(stacks.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])


def _now_set(properties: Mapping[str, Any], world: World) -> int:
    """Return the number that a new resource finds, which the fleet of now can hold; 1 when nobody answers (M-13)."""
    try:
        return world.open_cluster(properties).observe(Deadline.after(OBSERVE_SECONDS)).shards
    except (Unavailable, Rejected) as error:
        log("no observation", problem=str(error))
        return 1


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


def _declared(properties: Mapping[str, Any]) -> int:
    text = _text(properties, "Shards")
    if text not in map(str, SHARD_COUNTS):
        raise Refusal(f"Property Shards: {text!r} was given; allowed are {', '.join(map(str, SHARD_COUNTS))}.")
    return int(text)
