"""What was asked: every argument of `plan`, checked, with its defaults filled in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sizing.connections.estimate import Estimator, is_rate
from sizing.engines import ENGINES
from sizing.errors import Problem
from sizing.facts import catalogue, published
from sizing.planning.cost import INTERFACE_ENDPOINTS

# RDS storage in GiB: the least gp3 volume for MySQL and PostgreSQL, and the most for any engine.
STORAGE_GIB: Final = (20, 65536)
DEFAULT_STORAGE_GIB: Final = {"production": 100, "staging": 20}
MOST_VCPU: Final = 16  # for each coreapp: the vendor's largest host for one coreapp, a c5.4xlarge, has 16
MOST_TASKS: Final = 100  # webs or masters: far above the 3 of M-16; a mistyped 10000 would run for long


@dataclass(frozen=True, kw_only=True)
class Request:
    """The arguments of `plan` by their names; None stands for a default that depends on others.

    No field has a default here: the signature of `plan` declares each of them once.
    """

    active_coreapps: int | None
    messages_per_second: float | None
    tls: bool
    environment: str
    engine: str
    engine_version: str | None
    region: str
    message_type: str
    model: Estimator | None
    spares: int
    webs: int | None
    masters: int | None
    database_class: str | None
    host_type: str | None
    database_families: Sequence[str] | None
    host_families: Sequence[str] | None
    database_architecture: str | None
    minimum_database_generation: int
    minimum_host_generation: int
    host_vcpu_per_coreapp: float
    eni_trunking: bool
    availability_zones: int | None
    database_storage_gib: int | None
    nat_gateways: int | None
    interface_endpoints: bool
    without_endpoints: Sequence[str]
    historical: bool

    @property
    def production(self) -> bool:
        """Whether production's rules hold."""
        return self.environment == "production"

    @property
    def defaults(self) -> published.EnvironmentDefaults:
        """Counts of the environment (M-16)."""
        return published.ENVIRONMENTS[self.environment]

    @property
    def active(self) -> int:
        """Active coreapps: as asked, by the rate, or the environment's default."""
        if self.active_coreapps is not None:
            return self.active_coreapps
        if self.messages_per_second is not None:
            rate = self.messages_per_second
            return next(shards for most, shards in published.RATE_TO_COREAPPS if rate <= most)
        return self.defaults.active_coreapps

    @property
    def rate(self) -> float:
        """Rate in messages/s: as asked, or what the vendor's map associates with the active coreapps."""
        return rate_for(self.active) if self.messages_per_second is None else self.messages_per_second

    @property
    def cap(self) -> int:
        """Most hosts (M-17)."""
        return host_cap(self.active, self.environment)

    @property
    def multi_az(self) -> bool:
        """Whether the database runs in two zones: in production."""
        return self.production

    @property
    def version(self) -> str:
        """Engine version."""
        return self.engine_version or ENGINES[self.engine].versions[0]

    @property
    def zones(self) -> int:
        """Availability zones: as asked, else 3 in production and 2 in staging, as far as every account has them."""
        usual = 3 if self.production else 2
        return self.availability_zones or min(usual, len(catalogue.zones(self.region).every_account))

    @property
    def storage_gib(self) -> int:
        """Database storage, GiB."""
        return self.database_storage_gib or DEFAULT_STORAGE_GIB[self.environment]

    @property
    def gateways(self) -> int:
        """NAT gateways: one a zone in production, one in staging, unless asked otherwise."""
        if self.nat_gateways is not None:
            return self.nat_gateways
        return self.zones if self.production else 1

    @property
    def endpoints(self) -> int:
        """Interface endpoints in each zone."""
        return len(set(INTERFACE_ENDPOINTS) - set(self.without_endpoints)) if self.interface_endpoints else 0

    @property
    def coreapp_memory_mib(self) -> int:
        """Memory one coreapp reserves, MiB."""
        kind = published.MESSAGE_TYPES[self.message_type]
        return kind.mib if self.rate <= kind.rate else kind.mib_above


