"""What Amazon ECS does with the roles of a cluster: the agent on each host, and the start of each task."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .duty import DENIAL, Duty, Properties, as_session, assumes, session_of, writes_logs
from .model import Account, Call
from .requests import parameter_arn, secret_key_calls

# arn:...:secret:<name>-<6 letters>, and then :<key>:<stage>:<version>
_SECRET = re.compile(r"(arn:aws[a-z-]*:secretsmanager:[^:]+:\d+:secret:[^:]+)(:.*)?")
_REGISTRY = re.compile(r"(?P<account>\d+)\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(?P<name>[^:@]+)")
# The calls of the agent: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/instance_IAM_role.html
_AGENT_ON_CLUSTER = (
    "ecs:RegisterContainerInstance",
    "ecs:SubmitAttachmentStateChanges",
    "ecs:SubmitContainerStateChange",
    "ecs:SubmitTaskStateChange",
)
_AGENT_ON_HOST = ("ecs:Poll", "ecs:StartTelemetrySession")
_STATE = "ecs:UpdateContainerInstancesState"
# What a host in Session Manager calls, out of AmazonSSMManagedInstanceCore.
_SESSION_MANAGER = (
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_EXEC = tuple(name for name in _SESSION_MANAGER if name.startswith("ssmmessages:"))
_NOT_STARTED = f"ResourceInitializationError: unable to pull secrets or registry auth: {DENIAL}"
_NOT_MOUNTED = (
    "ResourceInitializationError: failed to invoke EFS utils commands: mount.nfs4: access denied by server: " + DENIAL
)
_CANNOT_ASSUME = (
    "ECS was unable to assume the role '{role}' that was provided for this task. Please verify that the role being "
    "passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role."
)


def service(account: Account, arn: str, properties: Properties) -> Iterator[Duty]:
    """Yield what starting a service's tasks needs: the hosts of its cluster register, and a task starts."""
    cluster = str(properties.get("Cluster", "default")).rsplit("/", 1)[-1]
    for role in _host_roles(account, cluster, properties):
        yield from host(account, role, cluster)
    task = account.described("AWS::ECS::TaskDefinition", str(properties.get("TaskDefinition")))
    if task is not None:
        yield from _task(account, task, str(properties.get("EnableExecuteCommand")).lower() == "true")


def _host_roles(account: Account, cluster: str, properties: Properties) -> list[str]:
    """Return the roles of the hosts behind the capacity providers of a service."""
    named = [str(item.get("CapacityProvider")) for item in properties.get("CapacityProviderStrategy") or []]
    if not named:
        association = account.described("AWS::ECS::ClusterCapacityProviderAssociations", cluster) or {}
        named = [str(name) for name in association.get("CapacityProviders") or []]
    found = set[str]()
    for name in named:
        provider = account.described("AWS::ECS::CapacityProvider", name) or {}
        group = (provider.get("AutoScalingGroupProvider") or {}).get("AutoScalingGroupArn")
        asg = account.described("AWS::AutoScaling::AutoScalingGroup", str(group)) or {}
        template = (asg.get("LaunchTemplate") or {}).get("LaunchTemplateId")
        data = (account.described("AWS::EC2::LaunchTemplate", str(template)) or {}).get("LaunchTemplateData") or {}
        profile = data.get("IamInstanceProfile") or {}
        named_profile = str(profile.get("Arn") or profile.get("Name"))
        roles = (account.described("AWS::IAM::InstanceProfile", named_profile) or {}).get("Roles") or []
        found |= {account.arn("AWS::IAM::Role", str(role)) or str(role) for role in roles}
    return sorted(found)


def host(account: Account, role: str, cluster: str) -> Iterator[Duty]:
    """Yield what the agent of a host calls with the role of the hosts.

    Args:
        account: What else there is.
        role: ARN of the role in the host's instance profile.
        cluster: Name of the cluster.
    """
    why = f"unable to register container instance: {DENIAL}"
    yield from assumes(account, "ec2.amazonaws.com", role, f"{role}: EC2 cannot assume the role of the hosts")
    session = session_of(account, role, "i-0123456789abcdef0")
    ecs = f"arn:aws:ecs:{account.region}:{account.id}"
    cluster_arn, own = f"{ecs}:cluster/{cluster}", f"{ecs}:container-instance/{cluster}/0123456789abcdef"
    yield from as_session(session, {"ecs:DiscoverPollEndpoint": "*"}, why)
    yield from as_session(session, dict.fromkeys(_AGENT_ON_CLUSTER, cluster_arn), why)
    for action in (*_AGENT_ON_HOST, _STATE):
        call = Call(action=action, resource=own, context={"ecs:cluster": cluster_arn})
        yield Duty(principal=session, call=call, refusal=why, quiet=action == _STATE)
    # Without these a host serves all the same: it cannot say that it goes, and nobody gets a shell on it.
    yield from as_session(session, {"ecs:DeregisterContainerInstance": cluster_arn}, why, quiet=True)
    yield from as_session(session, dict.fromkeys(_SESSION_MANAGER, "*"), f"Session Manager: {DENIAL}", quiet=True)


