"""Every deployment at every size: what the plan says is what the templates hold."""

from typing import Any

import pytest

from sizing import SHARD_COUNTS, max_hosts
from tests.assembly import DEPLOYMENTS, STACKS
from tests.conftest import Synth
from tests.stacks.test_limits import LARGEST


@pytest.mark.parametrize("active", SHARD_COUNTS)
@pytest.mark.parametrize("deployment", DEPLOYMENTS)
class TestEverySize:
    def test_there_are_exactly_four_templates(self, synth: Synth, deployment: str, active: int) -> None:
        assert tuple(synth(deployment, active_coreapps=active).templates) == STACKS

    def test_the_hosts_run_from_the_plans_minimum_to_the_cap(self, synth: Synth, deployment: str, active: int) -> None:
        made = synth(deployment, active_coreapps=active)
        group = made.enterprise.one("AWS::AutoScaling::AutoScalingGroup")
        assert int(group["MinSize"]) == made.plan.hosts.minimum
        assert int(group["MaxSize"]) == made.plan.hosts.maximum
        if active > 1:  # M-17 gives no cap for one
            assert int(group["MaxSize"]) == max_hosts(active)

    def test_each_service_has_the_plans_count(self, synth: Synth, deployment: str, active: int) -> None:
        made = synth(deployment, active_coreapps=active)
        counts = {
            role: made.enterprise.one("AWS::ECS::Service", f"Client{role}")["DesiredCount"]
            for role in ("Webapp", "Coreapp", "Master")
        }
        assert counts == {"Webapp": made.plan.webs, "Coreapp": active + made.plan.spares, "Master": made.plan.masters}

    def test_the_database_and_host_types_are_the_plans(self, synth: Synth, deployment: str, active: int) -> None:
        made = synth(deployment, active_coreapps=active)
        assert made.database.one("AWS::RDS::DBInstance")["DBInstanceClass"] == made.plan.database.instance_class
        template = made.enterprise.one("AWS::EC2::LaunchTemplate")["LaunchTemplateData"]
        assert template["InstanceType"] == made.plan.hosts.instance_type

    def test_the_shard_count_to_set_is_the_active_count(self, synth: Synth, deployment: str, active: int) -> None:
        outputs = synth(deployment, active_coreapps=active).enterprise.body["Outputs"]
        assert outputs["ShardCount"]["Value"] == str(active)

    def test_the_cdk_has_nothing_to_remark_beside_our_own_advice(
        self, synth: Synth, deployment: str, active: int
    ) -> None:
        made = synth(deployment, active_coreapps=active)
        assert made.messages() + made.findings() == made.advised()


@pytest.mark.parametrize(
    "context",
    [
        {"manage_shards": "true"},
        {"manage_shards": "true", "active_coreapps": 32},
        {"tls": "false", "allow_plaintext_database": "true"},
        {"load_balancer_scheme": "internet-facing", "allowed_cidrs": "0.0.0.0/0", "allow_any_address": "true"},
        {"registry": "123456789012.dkr.ecr.us-east-1.amazonaws.com/client", "alarm_email": "ops@example.com"},
        {"availability_zones": 4, "active_coreapps": 32},
        {"eni_trunking": "false"},
        LARGEST,
    ],
    ids=lambda context: ",".join(context),
)
def test_other_settings_make_four_templates_without_a_remark_of_the_cdk_too(
    synth: Synth, context: dict[str, Any]
) -> None:
    made = synth(**context)
    assert tuple(made.templates) == STACKS
    assert made.messages() + made.findings() == made.advised()
