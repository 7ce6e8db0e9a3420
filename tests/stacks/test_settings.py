"""Settings: what is taken, and that everything else is refused with one line for each problem."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sizing
from multiconnect.certificates import certificate_regions
from sizing.facts.catalogue import orderable
from stacks.log_retention import LOG_RETENTION_DAYS
from stacks.retention import Retention
from stacks.settings import Settings, SettingsError
from tests.assembly import CDK_CONTEXT, DEPLOYMENTS

KEYS = tuple(Settings.model_fields)


def load(**context: Any) -> Settings:
    return Settings.from_context({**CDK_CONTEXT, **context})[0]


def refusal(context: dict[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_context({**CDK_CONTEXT, **context})
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.problems), "one line for each problem"
    return lines


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("active_coreapps", "8", 8),
        ("messages_per_second", "120.5", 120.5),
        ("spares", "0", 0),
        ("tls", "true", True),
        ("interface_endpoints", "false", False),
        ("database_families", "m7g, r7g", ("m7g", "r7g")),
        ("allowed_cidrs", "10.0.0.0/8,192.168.0.0/16", ("10.0.0.0/8", "192.168.0.0/16")),
        ("account", "012345678901", "012345678901"),
    ],
)
def test_text_of_the_command_line_is_read_as_the_keys_type(key: str, text: str, value: object) -> None:
    assert getattr(load(**{key: text}), key) == value


def test_the_command_line_overrides_the_deployment_and_the_deployment_the_default() -> None:
    assert load(deployment="local").active_coreapps == 2
    assert load(deployment="local", active_coreapps="4").active_coreapps == 4
    assert load(deployment="staging").active_coreapps is None


@pytest.mark.parametrize(
    ("context", "key", "shown", "allowed"),
    [
        ({"active_coreapps": "3"}, "active_coreapps", "'3'", "1, 2, 4, 8, 16, 32"),
        ({"active_coreapps": "eight"}, "active_coreapps", "'eight'", "1, 2, 4, 8, 16, 32"),
        ({"active_coreapps": True}, "active_coreapps", "true", "1, 2, 4, 8, 16, 32"),
        ({"active_coreapps": 2.5}, "active_coreapps", "2.5", "1, 2, 4, 8, 16, 32"),
        ({"messages_per_second": "nan"}, "messages_per_second", "'nan'", "a finite number from 0"),
        ({"messages_per_second": "1e9"}, "messages_per_second", "'1e9'", "0 to 350"),
        ({"spares": -1}, "spares", "-1", "a whole number, 0 or more"),
        ({"spares": 5, "active_coreapps": 8}, "spares", "5", "0 to 4: each spare covers one failed host"),
        ({"masters": 1}, "masters", "1", "2 or more"),
        ({"actve_coreapps": 8}, "actve_coreapps", "8", "no such key; did you mean active_coreapps?"),
        ({"colour": 8}, "colour", "8", "no such key; known keys: account, active_coreapps"),
        ({"active_coreapps": None}, "active_coreapps", "null", "1, 2, 4, 8, 16, 32, or leave the key out"),
        ({"tls": None}, "tls", "null", "true or false, or leave the key out"),
        ({"deployment": None}, "deployment", "null", "local, production, staging"),
        ({"host_type": "c5.large", "host_families": "m6i"}, "host_type", "'c5.large'", "do not hold the fleet"),
        ({"host_type": "r5.large", "host_families": "m6i"}, "host_type", "'r5.large'", "a type of host_families, m6i"),
        (
            {"database_class": "db.m6g.2xlarge", "database_families": "r7g, m7g"},
            "database_class",
            "'db.m6g.2xlarge'",
            "a class of database_families, r7g, m7g",
        ),
        ({"database_class": "db.m4.large"}, "database_class", "'db.m4.large'", "its successor is db.m5.large"),
        ({"database_class": "db.t3.large"}, "database_class", "'db.t3.large'", "not burstable in production"),
        (
            {"database_class": "db.x2g.large", "region": "ap-southeast-3"},
            "database_class",
            "'db.x2g.large'",
            "orderable for mysql 8.4 in ap-southeast-3",
        ),
        ({"database_class": "large"}, "database_class", "'large'", "an RDS class such as"),
        ({"host_type": "m6g.large"}, "host_type", "'m6g.large'", "an x86_64 type"),
        ({"region": "mars-1"}, "region", "'mars-1'", "af-south-1, "),
        ({"tls": "false"}, "tls", "false", "set allow_plaintext_database=true as well"),
        ({"tls": "perhaps"}, "tls", "'perhaps'", "true or false"),
        ({"database_user": "master"}, "database_user", "'master'", "for the embedded target alone"),
        ({"delete_data_with_stack": "true"}, "delete_data_with_stack", "true", "false in production"),
        ({"engine": "postgres"}, "engine", "'postgres'", "mysql"),
        ({"engine_version": "8.0.35"}, "engine_version", "'8.0.35'", "8.4"),
        ({"database_storage_gib": 65536}, "database_storage_gib", "65536", "20 to 59578"),
        ({"database_max_storage_gib": 105}, "database_max_storage_gib", "105", "at least 10 % above"),
        ({"availability_zones": 5}, "availability_zones", "5", "2, 3 or 4"),
        ({"nat_gateways": 4}, "nat_gateways", "4", "1 to 3, one per zone"),
        ({"vpc_cidr": "10.0.0.1/16"}, "vpc_cidr", "'10.0.0.1/16'", "a private IPv4 range"),
        ({"vpc_cidr": "8.8.0.0/16"}, "vpc_cidr", "'8.8.0.0/16'", "a private IPv4 range"),
        ({"vpc_cidr": "10.0.0.0/24"}, "vpc_cidr", "'10.0.0.0/24'", "/16 to /20"),
        ({"allowed_cidrs": "10.0.0.1/8"}, "allowed_cidrs", "'10.0.0.1/8'", "without host bits"),
        ({"name": "Wa"}, "name", "'Wa'", "3 to 40 lower-case letters"),
        ({"name": "wa\nx"}, "name", r"'wa\nx'", "3 to 40 lower-case letters"),
        ({"registry": "https://docker.example"}, "registry", "'https://docker.example'", "without scheme"),
        ({"image_tag": "a b"}, "image_tag", "'a b'", "an image tag"),
        ({"alarm_email": "nobody"}, "alarm_email", "'nobody'", "an e-mail address"),
        ({"account": 123456789012}, "account", "123456789012", "12 digits"),
        ({"backup_retention_days": 0}, "backup_retention_days", "0", "1 to 35"),
        ({"log_retention_days": 2}, "log_retention_days", "2", "1, 3, 5, 7, 14, 30"),
        ({"environment": "test"}, "environment", "'test'", "production, staging"),
        ({"environment": "prod"}, "environment", "'prod'", "did you mean production?"),
        ({"region": "eu-west1"}, "region", "'eu-west1'", "did you mean eu-west-1?"),
        ({"region": "us-east-1a"}, "region", "'us-east-1a'", "did you mean us-east-1?"),
        ({"load_balancer_scheme": "internet"}, "load_balancer_scheme", "'internet'", "did you mean internet-facing?"),
        ({"deployment": "prodution"}, "deployment", "'prodution'", "did you mean production?"),
        ({"deployment": "test"}, "deployment", "'test'", "local, production, staging"),
        ({"deployment": ["local"]}, "deployment", "['local']", "local, production, staging"),
        ({"deployments": {}}, "deployment", "'production'", "cdk.json holds no `deployments`"),
        ({"deployments": []}, "deployments", "[]", "an object with one entry for each deployment"),
        ({"deployments": None}, "deployments", "null", "an object with one entry for each deployment"),
        ({"deployments": {"production": []}}, "deployments.production", "[]", "an object of settings keys"),
    ],
)
def test_a_bad_value_is_refused_with_key_value_and_what_is_allowed(
    context: dict[str, Any], key: str, shown: str, allowed: str
) -> None:
    (problem,) = refusal(context)
    assert problem.startswith(f"{key}: got {shown}; allowed: ")
    assert allowed in problem
    assert "allowed: allowed" not in problem


@pytest.mark.parametrize("callers", [None, "10.0.0.0/8", "100.64.0.0/16,192.168.7.0/24,172.20.0.0/16"])
def test_an_internet_facing_balancer_without_a_caller_from_outside_is_refused(callers: str | None) -> None:
    (problem,) = refusal({"load_balancer_scheme": "internet-facing"} | ({"allowed_cidrs": callers} if callers else {}))
    assert problem.startswith(f"allowed_cidrs: got '{callers or '10.0.0.0/16'}'; allowed: at least one public range")
    assert "load_balancer_scheme=internal" in problem


@pytest.mark.parametrize("callers", ["203.0.113.0/24", "10.0.0.0/8,198.51.100.7/32"])
def test_an_internet_facing_balancer_with_a_caller_from_outside_is_taken(callers: str) -> None:
    assert load(load_balancer_scheme="internet-facing", allowed_cidrs=callers)


def test_everything_wrong_is_told_at_once_and_each_key_once() -> None:
    problems = refusal(
        {
            "active_coreapps": 3,
            "spares": "many",
            "region": "mars-1",
            "tls": "false",
            "colour": "red",
            "image_tag": "",
            "vpc_cidr": "nowhere",
        }
    )
    keys = [problem.partition(":")[0] for problem in problems]
    assert sorted(keys) == ["active_coreapps", "colour", "image_tag", "region", "spares", "tls", "vpc_cidr"]


def test_production_runs_without_tls_only_when_that_is_asked_for_twice() -> None:
    assert not load(tls="false", allow_plaintext_database="true").tls
    assert not load(deployment="staging", tls="false").tls


LOOK_UPS = (
    "availability-zones:account=123456789012:region=eu-west-1",
    "vpc-provider:account=123456789012:filter.isDefault=true:region=eu-west-1:returnAsymmetricSubnets=true",
    "ssm:account=123456789012:parameterName=/aws/x:region=eu-west-1",
    "hosted-zone:account=123456789012:domainName=example.org:region=eu-west-1",
    "ami:account=123456789012:filters.image-type.0=machine:region=eu-west-1",
    "load-balancer:account=123456789012:loadBalancerType=network:region=eu-west-1",
)


@pytest.mark.parametrize(
    "key",
    ["aws:cdk:enable-path-metadata", "@aws-cdk/core:x", "@aws-cdk/core:target-partitions", "debug", *LOOK_UPS]
    + [key for key in CDK_CONTEXT if key != "deployments"],
)
def test_context_of_the_cdk_itself_is_left_alone(key: str) -> None:
    assert load(**{key: None}) == load()


def test_context_of_another_library_is_left_alone() -> None:
    assert load(**{"acme/audit:level": "high", "acme:region": "x"}) == load()


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("tls:", "tls"),
        ("/tls", "tls"),
        ("tls/", "tls"),
        ("tls:false", "tls"),
        ("t:ls", "tls"),
        ("tsl:x", None),
        ("active_coreapps:", "active_coreapps"),
        ("actve-coreapps:", "active_coreapps"),
        ("availability-zones:", "availability_zones"),
        ("deployments/production/tls", "deployments"),
        ("deployments:", "deployments"),
    ],
)
def test_a_key_of_ours_with_a_slip_of_colon_or_slash_is_no_key_of_the_cdk(key: str, meant: str | None) -> None:
    if meant is None:
        assert load(**{key: "false"}) == load()
    else:
        (problem,) = refusal({key: "false"})
        assert problem.startswith(f"{key}: got 'false'; allowed: none, there is no such key; did you mean {meant}?")


@pytest.mark.parametrize(
    ("values", "key", "allowed"),
    [
        ({"actve_coreapps": 2}, "actve_coreapps", "did you mean active_coreapps?"),
        ({"active_coreapps": 3}, "active_coreapps", "1, 2, 4, 8, 16, 32"),
        ({"active_coreapps": None}, "active_coreapps", "or leave the key out"),
        ({"tls": False}, "tls", "true in production"),
        ({"database_class": "db.nope"}, "database_class", "an RDS class such as"),
        ({"tls:": False}, "tls:", "did you mean tls?"),
        ({"environment": "stagin"}, "environment", "did you mean staging?"),
    ],
)
@pytest.mark.parametrize("asked", DEPLOYMENTS)
def test_a_fault_in_any_deployment_is_told_whichever_is_asked_for(
    asked: str, values: dict[str, Any], key: str, allowed: str
) -> None:
    context = {"deployment": asked, "deployments": {**CDK_CONTEXT["deployments"], "other": values}}
    (problem,) = refusal(context)
    assert problem.startswith(f"deployments.other.{key}: got ")
    assert allowed in problem


def test_a_fault_of_the_deployment_that_is_asked_for_is_told_when_the_command_line_hides_it() -> None:
    deployments = {"staging": {"environment": "staging", "active_coreapps": 3, "webs": 2}}
    (problem,) = refusal({"deployments": deployments, "deployment": "staging", "active_coreapps": "2"})
    assert problem.startswith("deployments.staging.active_coreapps: got 3; allowed: 1, 2, 4, 8, 16, 32")


def test_the_command_line_may_complete_the_deployment_that_is_asked_for() -> None:
    context = {"deployments": {"production": {"tls": False}}, "allow_plaintext_database": "true"}
    assert not load(**context).tls


def test_what_the_command_line_says_is_no_fault_of_the_other_deployments() -> None:
    assert load(deployment="staging", tls="false", availability_zones="2", nat_gateways="2").nat_gateways == 2


WRONG_IN_ANY_CASE: dict[str, tuple[Any, ...]] = {
    "environment": ("prod", None, 1),
    "name": ("Wa", "w", 5, "aws-wa"),
    "region": ("mars-1", "", 7),
    "account": ("12", 123456789012),
    "active_coreapps": (3, "eight", True, 64),
    "messages_per_second": ("nan", -1, "inf", "fast"),
    "message_type": ("fax", ""),
    "spares": (-1, "many", 100),
    "webs": (0, 1000, "x"),
    "masters": (1, 1000),
    "host_type": ("m6g.large", "large", "c5"),
    "host_families": ("zz", ""),
    "eni_trunking": ("perhaps",),
    "engine": ("postgres",),
    "engine_version": ("8.0.35", "8", "8.4.9"),
    "database_class": ("db.nope", "db.m4.large", "large"),
    "database_families": ("zz", "m4"),
    "database_storage_gib": (1, 65536),
    "database_max_storage_gib": (1, 70000),
    "database_user": ("root",),
    "tls": ("perhaps",),
    "availability_zones": (1, 5, "two"),
    "availability_zone_names": ("a,b", "us-east-1a", ["us-east-1a", 5], "us-east-1a,us-east-1a"),
    "without_endpoints": ("s3", 5),
    "allow_any_address": ("perhaps",),
    "shards_endpoint": ("http://wa.example", "https://me@wa.example"),
    "shards_ca_parameter": ("/aws/ca",),
    "nat_gateways": (0, 9),
    "vpc_cidr": ("8.8.0.0/16", "nowhere"),
    "allowed_cidrs": ("10.0.0.1/8", "", "10.0.0.0/8,::/0"),
    "registry": ("https://docker.example", "whatsapp"),
    "image_tag": ("a b",),
    "certificate_max_age_days": (0, 366),
    "log_retention_days": (2, "some"),
    "backup_retention_days": (0, 36),
    "alarm_email": ("nobody",),
    "colour": ("red",),
    "tls:": ("false",),
}


def test_the_masters_login_is_for_the_embedded_target_alone() -> None:
    """RDS changes the master's password every 7 days, and a container reads it once (T-21)."""
    assert load(deployment="local").database_user == "master"
    staging = {"deployment": "staging", "database_user": "master"}
    assert load(**staging, account="123456789012").database_user == "master"
    for account in ({}, {"account": "210987654321"}):
        (line,) = refusal({**staging, **account})
        assert line.endswith("master is for the embedded target alone, whose account is 123456789012")


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in WRONG_IN_ANY_CASE.items() for value in values]
)
def test_what_is_wrong_in_any_case_is_refused_alone(key: str, value: object) -> None:
    assert [problem.rpartition(": got ")[0] for problem in refusal({key: value})] == [key]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries({}, optional={key: st.sampled_from(v) for key, v in WRONG_IN_ANY_CASE.items()}))
