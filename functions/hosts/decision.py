"""What to do next, decided from what is seen by pure functions, so that a table can show every case.

CloudFormation lowers the maximum of the auto scaling group before the services that run on it, because they depend on
it. A lower maximum terminates hosts at once, whatever runs on them (T-4). So a service is lowered before: by its own
count, and until its tasks are gone. CloudFormation then finds the count as it wants it.

CloudFormation documents no order of a rollback, and a resource whose update never started hears nothing of it. So a
count that was lowered is put back here too, without waiting: the hosts for its tasks may not be allowed yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Seen:
    """What ECS says of a service at one moment.

    Attributes:
        desired: How many tasks it should run.
        tasks: How many tasks run or are about to.
    """

    desired: int
    tasks: int


@dataclass(frozen=True)
class Step:
    """What to do with a service now.

    Attributes:
        desired: The count to set; None leaves it as it is.
        wait: Whether tasks are still to go before the cap may fall.
    """

    desired: int | None
    wait: bool


def next_step(old: int, new: int, seen: Seen, *, rolling_back: bool) -> Step:
    """Return what to do with a service whose declared count changes.

    A deploy never raises a count here: the services do that themselves, once there are hosts.

    Args:
        old: The count that was declared before.
        new: The count that is declared now. In a rollback it is that from before the update.
        seen: What ECS says now.
        rolling_back: Whether CloudFormation takes an update back.

    Example:
        >>> next_step(33, 5, Seen(desired=33, tasks=33), rolling_back=False)
        Step(desired=5, wait=True)
        >>> next_step(5, 33, Seen(desired=5, tasks=5), rolling_back=True)
        Step(desired=33, wait=False)
    """
    if new < old:
        return Step(desired=new if seen.desired > new else None, wait=seen.tasks > new)
    if new > old and rolling_back:
        return Step(desired=new if seen.desired < new else None, wait=False)
    return Step(desired=None, wait=False)


def must_refresh(hosts: Sequence[str], old: str, new: str, *, rolling_back: bool) -> bool:
    """Return whether hosts have to be replaced because the launch template changed.

    A rollback gives the launch template one more version with the old content. Hosts from before the update need no
    replacement then; those of the version that is taken back do.

    Args:
        hosts: The version of the launch template that each host was started from; empty where it is unknown.
        old: The version that was declared before.
        new: The version that is declared now.
        rolling_back: Whether CloudFormation takes an update back.

    Example:
        >>> must_refresh(["1", "1"], "1", "2", rolling_back=False)
        True
        >>> must_refresh(["1", "1"], "2", "3", rolling_back=True)
        False
    """
    if old == new:
        return False
    return old in hosts if rolling_back else any(version != new for version in hosts)


def restored_maximum(current: int, declared: int) -> int | None:
    """Return the maximum to give back to the group at the start of a rollback; None leaves it as it is.

    It is only ever raised. Services that are put back before the group would wait for hosts that are not allowed yet,
    and CloudFormation would wait for them.

    Args:
        current: The group's maximum now.
        declared: The cap from before the update, which the outputs of the stack still tell.

    Example:
        >>> restored_maximum(current=4, declared=15)
        15
        >>> restored_maximum(current=15, declared=4) is None
        True
    """
    return declared if current < declared else None
