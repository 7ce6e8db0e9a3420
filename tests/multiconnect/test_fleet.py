"""The hosts: patched, closed, replaceable, and sized by the memory that tasks reserve."""

from typing import Any

import pytest

from functions.hosts.after import PREFERENCES
from multiconnect.fleet import (
    AMI_PARAMETER,
    CAP_ALARM_MINUTES,
    HOST_LIFETIME_DAYS,
    HOST_WARMUP_MINUTES,
    MAXIMUM_HEALTHY_PERCENT,
    MEMORY_ALARM_PERCENT,
)
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


def test_the_provider_scales_and_drains_and_protects_no_host(production: Assembly, group: dict[str, Any]) -> None:
    # A protected host is never renewed, never given back when the cap falls, and no group that has one is deleted.
    provider = production.enterprise.one("AWS::ECS::CapacityProvider")["AutoScalingGroupProvider"]
    assert provider["ManagedScaling"] == {"Status": "ENABLED", "TargetCapacity": 100}
    assert provider["ManagedDraining"] == "ENABLED"
    assert provider["ManagedTerminationProtection"] == "DISABLED"
    assert group.get("NewInstancesProtectedFromScaleIn", False) is False


def test_a_host_lives_a_month_at_most_and_its_successor_starts_before_it_ends(group: dict[str, Any]) -> None:
    assert group["MaxInstanceLifetime"] == HOST_LIFETIME_DAYS * 86_400 == 30 * 86_400
    assert group["InstanceMaintenancePolicy"] == {
        "MinHealthyPercentage": 100,
        "MaxHealthyPercentage": MAXIMUM_HEALTHY_PERCENT,
    }
    assert group["DefaultInstanceWarmup"] == 60 * HOST_WARMUP_MINUTES


def test_a_refresh_replaces_hosts_as_the_groups_own_policy_does(group: dict[str, Any]) -> None:
    assert {name: PREFERENCES[name] for name in group["InstanceMaintenancePolicy"]} == group[
        "InstanceMaintenancePolicy"
    ]


@pytest.mark.parametrize(("context", "there"), [({}, True), ({"eni_trunking": "false"}, False)])
def test_trunking_is_on_before_the_first_host_starts(synth: Synth, context: dict[str, Any], there: bool) -> None:
    enterprise = synth(**context).enterprise
    (body,) = enterprise.of("AWS::AutoScaling::AutoScalingGroup").values()
    trunking = enterprise.of("AWS::CloudFormation::CustomResource", "EniTrunking")
    assert bool(trunking) is there
    assert set(trunking) <= set(body.get("DependsOn", []))
    if there:
        assert "FleetRole" in str(trunking["EniTrunking"]["Properties"]["RoleArn"])


