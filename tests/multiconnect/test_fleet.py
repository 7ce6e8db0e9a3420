"""The hosts: patched, closed, replaceable, and sized by the memory that tasks reserve."""

from typing import Any

import pytest

from multiconnect.fleet import AMI_PARAMETER, HOST_LIFETIME_DAYS, MEMORY_ALARM_PERCENT
from sizing.planning.cost import HOST_VOLUME_GIB
from tests.assembly import Assembly
from tests.conftest import Synth


@pytest.fixture(scope="module")
def host(production: Assembly) -> dict[str, Any]:
    return production.enterprise.one("AWS::EC2::LaunchTemplate")["LaunchTemplateData"]


@pytest.fixture(scope="module")
def group(production: Assembly) -> dict[str, Any]:
    return production.enterprise.one("AWS::AutoScaling::AutoScalingGroup")


def boot_script(host: dict[str, Any]) -> str:
    joined = host["UserData"]["Fn::Base64"]["Fn::Join"][1]
    return "".join(part if isinstance(part, str) else f"<{part['Ref']}>" for part in joined)


def test_hosts_run_the_newest_ecs_optimized_amazon_linux_2023(host: dict[str, Any]) -> None:
    assert AMI_PARAMETER.startswith("/aws/service/ecs/optimized-ami/amazon-linux-2023/")
    assert host["ImageId"] == f"resolve:ssm:{AMI_PARAMETER}"


def test_metadata_needs_a_token_and_ends_at_the_host(host: dict[str, Any]) -> None:
    assert host["MetadataOptions"]["HttpTokens"] == "required"
    assert host["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert "ECS_AWSVPC_BLOCK_IMDS=true" in boot_script(host)


def test_the_disk_is_encrypted_gp3(host: dict[str, Any]) -> None:
    (disk,) = host["BlockDeviceMappings"]
    assert disk["Ebs"] == {"Encrypted": True, "VolumeSize": HOST_VOLUME_GIB, "VolumeType": "gp3"}


def test_nobody_logs_in_by_key_and_nothing_comes_in(production: Assembly, host: dict[str, Any]) -> None:
    assert "KeyName" not in host
    group = production.enterprise.one("AWS::EC2::SecurityGroup", "FleetSecurityGroup")
    assert "SecurityGroupIngress" not in group
    rules = production.enterprise.of("AWS::EC2::SecurityGroupIngress").values()
    assert not any("Fleet" in str(rule["Properties"]["GroupId"]) for rule in rules)


def test_session_manager_is_the_way_to_a_host(production: Assembly) -> None:
    (policy,) = production.enterprise.one("AWS::IAM::Role", "FleetRole")["ManagedPolicyArns"]
    assert "AmazonSSMManagedInstanceCore" in str(policy)


def test_nothing_is_fetched_or_installed_at_boot(host: dict[str, Any]) -> None:
    script = boot_script(host)
    assert "ECS_CLUSTER=" in script
    assert not any(word in script for word in ("curl", "wget", "yum", "dnf", "pip", "aws ", "cron", "http"))


def test_no_container_is_privileged_and_each_gets_two_minutes_to_stop(host: dict[str, Any]) -> None:
    assert "ECS_DISABLE_PRIVILEGED=true" in boot_script(host)
    assert "ECS_CONTAINER_STOP_TIMEOUT=2m" in boot_script(host)


def test_hosts_are_in_every_private_subnet(group: dict[str, Any]) -> None:
    assert [item["Fn::ImportValue"] for item in group["VPCZoneIdentifier"]] == [
        f"wa-production:Private{number}" for number in (1, 2, 3)
    ]


def test_the_fleet_is_sized_by_its_provider_and_never_by_a_deploy(production: Assembly, group: dict[str, Any]) -> None:
    assert "DesiredCapacity" not in group
    (body,) = production.enterprise.of("AWS::AutoScaling::AutoScalingGroup").values()
    assert body["UpdatePolicy"]["AutoScalingScheduledAction"]["IgnoreUnmodifiedGroupSizeProperties"] is True


def test_the_provider_scales_drains_and_protects(production: Assembly, group: dict[str, Any]) -> None:
    provider = production.enterprise.one("AWS::ECS::CapacityProvider")["AutoScalingGroupProvider"]
    assert provider["ManagedScaling"] == {"Status": "ENABLED", "TargetCapacity": 100}
    assert provider["ManagedDraining"] == "ENABLED"
    assert provider["ManagedTerminationProtection"] == "ENABLED"
    assert group["NewInstancesProtectedFromScaleIn"] is True  # without it termination protection is refused


def test_a_host_lives_a_month_at_most(group: dict[str, Any]) -> None:
    assert group["MaxInstanceLifetime"] == HOST_LIFETIME_DAYS * 86_400 == 30 * 86_400


@pytest.mark.parametrize(("context", "there"), [({}, True), ({"eni_trunking": "false"}, False)])
def test_trunking_is_on_before_the_first_host_starts(synth: Synth, context: dict[str, Any], there: bool) -> None:
    enterprise = synth(**context).enterprise
    (body,) = enterprise.of("AWS::AutoScaling::AutoScalingGroup").values()
    trunking = enterprise.of("AWS::CloudFormation::CustomResource", "EniTrunking")
    assert bool(trunking) is there
    assert set(trunking) <= set(body.get("DependsOn", []))
    if there:
        assert "FleetRole" in str(trunking["EniTrunking"]["Properties"]["RoleArn"])


def test_container_insights_is_on(production: Assembly) -> None:
    (setting,) = production.enterprise.one("AWS::ECS::Cluster")["ClusterSettings"]
    assert (setting["Name"], setting["Value"]) == ("containerInsights", "enabled")


@pytest.mark.parametrize("active", [2, 32])
def test_an_alarm_speaks_when_memory_is_short_at_the_cap(synth: Synth, active: int) -> None:
    made = synth(active_coreapps=active)
    found = made.enterprise.one("AWS::CloudWatch::Alarm", "MemoryAtCap")
    assert (found["ComparisonOperator"], found["Threshold"]) == ("GreaterThanThreshold", MEMORY_ALARM_PERCENT)
    (expression,) = [metric["Expression"] for metric in found["Metrics"] if "Expression" in metric]
    assert expression == f"IF(hosts >= {made.plan.hosts.maximum}, reserved, 0)"