def host_cap(active_coreapps: int, environment: str) -> int:
    """Return the most hosts of so many active coreapps (M-17), or where it has no cap the default number (M-16)."""
    return published.HOST_CAPS.get(active_coreapps, published.ENVIRONMENTS[environment].hosts)


def rate_for(active: int) -> float:
    """Return the rate in messages/s that the vendor's map associates with `active` coreapps.

    That is the greatest supported rate of the count; the map begins at 10 messages/s, which stands for 1 coreapp.

    Example:
        >>> [rate_for(active) for active in published.SHARD_COUNTS]
        [10, 20, 40, 80, 160, 250]
    """
    supported = [
        rate for rate, shards in published.RATE_TO_COREAPPS if shards <= active and rate <= published.SUPPORTED_RATE
    ]
    return max(supported, default=published.RATE_TO_COREAPPS[0][0])


def _whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def problems_of(request: Request) -> list[Problem]:
    """Return everything that is wrong with single arguments, in the order of the signature."""
    found: list[Problem] = []

    def check(parameter: str, good: bool, allowed: str) -> bool:
        if not good:
            found.append(Problem(parameter, getattr(request, parameter), allowed))
        return good

    def one_of(parameter: str, names: Sequence[str]) -> bool:
        given = getattr(request, parameter)
        return check(parameter, isinstance(given, str) and given in names, ", ".join(names))

    def boolean(parameter: str) -> None:
        check(parameter, isinstance(getattr(request, parameter), bool), "True or False")

    counts = ", ".join(map(str, published.SHARD_COUNTS))
    active = request.active_coreapps
    active_ok = check(
        "active_coreapps",
        active is None or (_whole(active, 1, 32) and active in published.SHARD_COUNTS),
        f"{counts} (M-2), or leave it out and give messages_per_second",
    )
    rate = request.messages_per_second
    rate_ok = check("messages_per_second", rate is None or is_rate(rate), "a finite number from 0")
    if rate_ok and rate is not None and active is None:
        most = published.RATE_TO_COREAPPS[-1][0]
        rate_ok = check(
            "messages_per_second",
            rate <= most,
            f"0 to {most}, where the vendor's map ends; give active_coreapps as well to plan beyond it",
        )
    boolean("tls")
    environment_ok = one_of("environment", tuple(published.ENVIRONMENTS))
    engine_ok = one_of("engine", tuple(ENGINES))
    if engine_ok and request.engine_version is not None:
        one_of("engine_version", ENGINES[request.engine].versions)
    region_ok = one_of("region", catalogue.regions())
    one_of("message_type", tuple(published.MESSAGE_TYPES))
    check(
        "model",
        request.model is None or hasattr(request.model, "estimate"),
        "None or what sizing.calibrate returned",
    )
    if check("spares", _whole(request.spares, 0, 10**6), "a whole number from 0") and (
        active_ok and rate_ok and environment_ok
    ):
        fit = request.cap - 1
        check(
            "spares",
            request.spares <= fit,
            f"0 to {fit}: each spare covers one failed host (M-5), and of the at most {request.cap} hosts that "
            f"{request.active} active coreapps get (M-17) one must be left; more active coreapps raise the cap",
        )
    check("webs", request.webs is None or _whole(request.webs, 1, MOST_TASKS), f"1 to {MOST_TASKS}")
    check(
        "masters",
        request.masters is None or _whole(request.masters, 2, MOST_TASKS),
        f"2 to {MOST_TASKS}; high availability needs two masters",
    )
    boolean("historical")
    if engine_ok and region_ok and environment_ok:
        found += _named_class_problems(request)
    found += _named_host_problems(request, production=environment_ok and request.production)
    found += _family_problems(request)
    if request.database_architecture is not None:
        one_of("database_architecture", ("x86_64", "arm64"))
    check("minimum_database_generation", _whole(request.minimum_database_generation, 0, 99), "0 to 99")
    check("minimum_host_generation", _whole(request.minimum_host_generation, 0, 99), "0 to 99")
    per = request.host_vcpu_per_coreapp
    check("host_vcpu_per_coreapp", is_rate(per) and per <= MOST_VCPU, f"0 to {MOST_VCPU}")
    boolean("eni_trunking")
    zones = request.availability_zones
    check("availability_zones", zones is None or (_whole(zones, 2, 4)), "2, 3 or 4")
    least, most_gib = STORAGE_GIB
    storage = request.database_storage_gib
    check(
        "database_storage_gib",
        storage is None or _whole(storage, least, most_gib),
        f"{least} to {most_gib} GiB",
    )
    nat = request.nat_gateways
    check("nat_gateways", nat is None or _whole(nat, 0, 4), "0 to 4")
    boolean("interface_endpoints")
    without = request.without_endpoints
    check(
        "without_endpoints",
        not isinstance(without, str) and isinstance(without, Sequence) and set(without) <= set(INTERFACE_ENDPOINTS),
        f"a tuple of {', '.join(INTERFACE_ENDPOINTS)}",
    )
    return found


