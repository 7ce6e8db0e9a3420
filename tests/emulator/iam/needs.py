"""All calls that the roles of a deployment must be allowed, and some that they must not be.

What services of AWS do follows from the templates, by the code that judges it on the target. What the code of functions
does stands in one table here, in terms of what the templates give to the functions; tests compare it with the code and
with what a deploy on the target has done.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from emulator.iam import duties
from emulator.iam.model import Call, Principal, Role, Service, Session
from emulator.iam.requests import calls
from tests.emulator.iam.account import Resource, Templates

Given = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """A request that a function makes.

    Attributes:
        service: As it is signed for.
        operation: Of the API.
        parameters: Those that IAM looks at.
        role: ARN of the role that the function has assumed. Empty: its own.
    """

    service: str
    operation: str
    parameters: Mapping[str, Any]
    role: str = ""


@dataclass(frozen=True)
class Need:
    """A call with who makes it."""

    principal: str
    """ARN of a role, or the name of a service."""
    call: Call

    @property
    def key(self) -> tuple[object, ...]:
        """What makes two needs the same."""
        return self.principal, self.call.action, self.call.resource, tuple(sorted(self.call.context.items()))

    def of(self, account: Templates) -> Principal:
        """Return the principal as an account has it."""
        if not self.principal.startswith("arn:"):
            return Service(host=self.principal)
        role = account.role(self.principal) or Role(arn=self.principal, trust={}, policies=())
        return Session(role=role, name="test")


# ---- what the code of functions asks for ----


def _trunking(given: Given) -> list[Request]:
    role, setting = given["RoleArn"], {"name": "awsvpcTrunking"}
    return [
        Request("sts", "AssumeRole", {"RoleArn": role, "RoleSessionName": "account-settings"}),
        *(Request("ecs", name, setting, role) for name in ("PutAccountSetting", "DeleteAccountSetting")),
    ]


def _database_user(given: Given) -> list[Request]:
    return [
        Request("secretsmanager", "GetSecretValue", {"SecretId": given["MasterSecretArn"]}),
        Request("secretsmanager", "GetSecretValue", {"SecretId": given["UserSecretArn"]}),
        Request("secretsmanager", "PutSecretValue", {"SecretId": given["UserSecretArn"]}),
        Request("ssm", "GetParameter", {"Name": given["CaParameterName"]}),
    ]


def _shards(given: Given) -> list[Request]:
    # What is not given comes from the outputs of the stack.
    stack = given.get("StackName")
    cluster, service = given.get("ClusterName") or f"{stack}-cluster", given.get("ServiceName") or f"{stack}-service"
    return [
        Request("cloudformation", "DescribeStacks", {"StackName": stack or given["StackId"]}),
        Request("secretsmanager", "GetSecretValue", {"SecretId": given["SecretArn"]}),
        *(
            [Request("ecs", "DescribeServices", {"cluster": cluster, "services": [service]})]
            if stack or "ServiceName" in given
            else []
        ),
        *([Request("ssm", "GetParameter", {"Name": given["CaParameterName"]})] if "CaParameterName" in given else []),
    ]


def _hosts(given: Given) -> list[Request]:
    if "RolledBackStack" in given:
        group = {"AutoScalingGroupName": f"{given['RolledBackStack']}-group"}
        return [
            Request("cloudformation", "DescribeStacks", {"StackName": given["RolledBackStack"]}),
            Request("autoscaling", "DescribeAutoScalingGroups", group),
            Request("autoscaling", "UpdateAutoScalingGroup", group),
        ]
    stack = Request("cloudformation", "DescribeStacks", {"StackName": given["StackId"]})
    cluster = {"cluster": given["ClusterName"]}
    if "GroupName" not in given:
        service = f"{given['OwnStack']}-Service"
        return [
            stack,
            Request("ecs", "DescribeServices", {**cluster, "services": [service]}),
            Request("ecs", "UpdateService", {**cluster, "service": service}),
        ]
    group = {"AutoScalingGroupName": given["GroupName"]}
    operations = (
        "CancelInstanceRefresh",
        "CompleteLifecycleAction",
        "DescribeAutoScalingGroups",
        "StartInstanceRefresh",
        "SuspendProcesses",
        "UpdateAutoScalingGroup",
    )
    return [
        stack,
        *(Request("autoscaling", operation, group) for operation in operations),
        Request("ecs", "ListContainerInstances", cluster),
        Request("ecs", "DescribeContainerInstances", {**cluster, "containerInstances": ["0"]}),
        Request("ecs", "DeregisterContainerInstance", cluster),
    ]


def _first_webapp(given: Given) -> list[Request]:
    cluster = {"cluster": given["ClusterName"]}
    return [
        Request("ecs", "RunTask", {**cluster, "taskDefinition": given["TaskDefinitionArn"]}),
        Request("ecs", "ListTasks", cluster),
        Request("ecs", "DescribeTasks", {**cluster, "tasks": ["0"]}),
        Request("ecs", "StopTask", {**cluster, "task": "0"}),
    ]


def _protection(given: Given) -> list[Request]:
    return [
        Request("elasticloadbalancing", "ModifyLoadBalancerAttributes", {"LoadBalancerArn": given["LoadBalancerArn"]}),
        Request("rds", "ModifyDBInstance", {"DBInstanceIdentifier": given["DatabaseIdentifier"]}),
    ]


def _default_group(given: Given) -> list[Request]:
    operations = [f"{verb}SecurityGroup{way}" for verb in ("Authorize", "Revoke") for way in ("Ingress", "Egress")]
    return [Request("ec2", name, {"GroupId": given["DefaultSecurityGroupId"]}) for name in operations]


def _provider(given: Given) -> list[Request]:
    # An idle function is waited for when its first call fails.
    function = {"FunctionName": given["function"]}
    start = [Request("states", "StartExecution", {"stateMachineArn": given["waiter"]})] if given["waiter"] else []
    return [Request("lambda", "GetFunction", function), Request("lambda", "Invoke", function), *start]


HANDLERS: dict[str, Callable[[Given], list[Request]]] = {
    "__entrypoint__.handler": _default_group,
    "framework.isComplete": _provider,
    "framework.onEvent": _provider,
    # It only tells CloudFormation that the time is over.
    "framework.onTimeout": lambda _: [],
    "functions.database_user.handler.handler": _database_user,
    "functions.eni_trunking.handler.handler": _trunking,
    "functions.first_webapp.handler.handler": _first_webapp,
    "functions.hosts.handler.handle": _hosts,
    "functions.protection.handler.handle": _protection,
    "functions.shards.handler.is_complete": _shards,
    "functions.shards.handler.on_event": _shards,
    "functions.shards.handler.reconcile": _shards,
}
"""What each function asks for, by its handler. A new function needs a line here."""


def _custom_resources(account: Templates) -> Iterator[tuple[str, Given]]:
    """Yield the ARN of each function that answers a custom resource, with what it is given."""
    for item in account.resources.values():
        if token := item.properties.get("ServiceToken"):
            name = f"{account.assembly.settings.name}-{item.place.partition('/')[0]}"
            stack = account.arn("AWS::CloudFormation::Stack", name)
            yield token, {**item.properties, "StackId": stack, "OwnStack": name}


def _frameworks(account: Templates) -> Iterator[tuple[str, Given]]:
    """Yield the functions of the CDK's provider framework, and those that they call in their turn."""
    given = list(_custom_resources(account))
    for item in account.of("AWS::Lambda::Function"):
        variables = (item.properties.get("Environment") or {}).get("Variables") or {}
        asked = variables.get("USER_ON_EVENT_FUNCTION_ARN"), variables.get("USER_IS_COMPLETE_FUNCTION_ARN")
        if not all(asked):
            continue
        is_event = item.properties["Handler"] == "framework.onEvent"
        waiter = variables.get("WAITER_STATE_MACHINE_ARN", "")
        yield item.arn, {"function": asked[0] if is_event else asked[1], "waiter": waiter}
        for properties in (properties for token, properties in given if token == item.arn):
            yield from ((function, properties) for function in asked if function)