def _task(account: Account, task: Properties, opens_shells: bool) -> Iterator[Duty]:
    execution, own = task.get("ExecutionRoleArn"), task.get("TaskRoleArn")
    source = f"arn:aws:ecs:{account.region}:{account.id}:*"
    for role in (execution, own):
        if role:
            refusal = _CANNOT_ASSUME.format(role=role)
            yield from assumes(account, "ecs-tasks.amazonaws.com", str(role), refusal, source)
    for container in task.get("ContainerDefinitions") or []:
        yield from _container(account, str(execution), container)
    if own:
        yield from _mounts(account, str(own), task)
        if opens_shells:
            yield from as_session(session_of(account, str(own), "task"), dict.fromkeys(_EXEC, "*"), quiet=True)


def _container(account: Account, execution: str, container: Any) -> Iterator[Duty]:
    """Yield what starting a container needs; without an execution role a session that may do nothing tries it."""
    session = session_of(account, execution, "task")
    logging = container.get("LogConfiguration") or {}
    for secret in [*(container.get("Secrets") or []), *(logging.get("SecretOptions") or [])]:
        yield from _secret(account, execution, str(secret.get("ValueFrom")))
    if logging.get("LogDriver") == "awslogs":
        group = str((logging.get("Options") or {}).get("awslogs-group"))
        refusal = f"CannotStartContainerError: failed to initialize logging driver: {DENIAL}"
        yield from as_session(session, writes_logs(account, group), refusal)
    if registry := _REGISTRY.match(str(container.get("Image"))):
        repository = f"arn:aws:ecr:{registry['region']}:{registry['account']}:repository/{registry['name']}"
        calls = {"ecr:GetAuthorizationToken": "*", **dict.fromkeys(_PULL, repository)}
        yield from as_session(session, calls, _NOT_STARTED)


def _secret(account: Account, execution: str, source: str) -> Iterator[Duty]:
    session = session_of(account, execution, "task")
    if named := _SECRET.fullmatch(source):
        yield from as_session(session, {"secretsmanager:GetSecretValue": named[1]}, _NOT_STARTED)
        for call in secret_key_calls(account, named[1], "kms:Decrypt"):
            yield Duty(principal=session, call=call, refusal=_NOT_STARTED)
    else:
        yield from as_session(session, {"ssm:GetParameters": parameter_arn(source, account)}, _NOT_STARTED)


def _mounts(account: Account, role: str, task: Properties) -> Iterator[Duty]:
    """Yield what mounting the task's file systems needs (T-47)."""
    session = session_of(account, role, "task")
    for volume in task.get("Volumes") or []:
        mounted = volume.get("EFSVolumeConfiguration") or {}
        system = mounted.get("FilesystemId") or mounted.get("FileSystemId")
        authorization = mounted.get("AuthorizationConfig") or {}
        if not system or authorization.get("IAM") != "ENABLED":
            continue
        arn = f"arn:aws:elasticfilesystem:{account.region}:{account.id}"
        point = str(authorization.get("AccessPointId"))
        context = {
            "elasticfilesystem:AccessedViaMountTarget": "true",
            "elasticfilesystem:AccessPointArn": f"{arn}:access-point/{point}",
        }
        user = (account.described("AWS::EFS::AccessPoint", point) or {}).get("PosixUser") or {}
        actions = ["ClientMount", "ClientWrite", *(["ClientRootAccess"] if str(user.get("Uid")) == "0" else [])]
        for name in actions:
            call = Call(action=f"elasticfilesystem:{name}", resource=f"{arn}:file-system/{system}", context=context)
            yield Duty(principal=session, call=call, refusal=_NOT_MOUNTED)