def test_everything_wrong_is_told_at_once_whatever_else_is_wrong(context: dict[str, Any]) -> None:
    if context:
        assert sorted(problem.rpartition(": got ")[0] for problem in refusal(context)) == sorted(context)


@pytest.mark.parametrize(
    ("context", "refused"),
    [
        ({"environment": "prod", "tls": "false"}, {"environment"}),  # tls is off in staging
        ({"active_coreapps": 3, "spares": 5}, {"active_coreapps"}),  # 8 active coreapps may have 4, 32 may have 14
        ({"active_coreapps": "many", "database_class": "db.m7g.2xlarge"}, {"active_coreapps"}),  # enough for 1
        ({"availability_zones": 9, "nat_gateways": 4}, {"availability_zones"}),  # 4 zones may have 4
        ({"availability_zone_names": "a,b", "nat_gateways": 4}, {"availability_zone_names"}),  # 4 names may have 4
        ({"vpc_cidr": "nowhere", "webs": 100, "masters": 100}, {"vpc_cidr"}),
        ({"environment": "prod", "allowed_cidrs": "0.0.0.0/0"}, {"environment"}),  # staging may
        ({"environment": "prod", "nat_gateways": 3}, {"environment"}),
        ({"host_families": "zz", "host_type": "m6i.large"}, {"host_families"}),
        ({"webs": 0, "nat_gateways": 4}, {"webs", "nat_gateways"}),
        ({"region": "mars-1", "database_class": "db.m7g.2xlarge"}, {"region"}),
    ],
)
def test_no_key_is_blamed_for_the_fault_of_another(context: dict[str, Any], refused: set[str]) -> None:
    assert {problem.partition(":")[0] for problem in refusal(context)} == refused


