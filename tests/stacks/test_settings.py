"""Settings: what is taken, and that everything else is refused with one line for each problem."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stacks.log_retention import LOG_RETENTION_DAYS
from stacks.retention import Retention
from stacks.settings import Settings, SettingsError
from tests.assembly import CDK_CONTEXT, DEPLOYMENTS, ROOT

KEYS = tuple(Settings.model_fields)


def load(**context: Any) -> Settings:
    return Settings.from_context({**CDK_CONTEXT, **context})[0]


def refusal(context: dict[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_context({**CDK_CONTEXT, **context})
    assert str(caught.value).splitlines() == caught.value.problems, "one line for each problem"
    return caught.value.problems


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
        ({"actve_coreapps": 8}, "actve_coreapps", "8", "no such key; known keys: account, active_coreapps"),
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
        ({"database_user": "master"}, "database_user", "'master'", "client in production"),
        ({"delete_data_with_stack": "true"}, "delete_data_with_stack", "true", "false in production"),
        ({"engine": "postgres"}, "engine", "'postgres'", "mysql"),
        ({"engine_version": "8.0.35"}, "engine_version", "'8.0.35'", "MySQL 8.4"),
        ({"database_storage_gib": 65536}, "database_storage_gib", "65536", "20 to 59578"),
        ({"database_max_storage_gib": 105}, "database_max_storage_gib", "105", "at least 10 % above"),
        ({"availability_zones": 5}, "availability_zones", "5", "2 to 4"),
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
        ({"deployment": "test"}, "deployment", "'test'", "local, production, staging"),
        ({"deployment": ["local"]}, "deployment", "['local']", "local, production, staging"),
        ({"deployments": {}}, "deployment", "'production'", "cdk.json holds no `deployments`"),
        ({"deployments": []}, "deployments", "[]", "an object with one entry for each deployment"),
        ({"deployments": None}, "deployments", "None", "an object with one entry for each deployment"),
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


@pytest.mark.parametrize("context", [{"aws:cdk:enable-path-metadata": True}, {"@aws-cdk/core:x": 1}, {"debug": True}])
def test_context_of_the_cdk_itself_is_left_alone(context: dict[str, Any]) -> None:
    assert load(**context) == load()


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
    assert problems
    for problem in problems:
        assert len(problem.splitlines()) == 1
        assert "; allowed: " in problem


DOCUMENT = ROOT / "docs" / "settings.md"


def rendered() -> str:
    """Return docs/settings.md: a table of every key."""
    properties = Settings.model_json_schema()["properties"]
    lines = [
        "# Settings",
        "",
        "Keys of a deployment below `deployments` in `cdk.json`; `-c key=value` overrides one. Every problem is told",
        "at once: key, value, what is allowed. Numbers such as D-1 are in [decisions](decisions.md).",
        "",
        "| key | default | allowed | what it decides |",
        "|---|---|---|---|",
    ]
    for key, field in Settings.model_fields.items():
        decides, _, default = str(field.description).partition(" Default: ")
        default = default.removesuffix(".") or f"`{json.dumps(field.default)}`"
        cells = (f"`{key}`", default, properties[key]["allowed"], decides)
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def test_the_settings_page_lists_every_key_as_it_is(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--renew-snapshots"):
        DOCUMENT.write_text(rendered(), encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == rendered(), "renew it: pytest tests/stacks --renew-snapshots"
