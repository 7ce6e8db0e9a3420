"""From a request to the permissions that it needs: the one table of the calls that roles of the stacks make.

A request that is not in it is refused. To add one, give it a line in `_CALLS`: the service as it is signed for, the
operation, and the calls as the service authorization reference lists them, with the condition keys that the operation
has: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .model import Account, Call

# (the account, the parameters of the request) -> the permissions that it needs
Needs = Callable[["Asked"], list[Call]]


class Asked:
    """A request with its parameters, in the spelling of JSON (`services`) or of a query (`Names.member.1`).

    Args:
        account: Whose resources are named.
        action: The IAM action that has the operation's name.
        parameters: The parameters.
    """

    def __init__(self, account: Account, action: str, parameters: Mapping[str, Any]) -> None:
        self.account = account
        self.action = action
        self._parameters = parameters

    def one(self, name: str, default: str = "") -> str:
        """Return a parameter's only value."""
        return str(self._parameters.get(name) or default)

    def many(self, name: str) -> list[str]:
        """Return the values of a list."""
        value = self._parameters.get(name)
        if isinstance(value, list):
            return [str(item) for item in value]
        items = re.compile(rf"{re.escape(name)}\.(?:\w+\.)?\d+")
        return [str(item) for key, item in self._parameters.items() if items.fullmatch(key)]

    def of_service(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of this account and region."""
        return f"arn:aws:{service}:{self.account.region}:{self.account.id}:{resource}"

    def call(self, resource: str = "*", **context: str) -> Call:
        """Return the operation's own call."""
        return Call(action=self.action, resource=resource, context=context)


def calls(account: Account, service: str, operation: str, parameters: Mapping[str, Any]) -> list[Call] | None:
    """Return the permissions that a request needs; None for one that the table does not know.

    Args:
        account: Whose resources are named.
        service: The service as the request is signed for it, such as `ecs`.
        operation: The API operation, such as `DescribeServices`.
        parameters: Its parameters.
    """
    needs = _CALLS.get((service, operation))
    if needs is None:
        return None
    return needs(Asked(account, f"{service}:{_IAM_NAMES.get((service, operation), operation)}", parameters))


def _name(reference: str) -> str:
    """Return the name at the end of an ARN, or the name itself."""
    return reference.rsplit("/", 1)[-1].rsplit(":", 1)[-1]


def _anywhere(asked: Asked) -> list[Call]:
    return [asked.call()]


# ---- ECS ----


def _setting(asked: Asked) -> list[Call]:
    return [asked.call(**{"ecs:account-setting": asked.one("name")})]


def _cluster_arn(asked: Asked) -> str:
    return asked.of_service("ecs", f"cluster/{_name(asked.one('cluster', 'default'))}")


def _services(asked: Asked) -> list[Call]:
    cluster = _cluster_arn(asked)
    names = asked.many("services") or [asked.one("service")]
    return [_in_cluster(asked, "service", name, cluster) for name in names]


def _in_cluster(asked: Asked, kind: str, name: str, cluster: str) -> Call:
    arn = asked.of_service("ecs", f"{kind}/{_name(cluster)}/{_name(name)}")
    return asked.call(arn, **{"ecs:cluster": cluster})


def _cluster(asked: Asked) -> list[Call]:
    return [asked.call(cluster, **{"ecs:cluster": cluster}) for cluster in [_cluster_arn(asked)]]


def _clusters(asked: Asked) -> list[Call]:
    return [asked.call(asked.of_service("ecs", f"cluster/{_name(name)}")) for name in asked.many("clusters")]


def _hosts(asked: Asked) -> list[Call]:
    cluster = _cluster_arn(asked)
    return [_in_cluster(asked, "container-instance", name, cluster) for name in asked.many("containerInstances")]


def _run_task(asked: Asked) -> list[Call]:
    """To run a task passes its roles to ECS."""
    definition = asked.one("taskDefinition")
    properties = asked.account.described("AWS::ECS::TaskDefinition", definition) or {}
    passed = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    return [
        asked.call(definition, **{"ecs:cluster": _cluster_arn(asked)}),
        *(
            Call(action="iam:PassRole", resource=str(properties[name]), context=passed)
            for name in ("TaskRoleArn", "ExecutionRoleArn")
            if name in properties
        ),
    ]


def _tasks(asked: Asked) -> list[Call]:
    cluster = _cluster_arn(asked)
    names = asked.many("tasks") or [asked.one("task")]
    return [_in_cluster(asked, "task", name, cluster) for name in names]


def _list_tasks(asked: Asked) -> list[Call]:
    # Judged on the container instances of the cluster, whichever they are.
    return [_in_cluster(asked, "container-instance", "*", _cluster_arn(asked))]


def _providers(asked: Asked) -> list[Call]:
    names = asked.many("capacityProviders") or [asked.one("name", "*")]
    return [asked.call(asked.of_service("ecs", f"capacity-provider/{_name(name)}")) for name in names]


# ---- Secrets Manager and Systems Manager ----


def _secret(*key_actions: str) -> Needs:
    """Return the needs of a call on one secret, and on its key if it is one of the account's own.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
    """

    def needs(asked: Asked) -> list[Call]:
        given = asked.one("SecretId")
        arn = given if given.startswith("arn:") else asked.account.arn("AWS::SecretsManager::Secret", given)
        arn = arn or asked.of_service("secretsmanager", f"secret:{given}-??????")
        return [asked.call(arn), *secret_key_calls(asked.account, arn, *key_actions)]

    return needs


def secret_key_calls(account: Account, secret: str, *actions: str) -> list[Call]:
    """Return what Secrets Manager asks of a secret's key in the name of who reads or writes the secret."""
    key = account.key_of(secret)
    context = {
        "kms:ViaService": f"secretsmanager.{account.region}.amazonaws.com",
        "kms:CallerAccount": account.id,
        "kms:EncryptionContext:SecretARN": secret,
    }
    return [Call(action=action, resource=key, context=context) for action in actions] if key else []


def parameter_arn(asked_name: str, account: Account) -> str:
    """Return the ARN of a parameter; its name keeps one slash before it, whether it begins with one or not."""
    if asked_name.startswith("arn:"):
        return asked_name
    return f"arn:aws:ssm:{account.region}:{account.id}:parameter/{asked_name.removeprefix('/')}"


def _parameters(asked: Asked) -> list[Call]:
    names = asked.many("Names") or [asked.one("Name")]
    return [asked.call(parameter_arn(name, asked.account)) for name in names]


# ---- CloudFormation ----


def _stack(asked: Asked) -> list[Call]:
    given = asked.one("StackName")
    if not given:
        return [asked.call()]
    arn = given if given.startswith("arn:") else asked.account.arn("AWS::CloudFormation::Stack", given)
    return [asked.call(arn or asked.of_service("cloudformation", f"stack/{given}/*"))]


# ---- Auto Scaling, EC2, balancers, databases ----


def _group(asked: Asked) -> list[Call]:
    name = asked.one("AutoScalingGroupName")
    arn = asked.account.arn("AWS::AutoScaling::AutoScalingGroup", name) or asked.of_service(
        "autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{name}"
    )
    return [asked.call(arn)]


def _security_group(asked: Asked) -> list[Call]:
    return [asked.call(asked.of_service("ec2", f"security-group/{asked.one('GroupId')}"))]


def _balancer(asked: Asked) -> list[Call]:
    return [asked.call(asked.one("LoadBalancerArn"))]


def _database(asked: Asked) -> list[Call]:
    name = asked.one("DBInstanceIdentifier", "*")
    return [asked.call(name if name.startswith("arn:") else asked.of_service("rds", f"db:{name}"))]


# ---- Lambda, Step Functions, STS ----


def _function(asked: Asked) -> list[Call]:
    given = asked.one("FunctionName")
    return [asked.call(given if given.startswith("arn:") else asked.of_service("lambda", f"function:{given}"))]


def _state_machine(asked: Asked) -> list[Call]:
    return [asked.call(asked.one("stateMachineArn"))]


def _role(asked: Asked) -> list[Call]:
    return [asked.call(asked.one("RoleArn"), **{"sts:RoleSessionName": asked.one("RoleSessionName")})]


def _topic(asked: Asked) -> list[Call]:
    arn = asked.one("TopicArn")
    key = asked.account.key_of(arn)
    if not key:
        return [asked.call(arn)]
    return [asked.call(arn), *(Call(action=action, resource=key) for action in ("kms:GenerateDataKey", "kms:Decrypt"))]


_CALLS: dict[tuple[str, str], Needs] = {
    **dict.fromkeys(
        [("ecs", name) for name in ("PutAccountSetting", "DeleteAccountSetting")],
        _setting,
    ),
    **dict.fromkeys(
        [
            ("autoscaling", "DescribeAutoScalingGroups"),
            ("autoscaling", "DescribeAutoScalingInstances"),
            ("autoscaling", "DescribeInstanceRefreshes"),
            ("autoscaling", "DescribeLifecycleHooks"),
            ("autoscaling", "DescribeScalingActivities"),
            ("ec2", "DescribeInstances"),
            ("ec2", "DescribeSecurityGroups"),
            ("ecs", "ListAccountSettings"),
            ("elasticloadbalancing", "DescribeLoadBalancerAttributes"),
            ("elasticloadbalancing", "DescribeLoadBalancers"),
            ("elasticloadbalancing", "DescribeTargetHealth"),
        ],
        _anywhere,
    ),
    **dict.fromkeys([("ecs", name) for name in ("DescribeServices", "UpdateService")], _services),
    **dict.fromkeys(
        [("ecs", name) for name in ("DeregisterContainerInstance", "ListContainerInstances", "ListServices")],
        _cluster,
    ),
    ("ecs", "DescribeClusters"): _clusters,
    **dict.fromkeys(
        [("ecs", name) for name in ("DescribeContainerInstances", "UpdateContainerInstancesState")], _hosts
    ),
    **dict.fromkeys(
        [("ecs", name) for name in ("DescribeTasks", "GetTaskProtection", "StopTask", "UpdateTaskProtection")],
        _tasks,
    ),
    ("ecs", "ListTasks"): _list_tasks,
    ("ecs", "RunTask"): _run_task,
    **dict.fromkeys([("ecs", name) for name in ("DescribeCapacityProviders", "UpdateCapacityProvider")], _providers),
    ("secretsmanager", "DescribeSecret"): _secret(),
    ("secretsmanager", "GetSecretValue"): _secret("kms:Decrypt"),
    ("secretsmanager", "PutSecretValue"): _secret("kms:GenerateDataKey", "kms:Decrypt"),
    **dict.fromkeys([("ssm", name) for name in ("GetParameter", "GetParameters", "PutParameter")], _parameters),
    **dict.fromkeys(
        [
            ("cloudformation", "DescribeStackEvents"),
            ("cloudformation", "DescribeStackResource"),
            ("cloudformation", "DescribeStackResources"),
            ("cloudformation", "DescribeStacks"),
            ("cloudformation", "ListStackResources"),
        ],
        _stack,
    ),
    **dict.fromkeys(
        [
            ("autoscaling", "CancelInstanceRefresh"),
            ("autoscaling", "CompleteLifecycleAction"),
            ("autoscaling", "ResumeProcesses"),
            ("autoscaling", "SetDesiredCapacity"),
            ("autoscaling", "SetInstanceProtection"),
            ("autoscaling", "StartInstanceRefresh"),
            ("autoscaling", "SuspendProcesses"),
            ("autoscaling", "UpdateAutoScalingGroup"),
        ],
        _group,
    ),
    **dict.fromkeys(
        [
            ("ec2", "AuthorizeSecurityGroupEgress"),
            ("ec2", "AuthorizeSecurityGroupIngress"),
            ("ec2", "RevokeSecurityGroupEgress"),
            ("ec2", "RevokeSecurityGroupIngress"),
        ],
        _security_group,
    ),
    ("elasticloadbalancing", "ModifyLoadBalancerAttributes"): _balancer,
    **dict.fromkeys([("rds", name) for name in ("DescribeDBInstances", "ModifyDBInstance")], _database),
    **dict.fromkeys([("lambda", name) for name in ("GetFunction", "Invoke")], _function),
    ("states", "StartExecution"): _state_machine,
    ("sts", "AssumeRole"): _role,
    # It needs no permission at all.
    ("sts", "GetCallerIdentity"): lambda _: [],
    ("sns", "Publish"): _topic,
}
# Operations that IAM knows by another name.
_IAM_NAMES = {("lambda", "Invoke"): "InvokeFunction"}
