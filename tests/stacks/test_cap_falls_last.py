"""The cap falls last (D-12): at no moment of a resize are fewer hosts allowed than the running tasks need.

A small model of CloudFormation takes the steps of an update and of its rollback. What waits for what is read from the
templates, what HostsBefore does is decided by its own code, and sizing's placement says how many hosts the tasks need.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import permutations

import pytest

import sizing
from functions.hosts.decision import Seen, next_step, restored_maximum
from sizing import SHARD_COUNTS, Plan
from sizing.planning.placement import empty_hosts, fleet, place
from tests.assembly import Template
from tests.conftest import Synth

BEFORE, GROUP = "HostsBefore", "Hosts"
ROLES = ("Coreapp", "Master", "Webapp")
PAIRS = [(environment, *pair) for environment in ("production", "staging") for pair in permutations(SHARD_COUNTS, 2)]


@cache
def planned(environment: str, active: int) -> Plan:
    return sizing.plan(active, environment=environment)


def declared(plan: Plan) -> dict[str, int]:
    return {"Coreapp": plan.tasks.coreapp.count, "Master": plan.tasks.master.count, "Webapp": plan.tasks.webapp.count}


@cache
def hosts_for(environment: str, active: int, coreapps: int, masters: int, webapps: int) -> int:
    """Return how many hosts of the type that `active` coreapps have hold these tasks."""
    plan = planned(environment, active)
    hosts, tasks = plan.hosts, plan.tasks
    tiers = fleet(
        coreapp=(coreapps, tasks.coreapp.memory_reservation_mib),
        master=(masters, tasks.master.memory_reservation_mib),
        webapp=(webapps, tasks.webapp.memory_reservation_mib),
    )
    count = 1
    while place(empty_hosts(count, hosts.availability_zones, hosts.task_memory_mib, hosts.tasks_per_host), tiers):
        count += 1
    return count


@dataclass
class Stack:
    """A stack whose hosts have the type of its first size; another one rolls in long after an update."""

    environment: str
    active: int
    maximum: int = 0
    desired: dict[str, int] = field(default_factory=dict)
    running: dict[str, int] = field(default_factory=dict)
    short: list[str] = field(default_factory=list)
    """Steps after which fewer hosts are allowed than the running tasks need."""
    stuck: list[str] = field(default_factory=list)
    """Steps for which CloudFormation would wait: a service that does not become steady."""

    def __post_init__(self) -> None:
        plan = planned(self.environment, self.active)
        self.maximum, self.desired, self.running = plan.hosts.maximum, declared(plan), declared(plan)

    def needed(self, running: dict[str, int]) -> int:
        return hosts_for(self.environment, self.active, *(running[role] for role in ROLES))

    def schedule(self) -> None:
        """Stop what is too much and start what finds a place, as ECS does."""
        for role in ROLES:
            self.running[role] = min(self.running[role], self.desired[role])
            while self.running[role] < self.desired[role]:
                more = self.running | {role: self.running[role] + 1}
                if self.needed(more) > self.maximum:
                    break
                self.running = more

    def step(self, name: str, old: Plan, new: Plan, *, rolling_back: bool) -> None:
        """Let CloudFormation update one resource from `old` to `new`, and note what is wrong afterwards."""
        before, after = declared(old), declared(new)
        if name == BEFORE:
            waiting = True
            while waiting:
                waiting = False
                for role in ROLES:
                    seen = Seen(self.desired[role], self.running[role])
                    step = next_step(before[role], after[role], seen, rolling_back=rolling_back)
                    if step.desired is not None:
                        self.desired[role] = step.desired
                    waiting |= step.wait
                self.schedule()
        elif name == GROUP:
            self.maximum = new.hosts.maximum
        elif before[name] != after[name]:
            self.desired[name] = after[name]
        if self.needed(self.running) > self.maximum:
            self.short.append(name)
        self.schedule()
        if name in ROLES and before[name] != after[name] and self.running[name] < self.desired[name]:
            self.stuck.append(name)


def orders_of(template: Template) -> list[tuple[str, ...]]:
    """Return every order in which the resources of a resize can be updated, by what waits for what in a template."""
    ids = {BEFORE: BEFORE}
    (ids[GROUP],) = template.of("AWS::AutoScaling::AutoScalingGroup")
    for role in ROLES:
        (ids[role],) = template.of("AWS::ECS::Service", f"Client{role}")
    waits = {name: {other for other, key in ids.items() if key in template.waits_for(ids[name])} for name in ids}
    return [
        order
        for order in permutations(ids)
        if all(waits[name] - {name} <= set(order[:turn]) for turn, name in enumerate(order))
    ]


@pytest.fixture(scope="module", params=[{}, {"manage_shards": "true"}], ids=["plain", "shards"])
def orders(request: pytest.FixtureRequest, synth: Synth) -> list[tuple[str, ...]]:
    found = orders_of(synth(**request.param).enterprise)
    assert {order[:2] for order in found} == {(BEFORE, GROUP)}, "the services come after both"
    return found


def updated(environment: str, old: int, new: int, started: Sequence[str]) -> Stack:
    """Return a stack of the old size after the steps of an update to the new one that have started."""
    stack = Stack(environment, old)
    for name in started:
        stack.step(name, planned(environment, old), planned(environment, new), rolling_back=False)
    return stack


def rolled_back(
    environment: str, old: int, new: int, started: Sequence[str], order: Iterable[str], *, restored: bool = True
) -> Stack:
    """Return the stack after an update that fails once `started` have started, and that is taken back in an order.

    What has not started hears nothing of the rollback. EventBridge tells of its beginning, unless `restored` is False.
    """
    stack = updated(environment, old, new, started)
    if restored:
        stack.maximum = restored_maximum(stack.maximum, planned(environment, old).hosts.maximum) or stack.maximum
    for name in order:
        stack.step(name, planned(environment, new), planned(environment, old), rolling_back=True)
    return stack


def failures(orders: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return every set of steps that an update may have started when it fails, each in one order of their start."""
    prefixes = {frozenset(order[:count]): order[:count] for order in orders for count in range(1, len(order) + 1)}
    assert len(prefixes) >= 5, "each resource more, at least"
    return list(prefixes.values())


