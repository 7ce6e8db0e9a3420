"""Where ECS would put the tasks: a real placement, with hosts lost and tasks put again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

# What the hypervisor and the kernel keep of the nominal memory: AWS's own scheduler for Kubernetes nodes plans with
# 7.5 % (karpenter.sh/docs/reference/settings, VM_MEMORY_OVERHEAD_PERCENT). Measured on older types: 2.1 % to 2.5 %.
SYSTEM_PER_MILLE: Final = 75
# What the ECS agent, the logging and the other daemons get: AWS recommends 5 % as ECS_RESERVED_MEMORY
# (docs.aws.amazon.com/batch/latest/userguide/ecs-reserved-memory.html).
AGENT_PER_MILLE: Final = 50


def agent_memory_mib(memory_mib: int) -> int:
    """Return what to set as ECS_RESERVED_MEMORY on a host of `memory_mib`, in MiB."""
    return memory_mib * AGENT_PER_MILLE // 1000


def task_memory_mib(memory_mib: int) -> int:
    """Return the memory that tasks can reserve on a host of `memory_mib`, in MiB.

    Example:
        >>> task_memory_mib(4096)
        3584
    """
    return memory_mib * (1000 - SYSTEM_PER_MILLE - AGENT_PER_MILLE) // 1000


class Tier(NamedTuple):
    """Tasks of one service."""

    name: str
    number: int
    memory_mib: int


def fleet(*, coreapp: tuple[int, int], master: tuple[int, int], webapp: tuple[int, int]) -> tuple[Tier, Tier, Tier]:
    """Return coreapps, masters and webapps in the order in which they are placed: the heaviest service first.

    Each service is given as its number of tasks and the memory that one task reserves, in MiB.
    """
    return Tier("coreapp", *coreapp), Tier("master", *master), Tier("webapp", *webapp)


@dataclass(slots=True)
class Host:
    """One host under placement."""

    zone: int
    free_mib: int
    free_tasks: int
    tasks: dict[str, int] = field(default_factory=dict)

    def fits(self, tier: Tier) -> bool:
        """Return whether one more task of `tier` fits."""
        return self.free_mib >= tier.memory_mib and self.free_tasks > 0

    def put(self, tier: Tier) -> None:
        """Put one task of `tier` here."""
        self.free_mib -= tier.memory_mib
        self.free_tasks -= 1
        self.tasks[tier.name] = self.tasks.get(tier.name, 0) + 1


def empty_hosts(count: int, zones: int, memory_mib: int, tasks: int) -> list[Host]:
    """Return `count` hosts dealt round `zones` availability zones, each with room for `tasks` in `memory_mib` MiB."""
    return [Host(number % zones, memory_mib, tasks) for number in range(count)]


def place(hosts: Sequence[Host], tiers: Iterable[Tier]) -> list[Tier]:
    """Put the tasks of `tiers` on `hosts` and return those that found no room.

    Follows the services' placement strategy: spread each service over zones, then over hosts, among the hosts where
    the task fits. Of equal hosts ECS takes any; here it is the fullest, which packs worst.
    """
    left = []
    for tier in tiers:
        for placed in range(tier.number):
            in_zone: dict[int, int] = {}
            for host in hosts:
                in_zone[host.zone] = in_zone.get(host.zone, 0) + host.tasks.get(tier.name, 0)
            best = min(
                (host for host in hosts if host.fits(tier)),
                key=lambda host: (in_zone[host.zone], host.tasks.get(tier.name, 0), host.free_mib),
                default=None,
            )
            if best is None:
                left.append(tier._replace(number=tier.number - placed))
                break
            best.put(tier)
    return left


def copy_hosts(hosts: Iterable[Host]) -> list[Host]:
    """Return hosts that can be changed without changing `hosts`."""
    return [Host(host.zone, host.free_mib, host.free_tasks, dict(host.tasks)) for host in hosts]


def lose(hosts: Sequence[Host], lost: frozenset[int], tiers: Iterable[Tier]) -> list[Tier]:
    """Lose the hosts numbered in `lost`, put their tasks on the others, and return the tasks that found no room."""
    remaining = copy_hosts(host for number, host in enumerate(hosts) if number not in lost)
    again = [tier._replace(number=sum(hosts[number].tasks.get(tier.name, 0) for number in lost)) for tier in tiers]
    return place(remaining, again)


def holds_with_one_lost(count: int, zones: int, memory_mib: int, tasks: int, tiers: Sequence[Tier]) -> bool:
    """Return whether `count` hosts carry `tiers`, and carry them still when any one host is lost (D-1)."""
    surviving = count - 1
    # These sums must fit in any case. They are cheap, and refuse most types before anything has to be placed.
    if surviving * memory_mib < sum(tier.number * tier.memory_mib for tier in tiers):
        return False
    if surviving * tasks < sum(tier.number for tier in tiers):
        return False
    hosts = empty_hosts(count, zones, memory_mib, tasks)
    if place(hosts, tiers):
        return False
    return not any(lose(hosts, frozenset({number}), tiers) for number in range(count))
