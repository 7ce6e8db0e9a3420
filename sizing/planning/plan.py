"""`plan`: from a number of coreapps or a rate to everything that has to be built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sizing.connections.estimate import ConnectionEstimate, Estimator, estimate_connections
from sizing.engines import ENGINES
from sizing.errors import Problem, SizingError
from sizing.facts import published
from sizing.facts.catalogue import DatabaseClass, HostType
from sizing.planning import placement
from sizing.planning.choice import Choice, choose_database, choose_host, fleet, task_limit
from sizing.planning.cost import MonthlyCost, monthly_cost
from sizing.planning.model import Alternatives, Database, Hosts, Plan, Tasks, TaskSize
from sizing.planning.reasons import reasons
from sizing.planning.request import Request, host_cap, problems_of

# A task is stopped at twice what it reserves: a leak ends its own task before it starves the host of others.
LIMIT_PER_RESERVATION: Final = 2


def plan(
    active_coreapps: int | None = None,
    messages_per_second: float | None = None,
    *,
    tls: bool = True,
    environment: str = "production",
    engine: str = "mysql",
    engine_version: str | None = None,
    region: str = "us-east-1",
    message_type: str = "text",
    model: Estimator | None = None,
    spares: int = 1,
    webs: int | None = None,
    masters: int | None = None,
    database_class: str | None = None,
    host_type: str | None = None,
    database_families: Sequence[str] | None = None,
    host_families: Sequence[str] | None = None,
    database_architecture: str | None = None,
    minimum_database_generation: int = 0,
    minimum_host_generation: int = 0,
    host_vcpu_per_coreapp: float = 0.0,
    eni_trunking: bool = True,
    availability_zones: int | None = None,
    database_storage_gib: int | None = None,
    nat_gateways: int | None = None,
    interface_endpoints: bool = True,
    without_endpoints: Sequence[str] = (),
    historical: bool = False,
) -> Plan:
    """Size a Multiconnect cluster.

    Host type and database class are the cheapest that satisfy every constraint. Hosts (D-1): the whole fleet's reserved
    memory and network interfaces fit under the cap of M-17 with one host lost, on a real placement. Database (D-3):
    expected connections at most 50 % of the class's limit and high ones at most 90 %; at least 2 vCPU up to
    20 messages/s, 4 up to 40, 8 up to 100, 16 up to 250 and 32 beyond; nothing burstable in production.

    Args:
        active_coreapps: Coreapps that serve a shard: 1, 2, 4, 8, 16 or 32 (M-2). Default: what the vendor's AWS map
            gives for `messages_per_second`; without either 2 in production and 1 in staging (M-16). For 1, where M-17
            gives no cap, the cap is the environment's default number of hosts.
        messages_per_second: API rate in messages/s. Default: the greatest supported rate that the map associates with
            the active coreapps; 10 for 1.
        tls: Encrypt connections to the database. Default True.
        environment: "production" (default) or "staging".
        engine: "mysql" (default), "aurora-mysql" or "postgres".
        engine_version: Major version for which the class must be orderable. Default "8.4" for MySQL, "8.0" for Aurora.
        region: AWS region. Default "us-east-1".
        message_type: "text" (default), "audio", "doc", "video", "image1MB", "image2MB" or "image4MB"; heavier ones
            make a coreapp reserve more memory.
        model: What `sizing.calibrate` returned, to replace the published points. Default None.
        spares: Coreapps beyond the shards: the X of M-5. Default 1 (M-15).
        webs: Web containers. Default 3 in production, 2 in staging (M-16).
        masters: Master containers. Default as `webs`.
        database_class: Class to use instead of the cheapest; must satisfy the constraints.
        host_type: Type to use instead of the cheapest; must satisfy the constraints.
        database_families: Families to choose from, such as ("m7g", "r7g"). Default all.
        host_families: The same for hosts.
        database_architecture: "x86_64" or "arm64". Default either.
        minimum_database_generation: Least generation of a database family, such as 6 for m6g. Default 0.
        minimum_host_generation: The same for hosts.
        host_vcpu_per_coreapp: Virtual CPUs that the hosts must have for every active coreapp, with one lost. Default 0:
            memory alone decides, as in M-17. The vendor's last templates come to 1 in their cost-effective layout.
        eni_trunking: Count on ENI trunking (D-4). Default True.
        availability_zones: 2, 3 or 4. Default 3 in production, 2 in staging, and at most as many as every account has
            in the region.
        database_storage_gib: Storage in GiB, for the cost. Default 100 in production, 20 in staging.
        nat_gateways: NAT gateways, for the cost. Default one a zone in production, 1 in staging.
        interface_endpoints: Count interface endpoints in the cost. Default True.
        without_endpoints: Services whose endpoint the cost leaves out, of `INTERFACE_ENDPOINTS`. Default none.
        historical: Let retired classes compete, to compare with the published release; not for a deployment.
            Default False.

    Returns:
        The plan, with its reasons.

    Raises:
        SizingError: With every bad argument at once, what is allowed and how to mend it.

    Example:
        >>> answer = plan(messages_per_second=120)
        >>> answer.active_coreapps, answer.coreapps, answer.hosts.maximum
        (16, 17, 8)
        >>> plan(3, spares=-1)
        Traceback (most recent call last):
        sizing.errors.SizingError: active_coreapps: got 3; allowed 1, 2, 4, 8, 16, 32 (M-2), ...
        spares: got -1; allowed a whole number from 0
    """
    # The request has a field for each argument, under the same name, so that no argument can end up in another's field.
    # This must stay the first statement: until another variable exists, `locals()` holds the arguments alone.
    request = Request(**locals())
    if problems := problems_of(request):
        raise SizingError(problems)
    estimate = (model.estimate if model else estimate_connections)(request.active, request.rate, tls)
    by_host, host_problems = choose_host(request)
    by_class, class_problems = choose_database(request, estimate)
    if by_host.chosen is None or by_class.chosen is None:
        raise SizingError(_fewer_spares(request, host_problems) + class_problems)
    return _assemble(request, estimate, by_host, by_host.chosen, by_class, by_class.chosen)


def _fewer_spares(request: Request, problems: list[Problem]) -> list[Problem]:
    """Turn "the hosts do not hold it" into how many spares fit, when fewer spares, but at least one, would."""
    if problems:
        for fewer in range(request.spares - 1, 0, -1):
            if choose_host(replace(request, spares=fewer))[0].chosen is not None:
                allowed = f"0 to {fewer} under the cap of {request.cap} hosts: {problems[0].message}"
                return [Problem("spares", request.spares, allowed)]
    return problems


def _one_at_a_time(count: int, spares: int) -> int:
    """Return the largest minimumHealthyPercent that lets ECS stop a task; it rounds the tasks to keep up.

    With `count` tasks, floor(100 * (count - 1) / count) percent keeps exactly count - 1 of them. Without a spare,
    or with one task only, none may stop: ECS then starts the new task first, as the maximum of 200 % lets it.

    Example:
        >>> _one_at_a_time(3, 1), _one_at_a_time(33, 1), _one_at_a_time(2, 0)
        (66, 96, 100)
    """
    return 100 * (count - 1) // count if spares and count > 1 else 100


def _assemble(
    request: Request,
    estimate: ConnectionEstimate,
    by_host: Choice[HostType],
    host: HostType,
    by_class: Choice[DatabaseClass],
    db: DatabaseClass,
) -> Plan:
    coreapp, master, webapp = fleet(request)
    memory = placement.task_memory_mib(host.memory_mib)
    zones = request.zones
    limit = ENGINES[request.engine].max_connections(db.memory_gib)
    placed = placement.empty_hosts(request.cap, zones, memory, task_limit(host, request))
    placement.place(placed, (coreapp, master, webapp))
    hosts = Hosts(
        instance_type=host.name,
        minimum=request.defaults.hosts,
        maximum=request.cap,
        vcpu=host.vcpu,
        memory_mib=host.memory_mib,
        task_memory_mib=memory,
        agent_memory_mib=placement.agent_memory_mib(host.memory_mib),
        tasks_per_host=task_limit(host, request),
        eni_trunking=request.eni_trunking,
        coreapps_per_host=max(each.tasks.get(coreapp.name, 0) for each in placed),
        spare_coreapps=sum(min(each.free_mib // coreapp.memory_mib, each.free_tasks) for each in placed),
        availability_zones=zones,
    )

    def size(tier: placement.Tier, spares: int) -> TaskSize:
        return TaskSize(
            count=tier.number,
            memory_reservation_mib=tier.memory_mib,
            memory_limit_mib=min(LIMIT_PER_RESERVATION * tier.memory_mib, memory),
            minimum_healthy_percent=_one_at_a_time(tier.number, spares),
        )

    answer = Plan(
        active_coreapps=request.active,
        coreapps=coreapp.number,
        spares=request.spares,
        webs=webapp.number,
        masters=master.number,
        environment=request.environment,
        engine=request.engine,
        region=request.region,
        tls=request.tls,
        messages_per_second=request.rate,
        message_type=request.message_type,
        nat_gateways=request.gateways,
        hosts=hosts,
        tasks=Tasks(
            coreapp=size(coreapp, request.spares),
            webapp=size(webapp, webapp.number - 1),
            master=size(master, master.number - 1),
        ),
        database=Database(
            engine=request.engine,
            engine_version=request.version,
            instance_class=db.name,
            multi_az=request.multi_az,
            max_connections=limit,
            utilization=estimate.expected / limit,
            vcpu=db.vcpu,
            memory_gib=db.memory_gib,
            architecture=db.architecture,
            storage_gib=request.storage_gib,
        ),
        connections=estimate,
        monthly_cost=cost_of(request, host, db),
        reasons=(),
        alternatives=Alternatives(by_class.alternatives + by_host.alternatives),
        model=request.model,
    )
    return replace(answer, reasons=reasons(request, answer, by_host.price_region, by_class.price_region))


def cost_of(request: Request, host: HostType, db: DatabaseClass) -> MonthlyCost:
    """Return the cost of what was asked on hosts of type `host` with a database of class `db`."""
    return monthly_cost(
        region=request.region,
        engine=request.engine,
        instance_class=db.name,
        multi_az=request.multi_az,
        storage_gib=request.storage_gib,
        host_type=host.name,
        hosts_minimum=request.defaults.hosts,
        hosts_maximum=request.cap,
        nat_gateways=request.gateways,
        interface_endpoints=request.endpoints * request.zones,
    )


def max_hosts(active_coreapps: int, environment: str = "production") -> int:
    """Return the most EC2 hosts for a number of active coreapps (M-17).

    M-17 gives no cap for 1 active coreapp; there it is the environment's default number of hosts (M-16).

    Args:
        active_coreapps: 1, 2, 4, 8, 16 or 32.
        environment: "production" (default) or "staging"; matters for 1 active coreapp only.

    Returns:
        Hosts.

    Raises:
        SizingError: For a number or an environment that is not allowed.

    Example:
        >>> [max_hosts(active) for active in published.SHARD_COUNTS]
        [3, 3, 4, 5, 8, 15]
    """
    problems = []
    if active_coreapps not in published.SHARD_COUNTS or isinstance(active_coreapps, bool):
        counts = ", ".join(map(str, published.SHARD_COUNTS))
        problems.append(Problem("active_coreapps", active_coreapps, f"{counts} (M-2)"))
    if environment not in published.ENVIRONMENTS:
        problems.append(Problem("environment", environment, ", ".join(published.ENVIRONMENTS)))
    if problems:
        raise SizingError(problems)
    return host_cap(active_coreapps, environment)