def assert_settled(stack: Stack, active: int) -> None:
    size = planned(stack.environment, active)
    assert stack.desired == stack.running == declared(size)
    assert stack.maximum == size.hosts.maximum


@pytest.mark.parametrize(("environment", "old", "new"), PAIRS)
def test_a_deploy_never_allows_fewer_hosts_than_the_tasks_need(
    orders: list[tuple[str, ...]], environment: str, old: int, new: int
) -> None:
    for order in orders:
        stack = updated(environment, old, new, order)
        assert (stack.short, stack.stuck) == ([], []), order
        assert_settled(stack, new)


@pytest.mark.parametrize("direction", [1, -1], ids=["dependency", "reverse"])
@pytest.mark.parametrize(("environment", "old", "new"), PAIRS)
def test_a_rollback_in_the_order_of_dependencies_or_against_it_never_does_either(
    orders: list[tuple[str, ...]], environment: str, old: int, new: int, direction: int
) -> None:
    for started in failures(orders):
        stack = rolled_back(environment, old, new, started, started[::direction])
        assert (stack.short, stack.stuck) == ([], []), started
        assert_settled(stack, old)


def lowers_the_cap_too_early(order: Sequence[str]) -> bool:
    """Return whether an order of rollback gives the group its old cap before anything has lowered the coreapps."""
    turns = {name: turn for turn, name in enumerate(order)}
    return GROUP in turns and "Coreapp" in turns and turns[GROUP] < min(turns[BEFORE], turns["Coreapp"])


@pytest.mark.parametrize(("environment", "old", "new"), PAIRS)
def test_of_all_other_orders_of_rollback_those_fail_that_are_named_and_all_of_them_heal(
    synth: Synth, environment: str, old: int, new: int
) -> None:
    # docs/resize.md names them: after a failed raise, the group before HostsBefore and before the coreapps.
    more = declared(planned(environment, new))["Coreapp"] > declared(planned(environment, old))["Coreapp"]
    tasks = declared(planned(environment, new))
    needed = hosts_for(environment, old, *(tasks[role] for role in ROLES))
    fails = more and needed > planned(environment, old).hosts.maximum
    for started in failures(orders_of(synth().enterprise)):
        for order in permutations(started):
            stack = rolled_back(environment, old, new, started, order)
            assert bool(stack.short) is (fails and lowers_the_cap_too_early(order)), order
            assert stack.stuck == [], order
            assert_settled(stack, old)


def test_how_many_orders_of_rollback_drain_hosts_in_use(synth: Synth) -> None:
    started = max(failures(orders_of(synth().enterprise)), key=len)
    short = [order for order in permutations(started) if rolled_back("production", 4, 32, started, order).short]
    # A third of all orders: those that take the group first of it, HostsBefore and the coreapps.
    assert (len(short), len(list(permutations(started)))) == (40, 120)


def test_without_the_event_of_the_rollback_only_an_order_against_the_dependencies_waits_for_hosts(
    orders: list[tuple[str, ...]],
) -> None:
    for started in failures(orders):
        forwards = rolled_back("production", 32, 4, started, started, restored=False)
        backwards = rolled_back("production", 32, 4, started, started[::-1], restored=False)
        assert (forwards.short, forwards.stuck) == ([], [])
        assert (backwards.short, backwards.stuck) == ([], ["Coreapp"] if "Coreapp" in started else [])
