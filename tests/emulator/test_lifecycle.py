"""The life of the local deployment, by the code of `make up` and the real CDK CLI, on a target of this test's own."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cfnlint.api
import pytest

from emulator import cdk, life, report, target
from emulator.workspace import PROJECT, Workspace
from sizing import Plan
from tests.conftest import Synth
from tests.emulator.iam.account import Templates
from tests.emulator.iam.needs import needed

# D-11: no change of size may replace one of these.
STATEFUL = {
    "AWS::RDS::DBInstance",
    "AWS::RDS::DBSubnetGroup",
    "AWS::EFS::FileSystem",
    "AWS::EFS::AccessPoint",
    "AWS::KMS::Key",
    "AWS::SecretsManager::Secret",
    "AWS::EC2::VPC",
    "AWS::EC2::Subnet",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ECS::Cluster",
    "AWS::ECS::Service",
    "AWS::AutoScaling::AutoScalingGroup",
}


@dataclass(frozen=True)
class Seen:
    """What boto3 reads back."""

    coreapps: int
    hosts: tuple[int, int]
    database_class: str
    stateful: dict[str, str]
    statuses: dict[str, str]


def look(running: target.Target) -> Seen:
    cloudformation, ecs = running.client("cloudformation"), running.client("ecs")
    stacks = [stack for stack in report.stacks(running) if stack.name != report.BOOTSTRAP_STACK]
    resources = [
        resource
        for stack in stacks
        for resource in cloudformation.describe_stack_resources(StackName=stack.name)["StackResources"]
    ]
    (cluster,) = ecs.list_clusters()["clusterArns"]
    services = ecs.describe_services(cluster=cluster, services=ecs.list_services(cluster=cluster)["serviceArns"])
    (coreapp,) = [each for each in services["services"] if "Coreapp" in each["serviceName"]]
    (group,) = running.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    (database,) = running.client("rds").describe_db_instances()["DBInstances"]
    return Seen(
        coreapps=coreapp["desiredCount"],
        hosts=(group["MinSize"], group["MaxSize"]),
        database_class=database["DBInstanceClass"],
        stateful={
            f"{each['StackName']}/{each['LogicalResourceId']}": each["PhysicalResourceId"]
            for each in resources
            if each["ResourceType"] in STATEFUL
        },
        statuses={stack.name: stack.status for stack in stacks},
    )


def planned(active_coreapps: int) -> Plan:
    from stacks.settings import Settings

    context = json.loads((PROJECT / "cdk.json").read_text())["context"]
    return Settings.from_context(context | {"deployment": "local", "active_coreapps": active_coreapps})[1]


def assert_as_planned(seen: Seen, plan: Plan) -> None:
    assert seen.coreapps == plan.coreapps
    assert seen.hosts == (plan.hosts.minimum, plan.hosts.maximum)
    assert seen.database_class == plan.database.instance_class


def assert_hosts_suffice(running: target.Target, plan: Plan) -> None:
    """All tasks run within the cap, and at no moment running tasks needed more hosts than served (T-4, T-10)."""
    state = running.capacity()
    assert (state["moments"], state["waiting"]) == ([], 0)
    assert sum(host["tasks"] for host in state["hosts"]) == plan.coreapps + plan.webs + plan.masters
    assert len(state["hosts"]) <= plan.hosts.maximum


def left_behind(running: target.Target) -> dict[str, list[Any]]:
    """Everything of the deployment that can still be found, by kind."""
    ec2, ask = running.client("ec2"), running.client
    # The CDK's function has no log group in the template; the one that Lambda makes outlives it, on AWS too.
    log_groups = [
        each["logGroupName"]
        for each in ask("logs").describe_log_groups()["logGroups"]
        if "CustomVpcRestrictDefaultSG" not in each["logGroupName"]
    ]
    found = {
        "stacks": [stack.name for stack in report.stacks(running)],
        "clusters": ask("ecs").list_clusters()["clusterArns"],
        "groups": ask("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"],
        "databases": ask("rds").describe_db_instances()["DBInstances"],
        "file systems": ask("efs").describe_file_systems()["FileSystems"],
        "balancers": ask("elbv2").describe_load_balancers()["LoadBalancers"],
        "target groups": ask("elbv2").describe_target_groups()["TargetGroups"],
        "functions": ask("lambda").list_functions()["Functions"],
        "secrets": ask("secretsmanager").list_secrets()["SecretList"],
        "alarms": ask("cloudwatch").describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])["MetricAlarms"],
        "dashboards": ask("cloudwatch").list_dashboards()["DashboardEntries"],
        "topics": ask("sns").list_topics()["Topics"],
        "log groups": log_groups,
        "networks": [each for each in ec2.describe_vpcs()["Vpcs"] if not each["IsDefault"]],
        "NAT gateways": [each for each in ec2.describe_nat_gateways()["NatGateways"] if each["State"] != "deleted"],
        "addresses": ec2.describe_addresses()["Addresses"],
        "flow logs": ec2.describe_flow_logs()["FlowLogs"],
        "launch templates": ec2.describe_launch_templates()["LaunchTemplates"],
        "account settings": ask("ecs").list_account_settings()["settings"],
    }
    return {kind: things for kind, things in found.items() if things}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = Workspace(state=tmp_path_factory.mktemp("lifecycle"))
    path = os.environ["PATH"]
    os.environ["PATH"] = workspace.search_path()  # jsii starts the first `node` on it
    try:
        yield workspace
    finally:
        os.environ["PATH"] = path
        target.stop(workspace)


def resize(workspace: Workspace, running: target.Target, active_coreapps: int) -> None:
    words = ("deploy", "--all", "--output", str(workspace.assembly))
    cdk.run(workspace, running.endpoint, *words, *cdk.local([f"active_coreapps={active_coreapps}"]))


@pytest.mark.emulator
@pytest.mark.xdist_group("deploy")
def test_up_resize_failed_resize_and_down(local: Workspace, synth: Synth) -> None:
    running = life.up(local)
    two = look(running)
    assert_as_planned(two, planned(2))
    assert set(two.statuses) == {f"wa-local-{part}" for part in ("network", "database", "lambda", "enterprise")}
    assert set(two.statuses.values()) == {"CREATE_COMPLETE"}

    assert life.up(local) == running, "a second `make up` keeps the target"
    assert look(running) == two

    resize(local, running, 8)
    eight = look(running)
    assert_as_planned(eight, planned(8))
    assert_hosts_suffice(running, planned(8))
    assert eight.stateful == two.stateful, "a resize replaces nothing that holds state"

    # Half-way through the database stack: the instance has changed, one of its alarms cannot.
    running.fail_next("AWS::CloudWatch::Alarm", "DatabaseConnections", reason="no more alarms for you")
    with pytest.raises(cdk.CdkError):
        resize(local, running, 32)
    assert any(line.endswith(": no more alarms for you") for line in report.failures(running, "wa-local-database"))
    rolled_back = look(running)
    assert rolled_back.statuses["wa-local-database"] == "UPDATE_ROLLBACK_COMPLETE"
    assert (rolled_back.coreapps, rolled_back.hosts, rolled_back.database_class, rolled_back.stateful) == (
        eight.coreapps,
        eight.hosts,
        eight.database_class,
        eight.stateful,
    )

    # Half-way through the enterprise stack: the database has its new class, which more coreapps need first.
    running.fail_next("AWS::CloudWatch::Dashboard", reason="no more pages for you")
    with pytest.raises(cdk.CdkError):
        life.deploy(local, running)
    assert any(line.endswith(": no more pages for you") for line in report.failures(running, "wa-local-enterprise"))
    rolled_back = look(running)
    assert rolled_back.statuses["wa-local-enterprise"] == "UPDATE_ROLLBACK_COMPLETE"
    assert rolled_back.database_class == planned(32).database.instance_class
    assert (rolled_back.coreapps, rolled_back.hosts, rolled_back.stateful) == (
        eight.coreapps,
        eight.hosts,
        eight.stateful,
    )

    assert_calls_are_in_the_table(running, Templates(assembly=synth("local")))

    life.destroy(local, running)
    left = left_behind(running)
    assert left == {"stacks": [report.BOOTSTRAP_STACK]}

    life.down(local)
    assert target.find(local) is None
    life.down(local)


def assert_calls_are_in_the_table(running: target.Target, account: Templates) -> None:
    """What functions called is what the tests of policies say that they call, and all of it was allowed."""
    made = {(call["role"], call["action"]) for call in running.judged_calls()}
    assert made
    listed = {(need.principal.rpartition("/")[2], need.call.action) for need in needed(account)}
    unknown = {
        (role, action)
        for role, action in made
        # The target shortens long names and adds a number to them.
        if not any(action == known and role.startswith(name[:40]) for name, known in listed)
    }
    assert unknown == set()
    assert [call for call in running.judged_calls() if not call["allowed"]] == []


def template(tmp_path: Path, resources: dict[str, Any]) -> Path:
    path = tmp_path / "t.template.json"
    path.write_text(json.dumps({"Resources": resources}))
    return path


def test_cfn_lint_is_a_gate(tmp_path: Path) -> None:
    wrong = template(tmp_path, {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayNam": "x"}}})
    with pytest.raises(SystemExit, match=r"cfn-lint refuses the templates:\nt\.template\.json:1: E3002 .*DisplayNam"):
        life.lint([wrong], tmp_path / "passed")
    assert not (tmp_path / "passed").exists()


def test_what_passed_the_gate_is_not_asked_again_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = template(tmp_path, {"Topic": {"Type": "AWS::SNS::Topic"}})
    life.lint([right], tmp_path / "passed")
    (first,) = (tmp_path / "passed").iterdir()
    monkeypatch.setattr(cfnlint.api, "lint_file", lambda *_: pytest.fail("it was asked again"))
    life.lint([right], tmp_path / "passed")
    monkeypatch.undo()
    with pytest.raises(SystemExit):
        life.lint([template(tmp_path, {"Topic": {"Type": "AWS::SNS::Topics"}})], tmp_path / "passed")
    assert list((tmp_path / "passed").iterdir()) == [first]
