"""A first deploy starts masters, then one webapp, then all others, and no schema trips a circuit breaker (T-11)."""

import math
from typing import Any

import pytest

from multiconnect.roles import ROLES
from tests.assembly import Assembly
from tests.conftest import Synth

SCHEMA_MINUTES = 10
"""A first start or an upgrade of a large schema; the client's own start period is half of that."""


def service(made: Assembly, role: str) -> tuple[str, dict[str, Any]]:
    ((name, body),) = made.enterprise.of("AWS::ECS::Service", f"Client{role}").items()
    return name, body["Properties"]


def test_masters_come_first_then_one_webapp_then_all_others(production: Assembly) -> None:
    (master, _), (webapp, _), (coreapp, _) = (service(production, role) for role in ("Master", "Webapp", "Coreapp"))
    before = {name: production.enterprise.waits_for(name) for name in (master, webapp, coreapp, "FirstWebapp")}
    assert {"DatabaseUser"} <= before[master]
    assert not {webapp, coreapp, "FirstWebapp"} & before[master]
    assert {"DatabaseUser", master} <= before["FirstWebapp"]
    assert not {webapp, coreapp} & before["FirstWebapp"]
    assert {"DatabaseUser", master, "FirstWebapp"} <= before[webapp] & before[coreapp]


@pytest.mark.parametrize("role", [role.name for role in ROLES])
def test_no_task_is_replaced_while_a_schema_is_made(production: Assembly, role: str) -> None:
    _, properties = service(production, role)
    (container,) = production.enterprise.one("AWS::ECS::TaskDefinition", f"Client{role}")["ContainerDefinitions"]
    check = container["HealthCheck"]
    unhealthy_after = check["StartPeriod"] + check["Interval"] * check["Retries"]
    # ECS may refuse a grace period for a service without a load balancer.
    grace = properties.get("HealthCheckGracePeriodSeconds", 0)
    assert bool(grace) == bool(properties.get("LoadBalancers"))
    # The load balancer calls a webapp that does not answer unhealthy within half a minute.
    replaced_after = max(unhealthy_after, grace) if grace else unhealthy_after
    replacements = len(range(replaced_after, 60 * SCHEMA_MINUTES, replaced_after)) * properties["DesiredCount"]
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
    threshold = min(200, max(3, math.ceil(0.5 * properties["DesiredCount"])))
    assert properties["DeploymentConfiguration"]["DeploymentCircuitBreaker"]["Enable"]
    assert replacements == 0 < threshold


@pytest.mark.parametrize("role", [role.name for role in ROLES])
def test_no_task_starts_before_it_can_mount_its_files_and_read_its_secrets(production: Assembly, role: str) -> None:
    name, _ = service(production, role)
    waits = production.enterprise.waits_for(name)
    (secrets_policy,) = [
        each for each in production.enterprise.of("AWS::IAM::Policy") if f"{role}TaskExecution" in each
    ]
    targets = set(production.enterprise.of("AWS::EFS::MountTarget"))
    assert len(targets) == 3
    assert {secrets_policy, *production.enterprise.of("AWS::IAM::Policy", "MountPolicy")} | targets <= waits


def test_the_first_webapp_has_the_rights_that_it_needs_before_it_runs(production: Assembly) -> None:
    waits = production.enterprise.waits_for("FirstWebapp")
    (rights,) = production.enterprise.of("AWS::IAM::Policy", "FirstWebappRights")
    (secrets_policy,) = [name for name in production.enterprise.of("AWS::IAM::Policy") if "WebappTaskExecution" in name]
    assert {rights, secrets_policy} <= waits
    statements = production.enterprise.resources[rights]["Properties"]["PolicyDocument"]["Statement"]
    (passing,) = [each for each in statements if each["Action"] == "iam:PassRole"]
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    assert [each["Action"] for each in statements if each["Resource"] == "*"] == ["ecs:ListTasks"]


SWITCHES = ("no_new_privileges", "init_process", "memory_limits", "container_health_checks")


@pytest.mark.parametrize("key", SWITCHES)
def test_each_limit_that_the_vendor_never_ran_with_can_be_turned_off(synth: Synth, key: str) -> None:
    without = synth(**dict.fromkeys(SWITCHES, "false"))
    for role in ROLES:
        for made, expected in ((synth(), True), (without, False)):
            (container,) = made.enterprise.one("AWS::ECS::TaskDefinition", f"Client{role.name}")["ContainerDefinitions"]
            assert container["MemoryReservation"]
            found = {
                "no_new_privileges": container.get("DockerSecurityOptions") == ["no-new-privileges"],
                "init_process": container["LinuxParameters"]["InitProcessEnabled"],
                "memory_limits": "Memory" in container,
                "container_health_checks": "HealthCheck" in container,
            }
            assert found[key] is expected, role.name
    assert without.enterprise.resources["FirstWebapp"]["Properties"]["HealthChecked"] == "false"