def _named_class_problems(request: Request) -> list[Problem]:
    """Return what speaks against the class asked for, before any size is known."""
    name = request.database_class
    if name is None:
        return []

    def problem(allowed: str) -> list[Problem]:
        return [Problem("database_class", name, allowed)]

    db = catalogue.database_classes().get(name) if isinstance(name, str) else None
    if db is None:
        return problem('an RDS class such as "db.m7g.large"; sizing.classes() lists them')
    if db.status == "retired":
        if request.historical:
            return []
        return problem(
            f"a class that can be created; AWS retired {db.family}, its successor is {db.successor} "
            f"({db.successor.split('.')[1]} family)"
        )
    if request.production and db.burstable and not request.historical:
        return problem("a class that is not burstable in production; take an m or r class")
    orderable = {each.name for each in catalogue.orderable(request.engine, request.region, request.version)}
    if name not in orderable:
        families = sorted({each.split(".")[1] for each in orderable})
        return problem(
            f"a class orderable for {request.engine} {request.version} in {request.region}, "
            f"of the families {', '.join(families)}"
        )
    return []


def _named_host_problems(request: Request, *, production: bool) -> list[Problem]:
    """Return what speaks against the host type asked for, before any size is known."""
    name = request.host_type
    if name is None:
        return []
    host = catalogue.host_types().get(name) if isinstance(name, str) else None
    if host is None:
        allowed = 'an x86_64 type such as "m6i.large"; sizing.hosts() lists them'
        return [Problem("host_type", name, allowed)]
    if production and host.burstable:
        allowed = "a type that is not burstable in production; take a c, m or r type"
        return [Problem("host_type", name, allowed)]
    return []


def _family_problems(request: Request) -> list[Problem]:
    """Return families that are misspelt, unknown, or retired without `historical`."""
    found = []
    classes = catalogue.database_classes().values()
    known = {db.family: db for db in classes}
    hosts = sorted({host.family for host in catalogue.host_types().values()})
    for parameter, given, choices in (
        ("database_families", request.database_families, sorted(known)),
        ("host_families", request.host_families, hosts),
    ):
        if given is None:
            continue
        if isinstance(given, str) or not isinstance(given, Sequence) or not given:
            found.append(Problem(parameter, given, f'a tuple of families such as ("{choices[-1]}",)'))
            continue
        wrong = [family for family in given if family not in choices]
        if wrong:
            found.append(Problem(parameter, given, ", ".join(choices)))
            continue
        if parameter == "host_families" or request.historical:
            continue
        for family in given:
            if known[family].status == "retired":
                successor = known[family].successor.split(".")[1]
                allowed = f"families that can be created; AWS retired {family}, its successor is {successor}"
                found.append(Problem(parameter, given, f"{allowed}; historical=True compares with it"))
    return found
