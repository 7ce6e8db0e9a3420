"""One host of an Auto Scaling group: its life, and its place in a cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from .internals import Record
from .room import Room

PENDING: Final = "Pending"
IN_SERVICE: Final = "InService"
WAITING: Final = "Terminating:Wait"
ENDING: Final = "Terminating"


@dataclass(kw_only=True, eq=False)
class Host:
    """One host.

    Attributes:
        record: Its record in the group, as DescribeAutoScalingGroups shows it.
        group: Name of its group.
        number: In which order hosts were launched; of equal hosts, the oldest comes first.
        room: What it gives to tasks when it is empty.
        cluster: The ECS cluster that its agent registers with.
        arn: Its container instance.
        launched: When it was launched, in simulated seconds.
        due: When its state changes by itself, None for never.
        hooks: The lifecycle hooks that hold its end, each with the time at which it stops waiting.
        draining: Whether ECS puts no more tasks on it and moves its tasks away.
    """

    record: dict[str, Any]
    group: str
    number: int
    room: Room
    cluster: str
    arn: str
    launched: float
    due: float | None
    hooks: dict[str, float] = field(default_factory=dict)
    draining: bool = False

    @property
    def id(self) -> str:
        """Its EC2 instance id."""
        return self.record["InstanceId"]

    @property
    def zone(self) -> str:
        """Its availability zone."""
        return self.record["AvailabilityZone"]

    @property
    def state(self) -> str:
        """Its lifecycle state, such as `InService`."""
        return self.record["LifecycleState"]

    @state.setter
    def state(self, state: str) -> None:
        self.record["LifecycleState"] = state

    @property
    def protected(self) -> bool:
        """Whether it is protected from scale-in."""
        return bool(self.record["ProtectedFromScaleIn"])

    @property
    def active(self) -> bool:
        """Whether the group counts it: it starts or serves, and nobody ends it."""
        return self.state in (PENDING, IN_SERVICE)

    @property
    def registered(self) -> bool:
        """Whether its agent is in the cluster."""
        return self.state in (IN_SERVICE, WAITING)

    @property
    def serves(self) -> bool:
        """Whether ECS may put tasks on it."""
        return self.state == IN_SERVICE and not self.draining

    def container_instance(self, tasks: list[Record], taken: Room) -> Record:
        """Return it as DescribeContainerInstances shows it.

        Args:
            tasks: What runs or starts on it.
            taken: What they take of it.
        """
        return {
            "containerInstanceArn": self.arn,
            "ec2InstanceId": self.id,
            "status": "DRAINING" if self.draining else "ACTIVE",
            "agentConnected": True,
            "registeredResources": _resources(self.room),
            "remainingResources": _resources(self.room - taken),
            "runningTasksCount": sum(task["lastStatus"] == "RUNNING" for task in tasks),
            "pendingTasksCount": sum(task["lastStatus"] == "PENDING" for task in tasks),
            "attributes": [
                {"name": "ecs.availability-zone", "value": self.zone},
                {"name": "ecs.instance-type", "value": self.record["InstanceType"]},
            ],
        }


def _resources(room: Room) -> list[Record]:
    return [
        {"name": name, "type": "INTEGER", "doubleValue": 0.0, "longValue": 0, "integerValue": value}
        for name, value in (("CPU", room.cpu_units), ("MEMORY", room.memory_mib))
    ]
