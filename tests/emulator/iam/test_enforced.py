"""IAM on the target: what no policy allows is refused, in AWS's words, whoever tries it."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from emulator import target
from tests.emulator.conftest import Apply
from tests.emulator.templates import SECRET, Resource, att, fleet, network, ref, resource, role

# A custom resource that makes one call of AWS and answers CloudFormation with what came of it.
CODE = """
import boto3, json, urllib.request

def handler(event, context):
    asked = event["ResourceProperties"]
    answer = {key: event[key] for key in ("RequestId", "StackId", "LogicalResourceId")}
    answer |= {"PhysicalResourceId": "asked", "Status": "SUCCESS"}
    try:
        getattr(boto3.client(asked["Service"]), asked["Method"])(**json.loads(asked["Parameters"]))
    except Exception as error:
        answer |= {"Status": "FAILED", "Reason": str(error)}
    body = json.dumps(answer).encode()
    if event["RequestType"] != "Delete" or True:
        urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], body, method="PUT"))
"""
LOGS = {"*": ["logs:CreateLogStream", "logs:PutLogEvents"]}
SETTLE_SECONDS = 30.0


def function(name: str = "Role", **properties: Any) -> Resource:
    return resource(
        "Lambda::Function",
        **{"Runtime": "python3.12", "Handler": "index.handler", "Code": {"ZipFile": CODE}, "Role": att(name, "Arn")}
        | properties,
    )


def asks(service: str, method: str, **parameters: Any) -> Resource:
    return resource(
        "CloudFormation::CustomResource",
        ServiceToken=att("Function", "Arn"),
        Service=service,
        Method=method,
        Parameters=json.dumps(parameters),
    )


def reason(running: target.Target, stack: dict[str, Any]) -> str:
    """What the first resource that failed says."""
    events = running.client("cloudformation").describe_stack_events(StackName=stack["StackName"])["StackEvents"]
    failed = [event for event in reversed(events) if event["ResourceStatus"] == "CREATE_FAILED"]
    return str(failed[0]["ResourceStatusReason"]) if failed else ""


def eventually(ask: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SETTLE_SECONDS
    while not (found := ask()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
    return found


# ---- functions ----


def test_a_function_may_do_what_its_role_may(running: target.Target, apply: Apply) -> None:
    made = apply(
        {
            "Secret": resource("SecretsManager::Secret", SecretString="kept"),
            "Role": role("lambda.amazonaws.com", {**LOGS, "*": [*LOGS["*"], "secretsmanager:GetSecretValue"]}),
            "Function": function(),
            "Asked": asks("secretsmanager", "get_secret_value", SecretId="missing"),
        }
    )
    # IAM let it through to the service, which knows no such secret.
    assert "ResourceNotFoundException" in reason(running, made)


def test_a_function_may_do_nothing_else(running: target.Target, apply: Apply) -> None:
    made = apply(
        {
            "Role": role("lambda.amazonaws.com", LOGS),
            "Function": function(),
            "Asked": asks("secretsmanager", "get_secret_value", SecretId="missing"),
        }
    )
    said = reason(running, made)
    assert "AccessDeniedException" in said
    assert "User: arn:aws:sts::123456789012:assumed-role/" in said
    assert "is not authorized to perform: secretsmanager:GetSecretValue on resource: " in said
    assert "because no identity-based policy allows the secretsmanager:GetSecretValue action" in said


def test_a_query_is_refused_in_its_own_protocol(running: target.Target, apply: Apply) -> None:
    made = apply(
        {
            "Role": role("lambda.amazonaws.com", LOGS),
            "Function": function(),
            "Asked": asks("cloudformation", "describe_stacks", StackName="other"),
        }
    )
    assert "(AccessDenied)" in reason(running, made)
    assert "cloudformation:DescribeStacks on resource: arn:aws:cloudformation:us-east-1:" in reason(running, made)


def test_a_boundary_limits_a_role(running: target.Target, apply: Apply) -> None:
    allowed = role("lambda.amazonaws.com", {"*": [*LOGS["*"], "secretsmanager:GetSecretValue"]})
    limit = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
    allowed["Properties"]["PermissionsBoundary"] = ref("Boundary")
    made = apply(
        {
            "Boundary": resource("IAM::ManagedPolicy", PolicyDocument=limit),
            "Role": allowed,
            "Function": function(),
            "Asked": asks("secretsmanager", "get_secret_value", SecretId="missing"),
        }
    )
    assert "AccessDeniedException" in reason(running, made)


def test_a_call_that_nobody_has_described_is_refused(running: target.Target, apply: Apply) -> None:
    made = apply(
        {
            "Role": role("lambda.amazonaws.com", {"*": ["*"]}),
            "Function": function(),
            "Asked": asks("iam", "list_users"),
        }
    )
    assert "iam:ListUsers, which emulator/iam/requests.py does not know: add it to its table" in reason(running, made)


def test_a_role_that_lambda_cannot_assume_makes_no_function(running: target.Target, apply: Apply) -> None:
    made = apply({"Role": role("ec2.amazonaws.com", LOGS), "Function": function()})
    assert "The role defined for the function cannot be assumed by Lambda." in reason(running, made)


def test_a_function_in_a_vpc_needs_all_six_rights(running: target.Target, apply: Apply) -> None:
    """T-38."""
    rights = ["ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface"]
    place = {"SubnetIds": [ref("Subnet")], "SecurityGroupIds": [ref("Group")]}
    made = apply(
        network()
        | {"Role": role("lambda.amazonaws.com", {"*": [*LOGS["*"], *rights]}), "Function": function(VpcConfig=place)}
    )
    said = reason(running, made)
    assert "The provided execution role does not have permissions to call AssignPrivateIpAddresses on EC2" in said


# ---- what services do ----


def test_a_topic_without_an_allow_hears_no_alarm(running: target.Target, apply: Apply) -> None:
    """T-8: any policy takes the place of SNS's own."""

    def policy(topic: str, *statements: dict[str, Any]) -> Resource:
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        return resource("SNS::TopicPolicy", Topics=[ref(topic)], PolicyDocument=document)

    publishes = {"Action": "sns:Publish", "Resource": "*"}
    in_the_clear = {"Bool": {"aws:SecureTransport": "false"}}
    only_tls = {**publishes, "Effect": "Deny", "Principal": "*", "Condition": in_the_clear}
    alarms = {**publishes, "Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}}
    made = apply(
        {
            "Deaf": resource("SNS::Topic"),
            "Hears": resource("SNS::Topic"),
            "DeafPolicy": policy("Deaf", only_tls),
            "HearsPolicy": policy("Hears", only_tls, alarms),
            "Alarm": resource(
                "CloudWatch::Alarm",
                AlarmActions=[ref("Deaf"), ref("Hears")],
                Namespace="AWS/ECS",
                MetricName="CPUUtilization",
                ComparisonOperator="GreaterThanThreshold",
                Threshold=1,
                EvaluationPeriods=1,
                Period=60,
                Statistic="Average",
            ),
        },
        {"Alarm": ref("Alarm"), "Deaf": ref("Deaf"), "Hears": ref("Hears")},
    )
    watch = running.client("cloudwatch")
    watch.set_alarm_state(AlarmName=made["Outputs"]["Alarm"], StateValue="ALARM", StateReason="test")
    history = watch.describe_alarm_history(AlarmName=made["Outputs"]["Alarm"])["AlarmHistoryItems"]
    said = [item["HistorySummary"] for item in history if item["HistoryItemType"] == "Action"]
    assert len(said) == 1
    assert said[0].startswith(f"Failed to execute action {made['Outputs']['Deaf']}. Received error: ")
    assert "is not authorized to perform: SNS:Publish on resource" in said[0]


def test_tasks_start_with_their_roles_alone(running: target.Target, apply: Apply) -> None:
    resources = fleet() | {"Execution": role("ecs-tasks.amazonaws.com")}
    said = reason(running, apply(resources))
    assert said.startswith("ResourceInitializationError: unable to pull secrets or registry auth: User: arn:aws:sts::")
    assert f"secretsmanager:GetSecretValue on resource: {SECRET} because no identity-based policy" in said


def test_ecs_must_be_trusted_by_the_roles_of_a_task(running: target.Target, apply: Apply) -> None:
    resources = fleet() | {"Execution": role("ec2.amazonaws.com", {SECRET: ["secretsmanager:GetSecretValue"]})}
    # ECS says the one when the task is described, and the other when it starts.
    assert re.search("Role is not valid|ECS was unable to assume the role", reason(running, apply(resources)))


def test_hosts_register_with_their_role_alone(running: target.Target, apply: Apply) -> None:
    data = {"InstanceType": "m6i.large", "ImageId": "ami-1", "IamInstanceProfile": {"Arn": att("Profile", "Arn")}}
    resources = fleet() | {
        "HostRole": role("ec2.amazonaws.com", {"*": ["ecs:DiscoverPollEndpoint"]}),
        "Profile": resource("IAM::InstanceProfile", Roles=[ref("HostRole")]),
        "Template": resource("EC2::LaunchTemplate", LaunchTemplateData=data),
    }
    said = reason(running, apply(resources))
    assert said.startswith("unable to register container instance: User: ")
    assert "ecs:RegisterContainerInstance on resource: arn:aws:ecs:us-east-1:123456789012:cluster/" in said


def machine() -> Resource:
    state = {"Type": "Task", "Resource": "${Function}", "End": True}
    text = json.dumps({"StartAt": "Call", "States": {"Call": state}})
    return resource(
        "StepFunctions::StateMachine",
        RoleArn=att("MachineRole", "Arn"),
        DefinitionString={"Fn::Sub": [text, {"Function": att("Function", "Arn")}]},
    )


def test_a_state_machine_invokes_what_its_role_may(running: target.Target, apply: Apply) -> None:
    parts = {
        "Role": role("lambda.amazonaws.com", LOGS),
        "Function": function(Code={"ZipFile": "def handler(*_): pass"}),
    }
    made = apply(
        parts
        | {
            "MachineRole": role("states.amazonaws.com", {"*": ["lambda:InvokeFunction"]}),
            "Machine": machine(),
        },
        {"Machine": ref("Machine"), "Role": ref("MachineRole")},
    )
    states = running.client("stepfunctions")

    def end() -> dict[str, Any]:
        execution = states.start_execution(stateMachineArn=made["Outputs"]["Machine"])["executionArn"]
        return eventually(
            lambda: (found := states.describe_execution(executionArn=execution))["status"] != "RUNNING" and found
        )

    assert end()["status"] == "SUCCEEDED"
    running.client("iam").delete_role_policy(RoleName=made["Outputs"]["Role"], PolicyName="All")
    ended = end()
    assert (ended["status"], ended["error"]) == ("FAILED", "Lambda.AWSLambdaException")
    assert "is not authorized to perform: lambda:InvokeFunction on resource: " in ended["cause"]


# ---- who is not judged, and what is written down ----


def test_who_deploys_may_do_everything(running: target.Target) -> None:
    assert running.client("iam").list_users()["Users"] == []
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        running.client("secretsmanager").get_secret_value(SecretId="missing")


def test_calls_are_noted_with_the_verdict(running: target.Target, apply: Apply) -> None:
    apply(
        {
            "Role": role("lambda.amazonaws.com", LOGS),
            "Function": function(),
            "Asked": asks("ssm", "get_parameter", Name="noted"),
        }
    )
    noted = [call for call in running.judged_calls() if call["resource"].endswith(":parameter/noted")]
    assert [(call["action"], call["allowed"]) for call in noted] == [("ssm:GetParameter", False)]


def test_a_rule_starts_a_function_by_its_permission_alone(running: target.Target, apply: Apply) -> None:
    def rule(source: str) -> Resource:
        targets = [{"Arn": att(source, "Arn"), "Id": "0"}]
        return resource("Events::Rule", EventPattern={"source": ["test.iam"]}, Targets=targets)

    code = {"ZipFile": "def handler(*_): print('started')"}
    permission = resource(
        "Lambda::Permission",
        FunctionName=att("Open", "Arn"),
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=att("OpenRule", "Arn"),
    )
    made = apply(
        {
            "Role": role("lambda.amazonaws.com", {"*": [*LOGS["*"], "logs:CreateLogGroup"]}),
            "Open": function(Code=code),
            "Shut": function(Code=code),
            "OpenRule": rule("Open"),
            "ShutRule": rule("Shut"),
            "Permission": permission,
        },
        {"Open": ref("Open"), "Shut": ref("Shut")},
    )
    running.client("events").put_events(Entries=[{"Source": "test.iam", "DetailType": "test", "Detail": "{}"}])
    logs = running.client("logs")

    def started(name: str) -> bool:
        groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{made['Outputs'][name]}")["logGroups"]
        return bool(groups)

    assert eventually(lambda: started("Open"))
    assert not started("Shut")


def test_a_function_that_may_not_write_its_log_writes_none(running: target.Target, apply: Apply) -> None:
    made = apply(
        {
            "Role": role("lambda.amazonaws.com", LOGS),
            "Function": function(Code={"ZipFile": "def handler(*_): print('heard')"}),
        },
        {"Function": ref("Function"), "Role": ref("Role")},
    )
    running.client("iam").delete_role_policy(RoleName=made["Outputs"]["Role"], PolicyName="All")
    answer = running.client("lambda").invoke(FunctionName=made["Outputs"]["Function"])
    assert "FunctionError" not in answer
    groups = running.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{made['Outputs']['Function']}")
    assert groups["logGroups"] == []