def _rules(account: Templates) -> Iterator[tuple[str, Given]]:
    for item in account.of("AWS::Events::Rule"):
        for target in item.properties["Targets"]:
            yield target["Arn"], json.loads(target.get("Input", "{}"))


def requests(account: Templates, function: Resource) -> list[Request]:
    """Return what a function asks for, for everything that calls it."""
    sources = (*_custom_resources(account), *_frameworks(account), *_rules(account))
    ask = HANDLERS[function.properties["Handler"]]
    if "USER_ON_EVENT_FUNCTION_ARN" in str(function.properties):
        sources = tuple(_frameworks(account))
    return [request for arn, given in sources if arn == function.arn for request in ask(given)]


# ---- all together ----


def needed(account: Templates) -> list[Need]:
    """Return all calls that must be allowed."""
    made: list[Need] = []
    for item in account.resources.values():
        for duty in duties.of(account, item.kind, item.arn, item.properties):
            principal = duty.principal
            made.append(Need(principal.role.arn if isinstance(principal, Session) else principal.host, duty.call))
    for function in account.of("AWS::Lambda::Function"):
        for request in requests(account, function):
            found = calls(account, request.service, request.operation, request.parameters)
            assert found is not None, f"emulator/iam/requests.py lacks {request.service}:{request.operation}"
            own = {} if request.role else {"lambda:SourceFunctionArn": function.arn}
            for call in found:
                call = replace(call, context={**call.context, **own})
                made.append(Need(request.role or function.properties["Role"], call))
    return list({need.key: need for need in made}.values())


def forbidden(account: Templates) -> list[Need]:
    """Return calls that must be denied, so that statements that deny are seen to do so."""
    in_the_clear = {"aws:SecureTransport": "false"}
    found = [
        Need(need.principal, replace(need.call, context={**need.call.context, **in_the_clear}))
        for need in needed(account)
        if need.call.action.startswith(("sns:Publish", "elasticfilesystem:"))
    ]
    for function in account.of("AWS::Lambda::Function"):
        if "VpcConfig" in function.properties:
            session = duties.function_session(account, function.arn, function.properties)
            found += [
                Need(session.role.arn, replace(duty.call, context={"lambda:SourceFunctionArn": function.arn}))
                for duty in duties.of(account, function.kind, function.arn, function.properties)
                if duty.call.action.startswith("ec2:")
            ]
    return found
