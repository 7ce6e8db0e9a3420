"""Facts that stand in several rooms, because these may not import one another, say the same in each."""

from typing import Any

import pytest

import sizing
from emulator import workspace
from functions import contract
from sizing.planning.cost import INTERFACE_ENDPOINTS, SECRETS
from stacks.settings import checks
from standin import nodes
from tests.assembly import CDK_CONTEXT, Assembly


def test_sizing_functions_and_stand_in_know_the_same_numbers_of_shards() -> None:
    assert sizing.SHARD_COUNTS == contract.SHARD_COUNTS == nodes.SHARD_COUNTS


def test_settings_and_the_embedded_target_know_the_same_account() -> None:
    assert checks.EMBEDDED_ACCOUNT == workspace.ACCOUNT
    assert CDK_CONTEXT["deployments"]["local"]["account"] == workspace.ACCOUNT


def quantity(plan: sizing.Plan, name: str) -> float:
    """Return the quantity of one item of the plan's monthly cost."""
    (item,) = (item for item in plan.monthly_cost.items if item.name == name)
    return item.quantity


def test_the_cost_counts_the_secrets_that_the_stacks_make(production: Assembly) -> None:
    generated = production.of("AWS::SecretsManager::Secret")
    kept_by_rds = [
        name
        for name, item in production.of("AWS::RDS::DBInstance").items()
        if item["Properties"].get("ManageMasterUserPassword")
    ]
    assert kept_by_rds, "the master's secret is RDS's own and no resource of the template"
    assert len(SECRETS) == len(generated) + len(kept_by_rds)
    assert quantity(production.plan, "secrets") == len(SECRETS)


def service_name(value: Any, region: str) -> str:
    """Return an endpoint's service, such as "ecr.api", whether its region is written out or a reference."""
    text = value if isinstance(value, str) else "".join(part for part in value["Fn::Join"][1] if isinstance(part, str))
    return text.removeprefix("com.amazonaws.").removeprefix(region).removeprefix(".")


def test_the_cost_counts_the_interface_endpoints_that_the_network_makes(production: Assembly) -> None:
    region = production.settings.region
    made = [
        service_name(endpoint["Properties"]["ServiceName"], region)
        for endpoint in production.network.of("AWS::EC2::VPCEndpoint").values()
        if endpoint["Properties"]["VpcEndpointType"] == "Interface"
    ]
    assert sorted(made) == sorted(INTERFACE_ENDPOINTS)
    zones = production.plan.hosts.availability_zones
    hours = len(made) * zones * 730
    assert quantity(production.plan, "interface endpoints") == pytest.approx(hours)