@pytest.mark.parametrize("context", [{}, {"eni_trunking": "false"}], ids=["on", "off"])
def test_the_function_acts_as_the_hosts_role_for_one_setting_and_nothing_else(
    synth: Synth, context: dict[str, Any]
) -> None:
    # With trunking off the rights stay: to switch it off is to delete the custom resource, which needs them.
    made = synth(**context)
    (role,) = made.enterprise.of("AWS::IAM::Role", "FleetRole")
    trust = made.enterprise.resources[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    (principal,) = [made.follow(statement["Principal"]) for statement in trust]
    assert principal["Service"] == "ec2.amazonaws.com"
    function_role = principal["AWS"]["Fn::GetAtt"][0]
    assert made.functions.one("AWS::Lambda::Function", "EniTrunking")["Role"] == {"Fn::GetAtt": [function_role, "Arn"]}

    (acting,) = [
        policy["Properties"]
        for policy in made.enterprise.of("AWS::IAM::Policy").values()
        if made.follow(policy["Properties"]["Roles"]) == [{"Ref": function_role}]
    ]
    (statement,) = acting["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("sts:AssumeRole", {"Fn::GetAtt": [role, "Arn"]})
    theirs = [
        statement
        for policy in made.functions.of("AWS::IAM::Policy").values()
        if policy["Properties"]["Roles"] == [{"Ref": function_role}]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]
    assert [statement["Action"] for statement in theirs] == [["logs:CreateLogStream", "logs:PutLogEvents"]]

    setting = made.enterprise.one("AWS::IAM::Policy", "FleetAccountSettingFD")
    assert setting["Roles"] == [{"Ref": role}]
    (statement,) = setting["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["ecs:DeleteAccountSetting", "ecs:PutAccountSetting"]
    assert statement["Condition"] == {"StringEquals": {"ecs:account-setting": "awsvpcTrunking"}}


def test_the_function_is_called_when_both_roles_have_their_rights(production: Assembly) -> None:
    needed = production.enterprise.resources["EniTrunking"]["DependsOn"]
    assert {name[:-8] for name in needed} == {"FleetAccountSetting", "FleetAccountSettingCaller"}


@pytest.mark.parametrize("context", [{}, {"manage_shards": "true"}], ids=["plain", "shards"])
def test_the_cap_falls_last_and_hosts_end_before_their_provider(synth: Synth, context: dict[str, Any]) -> None:
    made = synth(**context)
    enterprise = made.enterprise
    resources = enterprise.of("AWS::CloudFormation::CustomResource", "Hosts")
    assert {name: item["Properties"]["Place"] for name, item in resources.items()} == {
        "HostsBefore": "before",
        "HostsAfter": "after",
    }
    (hosts,) = enterprise.of("AWS::AutoScaling::AutoScalingGroup")
    (provider,) = enterprise.of("AWS::ECS::CapacityProvider")
    (association,) = enterprise.of("AWS::ECS::ClusterCapacityProviderAssociations")
    services = set(enterprise.of("AWS::ECS::Service"))
    assert "HostsBefore" in enterprise.waits_for(hosts)
    assert {hosts, provider, association} <= enterprise.waits_for("HostsAfter")
    for service in services:
        assert {"HostsBefore", "HostsAfter"} <= enterprise.waits_for(service)
    assert not services & (enterprise.waits_for("HostsBefore") | enterprise.waits_for("HostsAfter"))
    if context:
        assert "ShardsBefore" in enterprise.waits_for("HostsBefore"), "shards are lowered while all coreapps run (M-23)"

    before = resources["HostsBefore"]["Properties"]
    tasks = made.plan.tasks
    assert [before[name] for name in ("WebappTasks", "CoreappTasks", "MasterTasks")] == [
        str(tier.count) for tier in (tasks.webapp, tasks.coreapp, tasks.master)
    ]
    version = resources["HostsAfter"]["Properties"]["LaunchTemplateVersion"]
    assert version == enterprise.resources[hosts]["Properties"]["LaunchTemplate"]["Version"]


def test_ecs_stops_no_coreapp_to_even_the_zones_out(production: Assembly) -> None:
    found = {
        name.removeprefix("Client").partition("Service")[0]: item["Properties"]["AvailabilityZoneRebalancing"]
        for name, item in production.enterprise.of("AWS::ECS::Service").items()
    }
    assert found == {"Webapp": "ENABLED", "Coreapp": "DISABLED", "Master": "ENABLED"}


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


@pytest.mark.parametrize("active", [2, 32])
def test_an_alarm_speaks_when_the_fleet_does_not_come_back_to_its_cap(synth: Synth, active: int) -> None:
    made = synth(active_coreapps=active)
    found = made.enterprise.one("AWS::CloudWatch::Alarm", "HostsAboveCap")
    assert (found["ComparisonOperator"], found["Threshold"]) == ("GreaterThanThreshold", made.plan.hosts.maximum)
    # Hosts that drain are in service no more: only the number in all counts them.
    (metric,) = [each["MetricStat"] for each in found["Metrics"]]
    assert (metric["Metric"]["MetricName"], metric["Stat"]) == ("GroupTotalInstances", "Minimum")
    assert metric["Period"] * found["EvaluationPeriods"] == 60 * CAP_ALARM_MINUTES