def test_the_default_region_offers_every_class_that_any_region_offers() -> None:
    default = sizing.plan().region
    offered = {region: {db.name for db in orderable("mysql", region, "8.4")} for region in certificate_regions()}
    assert {region: names - offered[default] for region, names in offered.items() if names - offered[default]} == {}


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_each_deployment_of_cdk_json_can_be_deployed(deployment: str) -> None:
    assert load(deployment=deployment).deployment == deployment


def test_every_period_that_settings_take_is_one_that_cloudwatch_logs_knows() -> None:
    for days in LOG_RETENTION_DAYS:
        assert Retention.of(load(log_retention_days=days)).logs


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NUMBERS = (1, 2, 3, 8, 32, 0, -1, 20, 350.0, "8", "32", "1e400", "9" * 5000, True, "true", "false")
NAMES = ("production", "staging", "local", "eu-west-1", "ap-southeast-3", "text", "video", "mysql", "master", "wa-x")
OTHERS = ("db.m7g.large", "db.m4.large", "m7g,r7g", "c5.large", "10.0.0.0/16", "0.0.0.0/0", "::/0", "", "\x00", "\x85")
PLAUSIBLE = st.sampled_from([*NUMBERS, *NAMES, *OTHERS])
CONTEXT = st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), PLAUSIBLE | JSON, max_size=6)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(CONTEXT, st.none() | JSON | st.dictionaries(st.sampled_from(DEPLOYMENTS), CONTEXT | JSON, min_size=1))
def test_any_context_gives_settings_or_a_refusal_and_never_another_error(
    context: dict[str, Any], deployments: object
) -> None:
    whole = {**CDK_CONTEXT, **context} | ({} if deployments is None else {"deployments": deployments})
    try:
        made, plan = Settings.from_context(whole)
    except SettingsError as error:
        problems = error.problems
    else:
        assert plan.coreapps == plan.active_coreapps + made.spares
        assert plan.hosts.minimum <= plan.hosts.maximum
        return
    lines = str(SettingsError(problems)).splitlines()
    assert 0 < len(problems) == len(lines), "one line for each problem"
    assert all("; allowed: " in line for line in lines)
