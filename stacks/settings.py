"""What a deployment is made from: the context of `cdk.json` with `-c key=value` on top, checked all at once.

A named deployment is an object below `deployments` in `cdk.json`; `-c deployment=NAME` picks one, and every other key
overrides that deployment's value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from multiconnect.certificates import certificate_regions
from multiconnect.network import MAX_AVAILABILITY_ZONES
from sizing import Plan, SizingError, plan
from stacks.log_retention import LOG_RETENTION_DAYS

MOST_STORAGE_GIB = 65_536
"""What RDS for MySQL takes on gp3: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html"""

FOREIGN_KEY = re.compile(r"[:/]|^(cli-|tree$|debug$)")
"""Context keys of the CDK itself (feature flags, look-ups, CLI switches) hold a colon or a slash; ours never do."""


class SettingsError(Exception):
    """The settings cannot be used; the message has one line for each problem."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def _comma_separated(value: object) -> object:
    """`-c key=a,b` gives text where cdk.json gives a list."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def setting(default: Any, description: str, allowed: str, **constraints: Any) -> Any:
    """Declare a settings key.

    Args:
        default: Its value when nobody gives one, or a function of the keys above it that derives it.
        description: What it decides; says how a derived default comes about.
        allowed: What may be given, for the error message.
        constraints: Passed to pydantic, such as `ge` and `pattern`.
    """
    fallback = {"default_factory": default} if callable(default) else {"default": default}
    return Field(**fallback, description=description, json_schema_extra={"allowed": allowed}, **constraints)


def by_environment(*, production: Any, staging: Any) -> Callable[[Mapping[str, Any]], Any]:
    """Derive a default from the environment."""
    return lambda known: production if known["environment"] == "production" else staging


def _no_switch(value: object) -> object:
    """Python takes true for 1; a person who writes it for a number means something else."""
    if isinstance(value, bool):
        raise ValueError("a number is expected")
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_comma_separated)]
Whole = Annotated[int, BeforeValidator(_no_switch)]
TRUE_OR_FALSE = "true or false"
ANY_WHOLE_NUMBER = "a whole number, 0 or more"


class Settings(BaseModel):
    """One deployment, complete and consistent: a value of this type can be deployed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    deployment: str = setting("production", "Which deployment of cdk.json.", "a name below `deployments`")
    environment: Literal["production", "staging"] = setting(
        "production", "Chooses defaults (M-16) and how strictly data is kept.", "production, staging"
    )
    name: str = setting(
        lambda known: f"wa-{known['environment']}",
        "Prefix of the four stacks. Default: wa-<environment>.",
        "3 to 40 lower-case letters, digits and single hyphens, a letter first",
        pattern=r"^[a-z](-?[a-z0-9])+$",
        min_length=3,
        max_length=40,
    )
    region: str = setting("us-east-1", "Where it is deployed.", "a region that certificates are shipped for")
    account: str | None = setting(
        None,
        "Whose account. Default: that of the credentials at deploy time.",
        "12 digits",
        pattern=r"^\d{12}$",
    )

    active_coreapps: Whole | None = setting(
        None,
        "Coreapps that serve a shard each (M-15). Default: from messages_per_second, else by environment.",
        "1, 2, 4, 8, 16, 32",
    )
    messages_per_second: Annotated[float, BeforeValidator(_no_switch)] | None = setting(
        None, "Expected API rate (M-18). Default: what the active coreapps are rated for.", "a number, 0 or more"
    )
    message_type: str = setting("text", "What is sent most; media needs larger coreapps.", "a type that sizing knows")
    spares: Whole = setting(
        1, "Coreapps beside the active ones; each replaces one that failed (M-5).", ANY_WHOLE_NUMBER, ge=0
    )
    webs: Whole | None = setting(None, "Webapps. Default: by environment (M-16).", "a whole number, 1 or more", ge=1)
    masters: Whole | None = setting(None, "Masters. Default: by environment (M-16).", "a whole number, 2 or more", ge=2)
    host_type: str | None = setting(
        None,
        "EC2 type of the hosts. Default: the cheapest that fits (D-1).",
        "an x86_64 EC2 type such as c5.large",
    )
    host_families: Names | None = setting(
        None, "EC2 families to choose from. Default: all.", "families with commas, such as c6i,m6i"
    )
    eni_trunking: bool = setting(True, "More tasks per host, for the hosts' role alone (D-4).", TRUE_OR_FALSE)

    engine: Literal["mysql"] = setting(
        "mysql", "Database engine (D-9). Others can be sized, not yet deployed.", "mysql"
    )
    engine_version: str = setting(
        "8.4.9", "MySQL version at the start.", "a minor version of MySQL 8.4", pattern=r"^8\.4\.\d+$"
    )
    database_class: str | None = setting(
        None,
        "RDS class. Default: the cheapest that fits (D-3).",
        "a class that can be ordered, such as db.m7g.large",
    )
    database_families: Names | None = setting(
        None, "RDS families to choose from. Default: all.", "families with commas, such as m7g,r7g"
    )
    database_storage_gib: Whole = setting(
        by_environment(production=100, staging=20),
        "gp3 storage in GiB at the start. Default: 100 in production, 20 in staging.",
        f"20 to {MOST_STORAGE_GIB * 10 // 11}, so that it can grow by a tenth",
        ge=20,
        le=MOST_STORAGE_GIB * 10 // 11,
    )
    database_max_storage_gib: Whole = setting(
        lambda known: min(10 * known["database_storage_gib"], MOST_STORAGE_GIB),
        "How far storage grows by itself, in GiB. Default: ten times the start.",
        f"22 to {MOST_STORAGE_GIB}",
        ge=22,
        le=MOST_STORAGE_GIB,
    )
    database_user: Literal["client", "master"] = setting(
        "client",
        "Whose login the client uses: its own (D-6), or RDS's master where no server runs.",
        "client, master",
    )
    tls: bool = setting(True, "Encrypt and require encryption of database connections (M-18, D-6).", TRUE_OR_FALSE)
    allow_plaintext_database: bool = setting(False, "Lets production turn tls off.", TRUE_OR_FALSE)

    availability_zones: Whole = setting(
        by_environment(production=3, staging=2),
        "Zones, in the order of their names. Default: 3 in production, 2 in staging.",
        f"2 to {MAX_AVAILABILITY_ZONES}",
        ge=2,
        le=MAX_AVAILABILITY_ZONES,
    )
    vpc_cidr: str = setting("10.0.0.0/16", "The VPC's addresses.", "a private IPv4 range, /16 to /20")
    nat_gateways: Whole = setting(
        lambda known: known["availability_zones"] if known["environment"] == "production" else 1,
        "Ways out to WhatsApp. Default: one per zone in production, one in staging.",
        "1 to the number of zones",
        ge=1,
    )
    interface_endpoints: bool = setting(
        by_environment(production=True, staging=False),
        "Reach AWS without NAT. Default: in production.",
        TRUE_OR_FALSE,
    )
    load_balancer_scheme: Literal["internal", "internet-facing"] = setting(
        "internal", "Where the API is reached from.", "internal, internet-facing"
    )
    allowed_cidrs: Names = setting(
        lambda known: (known["vpc_cidr"],), "Who may call the API. Default: the VPC.", "IP ranges with commas"
    )

    registry: str = setting(
        "docker.whatsapp.biz",
        "Registry of the client's images.",
        "a registry without scheme, such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com/whatsapp",
        pattern=r"^[a-z0-9][a-z0-9.:-]*(/[a-z0-9._-]+)*$",
    )
    image_tag: str = setting(
        "v2.61.1",
        "Tag of the client's images.",
        "an image tag",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$",
    )

    manage_shards: bool = setting(
        False,
        "A deploy that changes active_coreapps also sets the shards, in the documented order (D-8). Turn it on when a "
        "number is registered and shards_secret is filled in.",
        TRUE_OR_FALSE,
    )
    shards_secret: str = setting(
        lambda known: f"{known['name']}/client-account",
        "Secrets Manager secret with login, number and certificate (docs/runbooks.md). Default: <name>/client-account.",
        "the name of a secret",
        pattern=r"^[A-Za-z0-9/_+=.@-]{1,512}$",
    )
    shards_endpoint: str | None = setting(
        None,
        "Where the client's API is. Default: the load balancer.",
        "https://<host>[:<port>]",
        pattern=r"^https://[^/]+$",
    )
    shards_ca_parameter: str | None = setting(
        None,
        "SSM parameter with the certificate authority of the client's API. Default: the public ones.",
        "the name of a parameter",
        pattern=r"^/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$",
    )
    certificate_max_age_days: Whole = setting(
        30, "How old the operator's confirmation of the certificate may be (M-11).", "1 to 365", ge=1, le=365
    )

    log_retention_days: Whole = setting(
        by_environment(production=365, staging=30),
        "How long logs are kept. Default: 365 in production, 30 in staging.",
        ", ".join(map(str, LOG_RETENTION_DAYS)),
    )
    alarm_email: str | None = setting(
        None,
        "Who hears the alarms. Default: nobody.",
        "an e-mail address",
        pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
    )
    backup_retention_days: Whole = setting(
        by_environment(production=14, staging=1),
        "Database backups. Default: 14 in production, 1 in staging.",
        "1 to 35",
        ge=1,
        le=35,
    )
    delete_data_with_stack: bool = setting(
        False, "Let data, keys and secrets go with the stacks (D-11); never in production.", TRUE_OR_FALSE
    )

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> tuple[Self, Plan]:
        """Check everything that the context says and return the settings with the plan that follows from them.

        Args:
            context: All context of the app, that of `cdk.json` and of `-c` merged.

        Raises:
            SettingsError: With every problem: key, value given, what is allowed.

        >>> settings, plan = Settings.from_context({"deployments": {"production": {}}, "active_coreapps": "8"})
        >>> settings.name, plan.coreapps, plan.hosts.maximum
        ('wa-production', 9, 5)
        """
        deployments = _deployments(context)
        given = {key: value for key, value in context.items() if key != "deployments" and not FOREIGN_KEY.search(key)}
        name = given.get("deployment", "production")
        if not isinstance(name, str) or name not in deployments:
            known = ", ".join(sorted(deployments)) or "none: cdk.json holds no `deployments`"
            raise SettingsError([_problem("deployment", name, known)])
        values = {**deployments[name], **given, "deployment": name}
        try:
            settings = cls.model_validate(values)
        except ValidationError as error:
            # A default that is derived from a rejected key is no problem of its own.
            rejected = {str(found["loc"][0]): found["type"] for found in error.errors() if found["loc"][0] in values}
            problems = [cls._explain(key, values[key], kind) for key, kind in rejected.items()]
            # Judge what is sound as well, so that a second run brings no second list.
            sound = {key: value for key, value in values.items() if key not in rejected}
            raise SettingsError(problems + cls.model_validate(sound)._check(sound)[1]) from None
        result, problems = settings._check(values)
        if result is None or problems:
            raise SettingsError(problems)
        return settings, result

    @classmethod
    def _explain(cls, key: str, value: object, kind: str) -> str:
        if kind == "extra_forbidden":
            return _problem(key, value, "no such key; known keys: " + ", ".join(sorted(cls.model_fields)))
        return _problem(key, value, str(cls.model_json_schema()["properties"][key]["allowed"]))

    def _check(self, given: Mapping[str, Any]) -> tuple[Plan | None, list[str]]:
        """Check what only several keys together can tell, and make the plan; `given` is shown as it was written."""
        problems = self._production_problems() + self._network_problems()
        if self.log_retention_days not in LOG_RETENTION_DAYS:
            problems.append(self._explain("log_retention_days", self.log_retention_days, "value"))
        if self.region not in certificate_regions():
            problems.append(_problem("region", self.region, ", ".join(certificate_regions())))
        if self.database_max_storage_gib < 1.1 * self.database_storage_gib:
            problems.append(
                _problem(
                    "database_max_storage_gib",
                    self.database_max_storage_gib,
                    f"at least 10 % above database_storage_gib, {self.database_storage_gib}",
                )
            )
        try:
            return self._plan(), problems
        except SizingError as error:
            said = {problem.partition(":")[0] for problem in problems}
            return None, problems + [
                _problem(
                    found.parameter, given.get(found.parameter, found.value), found.message.removeprefix("allowed ")
                )
                for found in error.problems
                if found.parameter not in said
            ]

    def _plan(self) -> Plan:
        return plan(
            self.active_coreapps,
            self.messages_per_second,
            tls=self.tls,
            environment=self.environment,
            engine=self.engine,
            region=self.region,
            message_type=self.message_type,
            spares=self.spares,
            webs=self.webs,
            masters=self.masters,
            database_class=self.database_class,
            database_families=self.database_families,
            database_storage_gib=self.database_storage_gib,
            host_type=self.host_type,
            host_families=self.host_families,
            eni_trunking=self.eni_trunking,
            availability_zones=self.availability_zones,
            nat_gateways=self.nat_gateways,
            interface_endpoints=self.interface_endpoints,
        )

    def _production_problems(self) -> list[str]:
        if self.environment != "production":
            return []
        problems = []
        if not self.tls and not self.allow_plaintext_database:
            problems.append(_problem("tls", False, "true in production, or set allow_plaintext_database=true as well"))
        if self.database_user == "master":
            problems.append(
                _problem("database_user", "master", "client in production: the master may do everything (D-6)")
            )
        if self.delete_data_with_stack:
            problems.append(
                _problem("delete_data_with_stack", True, "false in production: data outlives its stack (D-11)")
            )
        return problems

    def _network_problems(self) -> list[str]:
        problems = []
        if self.nat_gateways > self.availability_zones:
            problems.append(
                _problem("nat_gateways", self.nat_gateways, f"1 to {self.availability_zones}, one per zone")
            )
        network = _network(self.vpc_cidr)
        if network is None or network.version != 4 or not network.is_private or not 16 <= network.prefixlen <= 20:
            problems.append(
                _problem("vpc_cidr", self.vpc_cidr, "a private IPv4 range, /16 to /20, such as 10.0.0.0/16")
            )
        if "allowed_cidrs" in self.model_fields_set:  # else it follows the VPC's, which is judged above
            problems += [
                _problem("allowed_cidrs", cidr, "IP ranges such as 10.0.0.0/8, without host bits")
                for cidr in self.allowed_cidrs
                if _network(cidr) is None
            ]
        return problems


def _network(cidr: str) -> Any:
    try:
        return ip_network(cidr)
    except ValueError:
        return None


def _deployments(context: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    deployments = context.get("deployments", {})
    if not isinstance(deployments, Mapping):
        raise SettingsError([_problem("deployments", deployments, "an object with one entry for each deployment")])
    problems = [
        _problem(f"deployments.{name}", values, "an object of settings keys")
        for name, values in deployments.items()
        if not isinstance(values, Mapping)
    ]
    if problems:
        raise SettingsError(problems)
    return deployments


def _problem(key: str, value: object, allowed: str) -> str:
    shown = str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, str) else value
    line = f"{key}: got {shown}; allowed: {allowed}"
    # A line break in a key or a name must not make two lines.
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line)
