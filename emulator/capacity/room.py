"""What a host has to give to tasks, and what a task takes of it."""

from __future__ import annotations

import base64
import re
from binascii import Error as NotBase64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sizing.facts.catalogue import host_types
from sizing.planning.placement import SYSTEM_PER_MILLE

from .internals import Record

CPU_UNITS: Final = 1024
"""What ECS counts for one vCPU."""


@dataclass(frozen=True, slots=True, order=True)
class Room:
    """Memory, CPU and network interfaces, free or taken.

    Attributes:
        memory_mib: Memory in MiB.
        cpu_units: CPU in units of ECS, 1,024 for a vCPU.
        interfaces: Network interfaces, one for each task in network mode `awsvpc`.
    """

    memory_mib: int = 0
    cpu_units: int = 0
    interfaces: int = 0

    def __add__(self, other: Room) -> Room:
        return Room(
            self.memory_mib + other.memory_mib, self.cpu_units + other.cpu_units, self.interfaces + other.interfaces
        )

    def __sub__(self, other: Room) -> Room:
        return Room(
            self.memory_mib - other.memory_mib, self.cpu_units - other.cpu_units, self.interfaces - other.interfaces
        )

    def holds(self, other: Room) -> bool:
        """Tell whether `other` fits in here."""
        left = self - other
        # A task that reserves nothing of a kind fits although nothing of the kind is left.
        return (
            (left.memory_mib >= 0 or not other.memory_mib)
            and (left.cpu_units >= 0 or not other.cpu_units)
            and (left.interfaces >= 0 or not other.interfaces)
        )

    def lacks(self, other: Room) -> str:
        """Say what `other` needs and is not left here, in the words of ECS's service events."""
        left = self - other
        if left.memory_mib < 0:
            return "insufficient memory available"
        if left.cpu_units < 0:
            return "insufficient CPU units available"
        return "encountered error RESOURCE:ENI"


def demand(definition: Mapping[str, Any]) -> Room:
    """Return what a task of a task definition takes.

    Its containers' reservations count, and a container that reserves no memory takes its limit; what the task itself
    declares goes first.
    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html
    """
    containers = definition.get("containerDefinitions") or []
    memory = sum(int(each.get("memoryReservation") or each.get("memory") or 0) for each in containers)
    cpu = sum(int(each.get("cpu") or 0) for each in containers)
    return Room(
        memory_mib=int(definition.get("memory") or memory),
        cpu_units=int(definition.get("cpu") or cpu),
        interfaces=int(definition.get("networkMode") == "awsvpc"),
    )


def host_room(instance_type: str, user_data: str, trunking: bool) -> Room | None:
    """Return what a host gives to tasks, None for a type that the catalogue of `sizing` does not know.

    Args:
        instance_type: EC2 type.
        user_data: Decoded user data; `ECS_RESERVED_MEMORY` in it is kept from the tasks.
        trunking: Whether ENI trunking was on for the host's role when it started.
    """
    kind = host_types().get(instance_type)
    if kind is None:
        return None
    reserved = agent_setting(user_data, "ECS_RESERVED_MEMORY")
    return Room(
        memory_mib=kind.memory_mib * (1000 - SYSTEM_PER_MILLE) // 1000 - int(reserved or 0),
        cpu_units=kind.vcpu * CPU_UNITS,
        interfaces=kind.tasks_with_trunking if trunking else kind.tasks_without_trunking,
    )


def decoded(user_data: str) -> str:
    """Return user data in plain text; EC2 takes it in base 64."""
    try:
        return base64.b64decode(user_data, validate=True).decode(errors="replace")
    except NotBase64:
        return user_data


def agent_setting(user_data: str, name: str) -> str | None:
    """Return a setting of the ECS agent that user data writes, such as `ECS_CLUSTER`."""
    found = re.findall(rf"^\s*(?:echo\s+[\"']?)?{name}=([^\s\"'>]+)", user_data, re.MULTILINE)
    return found[-1] if found else None


def left_over(demands: Iterable[Room], rooms: Iterable[Room]) -> list[Room]:
    """Return the demands that find no room, the largest put first into the first room that holds it."""
    free, left = list(rooms), list[Room]()
    for each in sorted(demands, reverse=True):
        place = next((number for number, room in enumerate(free) if room.holds(each)), None)
        if place is None:
            left.append(each)
        else:
            free[place] -= each
    return left


def hosts_for(demands: Iterable[Room], room: Room) -> int:
    """Return how many empty hosts of `room` the demands need; one that fits on none counts for nothing."""
    free = list[Room]()
    for each in sorted(demands, reverse=True):
        if not room.holds(each):
            continue
        place = next((number for number, other in enumerate(free) if other.holds(each)), None)
        if place is None:
            free.append(room - each)
        else:
            free[place] -= each
    return len(free)


def lives(task: Record) -> bool:
    """Tell whether a task has not ended yet; one that is being stopped still takes its room."""
    return task["lastStatus"] != "STOPPED"
