"""Every deployment at every size: what the plan says is what the templates hold."""

from typing import Any

import pytest

from sizing import SHARD_COUNTS, max_hosts
from tests.assembly import DEPLOYMENTS, STACKS
from tests.conftest import Synth

LARGEST_TEMPLATE_BYTES = 51_200
"""What CloudFormation takes in a request; a larger template has to be put into a bucket first."""


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

    def test_each_template_fits_in_a_request(self, synth: Synth, deployment: str, active: int) -> None:
        templates = synth(deployment, active_coreapps=active).templates
        sizes = {name: template.path.stat().st_size for name, template in templates.items()}
        assert max(sizes.values()) < LARGEST_TEMPLATE_BYTES, sizes

    def test_the_cdk_has_nothing_to_remark(self, synth: Synth, deployment: str, active: int) -> None:
        made = synth(deployment, active_coreapps=active)
        assert made.messages() + made.findings() == []


@pytest.mark.parametrize(
    "context",
    [
        {"manage_shards": "true"},
        {"manage_shards": "true", "active_coreapps": 32},
        {"tls": "false", "allow_plaintext_database": "true"},
        {"load_balancer_scheme": "internet-facing", "allowed_cidrs": "0.0.0.0/0,::/0"},
        {"registry": "123456789012.dkr.ecr.us-east-1.amazonaws.com/client", "alarm_email": "ops@example.com"},
        {"availability_zones": 4, "active_coreapps": 32},
        {"eni_trunking": "false", "active_coreapps": 8},
        {  # everything that lengthens a template, with the longest name
            "name": "wa-twenty-characters",
            "region": "ap-northeast-1",
            "active_coreapps": 32,
            "availability_zones": 4,
            "manage_shards": "true",
            "load_balancer_scheme": "internet-facing",
            "registry": "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/whatsapp",
            "alarm_email": "operations@example.com",
        },
    ],
    ids=lambda context: ",".join(context),
)
def test_other_settings_make_four_small_templates_without_a_remark_too(synth: Synth, context: dict[str, Any]) -> None:
    made = synth(**context)
    assert tuple(made.templates) == STACKS
    sizes = {name: template.path.stat().st_size for name, template in made.templates.items()}
    assert max(sizes.values()) < LARGEST_TEMPLATE_BYTES, sizes
    assert made.messages() + made.findings() == []
