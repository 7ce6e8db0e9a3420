"""The answer: a frozen plan and its parts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sizing.connections.estimate import ConnectionEstimate, Estimator
from sizing.door import show
from sizing.planning.cost import MonthlyCost

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Hosts:
    """The EC2 hosts.

    Attributes:
        instance_type: Such as "m6i.large".
        minimum: Hosts that always run: the environment's default (M-16).
        maximum: The cap (M-17). A fleet that runs at its cap has one host more while another one drains to be replaced
            (T-26).
        vcpu: Virtual CPUs of one host.
        memory_mib: Nominal memory of one host, MiB.
        task_memory_mib: Memory that tasks can reserve on one host, MiB; 87.5 % of the nominal.
        agent_memory_mib: Value for ECS_RESERVED_MEMORY, MiB; 5 % of the nominal.
        tasks_per_host: Tasks that one host's network interfaces allow (D-4).
        eni_trunking: Whether `tasks_per_host` counts on ENI trunking.
        coreapps_per_host: Most coreapps on one host, at the cap.
        spare_coreapps: Coreapps that still fit at the cap with every host up: room for a rolling deployment.
        availability_zones: Zones over which the hosts are spread.
    """

    instance_type: str
    minimum: int
    maximum: int
    vcpu: int
    memory_mib: int
    task_memory_mib: int
    agent_memory_mib: int
    tasks_per_host: int
    eni_trunking: bool
    coreapps_per_host: int
    spare_coreapps: int
    availability_zones: int


@dataclass(frozen=True, slots=True)
class TaskSize:
    """One ECS service.

    Attributes:
        count: Tasks.
        memory_reservation_mib: Memory a task reserves, MiB; what placement and scaling count.
        memory_limit_mib: Memory at which a task is stopped, MiB.
        minimum_healthy_percent: Lets ECS stop one task at a time, never more; ECS rounds the tasks to keep up.
        maximum_percent: 200; rebalancing over zones needs more than 100.
    """

    count: int
    memory_reservation_mib: int
    memory_limit_mib: int
    minimum_healthy_percent: int
    maximum_percent: int = 200


@dataclass(frozen=True, slots=True)
class Tasks:
    """The three ECS services."""

    coreapp: TaskSize
    webapp: TaskSize
    master: TaskSize


@dataclass(frozen=True, slots=True)
class Database:
    """The database.

    Attributes:
        engine: "mysql", "aurora-mysql" or "postgres".
        engine_version: Major version the class was checked for; "any" for PostgreSQL.
        instance_class: Such as "db.m7g.large".
        multi_az: Two zones: RDS Multi-AZ, or an Aurora writer and reader.
        max_connections: Default limit of the class.
        utilization: Expected connections as a share of `max_connections`.
        vcpu: Virtual CPUs.
        memory_gib: Nominal memory, GiB.
        architecture: "x86_64" or "arm64".
        storage_gib: Storage, GiB.
    """

    engine: str
    engine_version: str
    instance_class: str
    multi_az: bool
    max_connections: int
    utilization: float
    vcpu: int
    memory_gib: float
    architecture: str
    storage_gib: int


@dataclass(frozen=True, slots=True)
class Alternative:
    """A runner-up.

    Attributes:
        kind: "database" or "host".
        name: Class or instance type.
        usd_per_hour: Listed price of one instance, or None.
        reason: Why it lost.
    """

    kind: str
    name: str
    usd_per_hour: float | None
    reason: str


class Alternatives(tuple[Alternative, ...]):
    """Runners-up, cheapest first; a tuple that a notebook shows as a table."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        """Return a small table for a notebook."""
        return str(show("html", "alternatives_html", self))


@dataclass(frozen=True, slots=True)
class Plan:
    """What to build, and why.

    Attributes:
        active_coreapps: Coreapps that serve shards: the number to give to Set Shards (M-20a).
        coreapps: Coreapps to run: active and spares (M-5, M-15).
        spares: Coreapps beyond the shards.
        webs: Web containers.
        masters: Master containers.
        environment: "production" or "staging".
        engine: Database engine.
        region: AWS region.
        tls: Whether connections to the database are encrypted.
        messages_per_second: Rate planned for.
        message_type: Kind of message planned for.
        nat_gateways: NAT gateways that the cost counts.
        hosts: The EC2 hosts.
        tasks: The ECS services.
        database: The database.
        connections: Database connections needed.
        monthly_cost: Itemised cost.
        reasons: Why, as sentences.
        alternatives: The next five database classes and host types, with the reason each lost.
        model: What estimated the connections; None for the published points. Not in `to_dict`.
    """

    active_coreapps: int
    coreapps: int
    spares: int
    webs: int
    masters: int
    environment: str
    engine: str
    region: str
    tls: bool
    messages_per_second: float
    message_type: str
    nat_gateways: int
    hosts: Hosts
    tasks: Tasks
    database: Database
    connections: ConnectionEstimate
    monthly_cost: MonthlyCost
    reasons: tuple[str, ...]
    alternatives: Alternatives = field(default_factory=Alternatives)
    model: Estimator | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain dicts, lists, strings and numbers, ready for `json.dumps`.

        Example:
            >>> from sizing import plan
            >>> plan(2).to_dict()["hosts"]["maximum"]
            3
        """
        whole = asdict(replace(self, model=None))
        del whole["model"]
        whole["reasons"] = list(self.reasons)
        whole["alternatives"] = [asdict(alternative) for alternative in self.alternatives]
        whole["monthly_cost"] = self.monthly_cost.to_dict()
        return whole

    def explain(self) -> str:
        """Return every figure of the plan with its source and date, as text."""
        return str(show("text", "explain", self))

    def plot(self) -> Figure:
        """Draw connections against the rate, with the interval and the limits of the class (needs matplotlib)."""
        figure: Figure = show("plots", "connections", self)
        return figure

    def _repr_html_(self) -> str:
        """Return a small table for a notebook, readable on light and dark ground."""
        return str(show("html", "plan_html", self))
