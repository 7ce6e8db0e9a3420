"""CloudFormation's steps for hosts and services: they wait as they wait in AWS, in simulated time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from emulator.handlers.registry import Attributes, extend

from . import container_api, internals
from .groups import capacity, set_size, settled
from .internals import Properties, Record
from .services import steady
from .world import LOCK, World

GROUP: Final = "AWS::AutoScaling::AutoScalingGroup"
SERVICE: Final = "AWS::ECS::Service"
CLUSTER: Final = "AWS::ECS::Cluster"
PROVIDER: Final = "AWS::ECS::CapacityProvider"
ASSOCIATIONS: Final = "AWS::ECS::ClusterCapacityProviderAssociations"

HOUR_SECONDS: Final = 3600.0
# The time limits of the group's handlers, in the schema that CloudFormation publishes (`handlers.*.timeoutInMinutes`).
CREATE_SECONDS: Final = 6 * HOUR_SECONDS
UPDATE_SECONDS: Final = 36 * HOUR_SECONDS
DELETE_SECONDS: Final = 4 * HOUR_SECONDS
STEADY_SECONDS: Final = 3 * HOUR_SECONDS
"""How long a service's step was seen to wait (github.com/aws/aws-toolkit-visual-studio/issues/293)."""

TIMED_OUT: Final = "Resource timed out waiting for completion"


def register(world: Callable[[], World]) -> None:
    """Wrap the types of this module.

    Args:
        world: Returns the world of the current account and region.
    """

    def alone(step: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            with LOCK:
                return step(world(), *arguments)

        return run

    extend(GROUP, after=alone(_group_settles), before_delete=alone(_group_empties))
    extend(SERVICE, after=alone(_service_settles), before_delete=alone(_service_stops))
    extend(CLUSTER, before_delete=alone(lambda here, name: _refuse(container_api.cluster_in_use(here, name))))
    extend(PROVIDER, before_delete=alone(lambda _, name: _refuse(container_api.provider_in_use(name))))
    extend(ASSOCIATIONS, before_delete=alone(lambda _, name: _refuse(container_api.providers_needed(name, []))))


# ---- groups ----


def _group_settles(world: World, name: str, properties: Properties) -> Attributes:
    """Give the group what MiniStack leaves out, and wait until as many hosts serve as it desires.

    A host in `Terminating:Wait` counts as gone, so an update that lowers the maximum goes on while hosts still drain
    (T-4). A host that is protected from scale-in stays, and the update waits for it.
    """
    group = internals.auto_scaling_groups[name]
    before: int | None = group.get("_desired")
    for key in ("MaxInstanceLifetime", "InstanceMaintenancePolicy"):
        group[key] = _numbers(properties.get(key))
    group["NewInstancesProtectedFromScaleIn"] = _true(properties.get("NewInstancesProtectedFromScaleIn"))
    wanted = properties.get("DesiredCapacity")
    if wanted is None:
        wanted = group["MinSize"] if before is None else before
    set_size(group, int(wanted))
    limit = CREATE_SECONDS if before is None else UPDATE_SECONDS
    if world.wait(lambda: settled(world, group), limit):
        return {}
    serving = len(capacity(world, group))
    sizes = f"{{{serving}/{group['MinSize']}/{group['DesiredCapacity']}}}"
    raise ValueError(
        f"Group did not stabilize within {limit / HOUR_SECONDS:g} h. {{current/minimum/desired}} instances: {sizes}. "
        f"{_last_activity(group)}"
    )


def _group_empties(world: World, name: str) -> None:
    """Take the group to 0 and wait until no host is left: CloudFormation deletes no group with force (T-2)."""
    group = internals.auto_scaling_groups.get(name)
    if group is None:
        return
    group["MinSize"] = group["MaxSize"] = 0
    set_size(group, 0)
    if not world.wait(lambda: not world.hosts_of(name), DELETE_SECONDS):
        raise ValueError(f"{TIMED_OUT} within {DELETE_SECONDS / HOUR_SECONDS:g} h. {_last_activity(group)}")


def _last_activity(group: Record) -> str:
    activities: list[Record] = group.get("_activities") or [{"StatusMessage": "No scaling activity"}]
    return f"Last scaling activity: {activities[0]['StatusMessage']}"


def _numbers(value: Any) -> Any:
    """Return numbers that a template may write as text as numbers."""
    if isinstance(value, dict):
        return {key: _numbers(each) for key, each in value.items()}
    return None if value in (None, "") else int(value)


def _true(value: Any) -> bool:
    return str(value).lower() == "true"


# ---- services ----


def _service_settles(world: World, arn: str, _: Properties) -> Attributes:
    """Wait until the service is steady."""
    service = _service(arn)
    if not world.wait(lambda: steady(world, service), STEADY_SECONDS):
        events = service["events"][:1]
        why = "".join(f" {event['message']}" for event in events)
        raise ValueError(f"Service {arn} did not stabilize within {STEADY_SECONDS / HOUR_SECONDS:g} h.{why}")
    return {}


def _service_stops(world: World, arn: str) -> None:
    """Stop the service's tasks and wait until the last has ended."""
    service = internals.ecs_services.get("/".join(arn.rsplit("/", 2)[-2:]))
    if service is None or service["status"] == "INACTIVE":
        return
    container_api.drain_service(service)
    if not world.wait(lambda: service["status"] == "INACTIVE", HOUR_SECONDS):
        raise ValueError(f"{TIMED_OUT}: tasks of the service do not end")


def _service(arn: str) -> Record:
    return internals.ecs_services["/".join(arn.rsplit("/", 2)[-2:])]


# ---- clusters and capacity providers ----


def _refuse(refusal: tuple[str, str] | None) -> None:
    if refusal is not None:
        code, words = refusal
        raise ValueError(f"{words} (Service: AmazonECS; Status Code: 400; Error Code: {code})")
