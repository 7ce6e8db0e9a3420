"""Change sets say what CloudFormation's resource schemas say: what is replaced, what may be, what changes in place.

`cdk diff` makes such a change set and shows its answer as "replace" and "may be replaced".
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from emulator import target
from emulator.handlers.replacement import recreation
from tests.assembly import DEPLOYMENTS, Template
from tests.conftest import Synth
from tests.emulator.templates import Resource, att, database, fleet, network, ref, resource

Apply = Callable[..., dict[str, Any]]
# Logical id -> action, replacement, and RequiresRecreation of each property
Changes = dict[str, tuple[str, str | None, dict[str, str]]]
Preview = Callable[[str, dict[str, Any]], Changes]


@pytest.fixture
def upload(running: target.Target) -> Callable[[dict[str, Any]], str]:
    """Put a template into a bucket and return its address: a request takes 51,200 bytes at most."""
    client = running.client("s3")
    client.create_bucket(Bucket="templates")

    def upload(template: dict[str, Any]) -> str:
        client.put_object(Bucket="templates", Key="template.json", Body=json.dumps(template).encode())
        return f"{running.endpoint}/templates/template.json"

    return upload


@pytest.fixture
def preview(running: target.Target, upload: Callable[[dict[str, Any]], str]) -> Preview:
    """Return what a change set would change in a stack. It is deleted, not executed."""
    client = running.client("cloudformation")

    def preview(stack: str, template: dict[str, Any]) -> Changes:
        names = {"StackName": stack, "ChangeSetName": "preview"}
        client.create_change_set(**names, TemplateURL=upload(template), Capabilities=["CAPABILITY_IAM"])
        answer = client.describe_change_set(**names)
        client.delete_change_set(**names)
        changes = [change["ResourceChange"] for change in answer["Changes"]]
        return {
            change["LogicalResourceId"]: (
                change["Action"],
                change.get("Replacement"),
                {
                    detail["Target"]["Name"]: detail["Target"]["RequiresRecreation"]
                    for detail in change.get("Details", [])
                    if "Name" in detail["Target"]
                },
            )
            for change in changes
        }

    return preview


def cluster(**sizes: Any) -> dict[str, Resource]:
    """A fleet with its database, an alarm on its service and a dashboard."""
    count, hosts, database_class = sizes["count"], sizes["hosts"], sizes["database_class"]
    resources = fleet(DesiredCount=count) | database(DBInstanceClass=database_class)
    resources["Hosts"]["Properties"]["MaxSize"] = hosts
    alarm = {
        "Namespace": "AWS/ECS",
        "MetricName": "RunningTaskCount",
        "Dimensions": [{"Name": "ServiceName", "Value": att("Service", "Name")}],
        "ComparisonOperator": "LessThanThreshold",
        "Threshold": count,
        "EvaluationPeriods": 1,
        "Period": 60,
        "Statistic": "Minimum",
    }
    return resources | {
        "Missing": resource("CloudWatch::Alarm", **alarm),
        "Page": resource("CloudWatch::Dashboard", DashboardBody=json.dumps({"widgets": [], "count": count})),
    }


SMALL = {"count": 2, "hosts": "3", "database_class": "db.m7g.large"}
LARGE = {"count": 9, "hosts": "5", "database_class": "db.m7g.2xlarge"}


def test_a_change_of_size_replaces_nothing(apply: Apply, preview: Preview) -> None:
    name = apply(cluster(**SMALL))["StackName"]
    in_place = "Modify", "False"
    assert preview(name, {"Resources": cluster(**LARGE)}) == {
        "Database": (*in_place, {"DBInstanceClass": "Never"}),
        "Hosts": (*in_place, {"MaxSize": "Never"}),
        # The name of the service is an attribute of a resource that changes: CloudFormation lists what reads it.
        "Missing": (*in_place, {"Dimensions": "Never", "Threshold": "Never"}),
        "Page": (*in_place, {"DashboardBody": "Never"}),
        "Service": (*in_place, {"DesiredCount": "Never"}),
    }


def test_a_task_definition_is_replaced_and_its_service_changed_in_place(apply: Apply, preview: Preview) -> None:
    name = apply(fleet())["StackName"]
    changed = fleet()
    changed["Task"]["Properties"]["ContainerDefinitions"][0]["Memory"] = 256
    assert preview(name, {"Resources": changed}) == {
        "Task": ("Modify", "True", {"ContainerDefinitions": "Always"}),
        "Service": ("Modify", "False", {"TaskDefinition": "Never"}),
    }


def test_what_is_added_removed_replaced_and_left_alone(apply: Apply, preview: Preview) -> None:
    name = apply(network() | {"Gone": resource("SNS::Topic")})["StackName"]
    changed = network() | {"New": resource("SNS::Topic")}
    changed["Group"]["Properties"]["GroupDescription"] = "another"
    changed["Other"]["Properties"]["MapPublicIpOnLaunch"] = True
    assert preview(name, {"Resources": changed}) == {
        "Gone": ("Remove", None, {}),
        "Group": ("Modify", "True", {"GroupDescription": "Always"}),
        "New": ("Add", None, {}),
        "Other": ("Modify", "False", {"MapPublicIpOnLaunch": "Never"}),
    }


def test_what_is_replaced_under_conditions_is_called_so(apply: Apply, preview: Preview) -> None:
    name = apply(database(BackupRetentionPeriod=7))["StackName"]
    assert preview(name, {"Resources": database(BackupRetentionPeriod=0)}) == {
        "Database": ("Modify", "Conditional", {"BackupRetentionPeriod": "Conditionally"}),
    }


def test_an_update_replaces_a_rule_when_the_change_set_says_so(
    running: target.Target, apply: Apply, preview: Preview
) -> None:
    def rules(description: str, port: int) -> dict[str, Resource]:
        here = {"GroupId": ref("Group"), "SourceSecurityGroupId": ref("Group"), "IpProtocol": "tcp"}
        rule = resource("EC2::SecurityGroupIngress", FromPort=port, ToPort=port, Description=description, **here)
        return network() | {"Rule": rule}

    outputs = {"Rule": ref("Rule"), "Group": ref("Group")}
    stack = apply(rules("one", 1), outputs)
    name, first = stack["StackName"], stack["Outputs"]
    assert preview(name, {"Resources": rules("two", 1)}) == {"Rule": ("Modify", "False", {"Description": "Never"})}
    assert apply(rules("two", 1), outputs)["Outputs"] == first
    (group,) = running.client("ec2").describe_security_groups(GroupIds=[first["Group"]])["SecurityGroups"]
    (rule,) = group["IpPermissions"]
    assert rule["UserIdGroupPairs"][0]["Description"] == "two"

    ports = {"FromPort": "Always", "ToPort": "Always"}
    assert preview(name, {"Resources": rules("two", 2)}) == {"Rule": ("Modify", "True", ports)}
    assert apply(rules("two", 2), outputs)["Outputs"]["Rule"] != first["Rule"]


# ---- our templates ----


def undeployed(template: Template) -> dict[str, Any]:
    """Return a template whose resources are all left out by a condition: the target compares them all the same."""
    body = {key: value for key, value in template.body.items() if key in ("Parameters", "Resources", "Mappings")}
    left_out = {name: {**item, "Condition": "Never"} for name, item in template.resources.items()}
    conditions = {**template.body.get("Conditions", {}), "Never": {"Fn::Equals": ["deployed", "undeployed"]}}
    return body | {"Resources": left_out, "Conditions": conditions}


@pytest.fixture
def stack(
    running: target.Target, settle: Callable[..., dict[str, Any]], upload: Callable[[dict[str, Any]], str]
) -> Iterator[Callable[[dict[str, Any]], str]]:
    """Create a stack from a template; it is deleted at the end."""
    client = running.client("cloudformation")
    # `cdk bootstrap` leaves this parameter, which templates of the CDK name.
    version = {"Name": "/cdk-bootstrap/hnb659fds/version", "Value": "30", "Type": "String", "Overwrite": True}
    running.client("ssm").put_parameter(**version)
    made: list[str] = []

    def stack(template: dict[str, Any]) -> str:
        name = f"undeployed-{len(made)}"
        client.create_stack(StackName=name, TemplateURL=upload(template), Capabilities=["CAPABILITY_IAM"])
        made.append(name)
        assert settle(running, name)["StackStatus"] == "CREATE_COMPLETE"
        return name

    yield stack
    for name in made:
        client.delete_stack(StackName=name)


@pytest.mark.parametrize("manage_shards", ["false", "true"])
@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_a_size_change_of_our_stacks_replaces_nothing_but_task_definitions(
    synth: Synth,
    stack: Callable[[dict[str, Any]], str],
    preview: Preview,
    deployment: str,
    manage_shards: str,
) -> None:
    small = synth(deployment, manage_shards=manage_shards, active_coreapps=2)
    large = synth(deployment, manage_shards=manage_shards, active_coreapps=8)
    found: dict[str | None, set[str]] = {"False": set(), "Conditional": set(), "True": set()}
    for name, template in small.templates.items():
        changes = preview(stack(undeployed(template)), undeployed(large.templates[name]))
        for key, (action, replacement, _) in changes.items():
            assert action == "Modify"
            found[replacement].add(template.resources[key]["Type"])
    assert {"AWS::ECS::Service", "AWS::RDS::DBInstance", "AWS::CloudWatch::Alarm"} <= found["False"]
    assert found["True"] <= {"AWS::ECS::TaskDefinition"}
    # Another host type is a new version of the launch template, and the schema of the group that uses it does not
    # promise a change in place; the capacity provider refers to the group.
    other_hosts = "AWS::EC2::LaunchTemplate" in found["False"]
    followers = {"AWS::AutoScaling::AutoScalingGroup", "AWS::ECS::CapacityProvider"}
    assert found["Conditional"] == (followers if other_hosts else set())
    assert other_hosts == (small.plan.hosts.instance_type != large.plan.hosts.instance_type)


def test_the_local_deployment_shows_no_replacement_at_all(
    synth: Synth, stack: Callable[[dict[str, Any]], str], preview: Preview
) -> None:
    small, large = synth("local", active_coreapps=2).enterprise, synth("local", active_coreapps=8).enterprise
    changes = preview(stack(undeployed(small)), undeployed(large))
    assert {(small.resources[key]["Type"], *change[:2]) for key, change in changes.items()} == {
        ("AWS::AutoScaling::AutoScalingGroup", "Modify", "False"),
        ("AWS::CloudFormation::CustomResource", "Modify", "False"),
        ("AWS::CloudWatch::Alarm", "Modify", "False"),
        ("AWS::CloudWatch::Dashboard", "Modify", "False"),
        ("AWS::ECS::Service", "Modify", "False"),
    }
    assert {answer for _, _, properties in changes.values() for answer in properties.values()} == {"Never"}


# ---- the schemas ----


def test_every_property_of_our_types_is_judged_as_its_schema_says(synth: Synth) -> None:
    types = {item["Type"] for _, item in synth(manage_shards="true").everything()}
    assert len(types) > 30
    for resource_type in types:
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource_type).schema
        fixed, conditional = (
            {pointer.removeprefix("/properties/") for pointer in schema.get(key, [])}
            for key in ("createOnlyProperties", "conditionalCreateOnlyProperties")
        )
        partly = {pointer.partition("/")[0] for pointer in fixed | conditional}
        for name in schema["properties"]:
            expected = "Always" if name in fixed else "Conditionally" if name in partly else "Never"
            assert recreation(resource_type, name) == expected, f"{resource_type} {name}"


@pytest.mark.parametrize(
    ("resource_type", "name", "expected"),
    [
        ("AWS::ECS::TaskDefinition", "ContainerDefinitions", "Always"),
        ("AWS::ECS::Service", "DesiredCount", "Never"),
        ("AWS::AutoScaling::AutoScalingGroup", "MaxSize", "Never"),
        ("AWS::AutoScaling::AutoScalingGroup", "LaunchTemplate", "Conditionally"),
        # The ARN in it is set at creation alone, the scaling is not.
        ("AWS::ECS::CapacityProvider", "AutoScalingGroupProvider", "Conditionally"),
        ("Custom::Anything", "ServiceToken", "Always"),
        ("Custom::Anything", "Count", "Never"),
        ("AWS::No::Such", "Name", "Conditionally"),
    ],
)
def test_what_a_change_of_a_property_does(resource_type: str, name: str, expected: str) -> None:
    assert recreation(resource_type, name) == expected


# ---- stacks made by a change set ----


def test_a_stack_that_a_change_set_made_can_be_deleted(running: target.Target, settle: Callable[..., Any]) -> None:
    """As the CDK CLI makes its stacks, with nothing said about termination protection."""
    client = running.client("cloudformation")
    names = {"StackName": "by-change-set", "ChangeSetName": "first"}
    body = json.dumps({"Resources": {"Topic": resource("SNS::Topic")}})
    client.create_change_set(**names, ChangeSetType="CREATE", TemplateBody=body)
    client.execute_change_set(**names)
    stack = settle(running, "by-change-set")
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    client.delete_stack(StackName="by-change-set")
    assert settle(running, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
