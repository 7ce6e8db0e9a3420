"""The AWS calls that the functions make, with their types; the one place that imports boto3.

boto3 ships no types. Each protocol below lists just the calls in use, as the service models define them, so
that the rest of the package is typed.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol, cast

import boto3  # type: ignore[import-untyped]
from botocore.exceptions import (  # type: ignore[import-untyped]
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
)

Reply = Mapping[str, Any]

DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException"})
"""The codes with which AWS's services refuse a call that no policy allows."""

NEW_RIGHT_SECONDS: Final = 120.0
"""How long a call may be denied although the same deploy has allowed it: IAM spreads a new right for a while.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
"""


class AccountSettings(Protocol):
    """Amazon ECS: account settings of the caller. Nobody but root may change those of another principal (T-1)."""

    def put_account_setting(self, *, name: str, value: str) -> Reply:
        """Set an account setting for the caller."""
        ...

    def delete_account_setting(self, *, name: str) -> Reply:
        """Take the caller's setting away."""
        ...


class Services(Protocol):
    """Amazon ECS: services."""

    def describe_services(self, *, cluster: str, services: list[str]) -> Reply:
        """Describe services with their counts of running tasks."""
        ...


class Tasks(Protocol):
    """Amazon ECS: single tasks."""

    def run_task(
        self,
        *,
        cluster: str,
        taskDefinition: str,
        capacityProviderStrategy: list[Reply],
        networkConfiguration: Reply,
        startedBy: str,
    ) -> Reply:
        """Start one task outside any service."""
        ...

    def list_tasks(self, *, cluster: str, startedBy: str, desiredStatus: str) -> Reply:
        """List the tasks that somebody started."""
        ...

    def describe_tasks(self, *, cluster: str, tasks: list[str]) -> Reply:
        """Describe tasks with their status and health."""
        ...

    def stop_task(self, *, cluster: str, task: str, reason: str) -> Reply:
        """Stop a task."""
        ...


class LoadBalancers(Protocol):
    """Elastic Load Balancing, version 2."""

    def modify_load_balancer_attributes(self, *, LoadBalancerArn: str, Attributes: list[dict[str, str]]) -> Reply:
        """Change some attributes of a load balancer; the others stay."""
        ...


class Databases(Protocol):
    """Amazon RDS: database instances."""

    def modify_db_instance(
        self, *, DBInstanceIdentifier: str, DeletionProtection: bool, ApplyImmediately: bool
    ) -> Reply:
        """Change whether an instance may be deleted; all else of it stays."""
        ...


class ServiceCounts(Services, Protocol):
    """Amazon ECS: services whose counts are changed."""

    def update_service(self, *, cluster: str, service: str, desiredCount: int) -> Reply:
        """Set how many tasks a service should run."""
        ...


class ContainerInstances(Protocol):
    """Amazon ECS: hosts as the cluster knows them."""

    def list_container_instances(self, *, cluster: str) -> Reply:
        """List the hosts that are registered with a cluster."""
        ...

    def describe_container_instances(self, *, cluster: str, containerInstances: list[str]) -> Reply:
        """Describe hosts with their EC2 instances."""
        ...

    def deregister_container_instance(self, *, cluster: str, containerInstance: str, force: bool) -> Reply:
        """Take a host out of its cluster."""
        ...


class Ecs(ServiceCounts, ContainerInstances, Tasks, Protocol):
    """Amazon ECS."""


class AutoScaling(Protocol):
    """Amazon EC2 Auto Scaling: one group of hosts."""

    def describe_auto_scaling_groups(self, *, AutoScalingGroupNames: list[str]) -> Reply:
        """Describe groups with their hosts; a group that does not exist is left out."""
        ...

    def update_auto_scaling_group(
        self, *, AutoScalingGroupName: str, MaxSize: int, MinSize: int = ..., DesiredCapacity: int = ...
    ) -> Reply:
        """Set the size of a group; what is left out stays."""
        ...

    def complete_lifecycle_action(
        self, *, LifecycleHookName: str, AutoScalingGroupName: str, LifecycleActionResult: str, InstanceId: str
    ) -> Reply:
        """Let a host go on that waits for a lifecycle hook."""
        ...

    def suspend_processes(self, *, AutoScalingGroupName: str, ScalingProcesses: list[str]) -> Reply:
        """Suspend processes of a group; suspended again is no change."""
        ...

    def start_instance_refresh(self, *, AutoScalingGroupName: str, Preferences: Mapping[str, object]) -> Reply:
        """Begin to replace the hosts of a group."""
        ...

    def cancel_instance_refresh(self, *, AutoScalingGroupName: str) -> Reply:
        """Stop replacing the hosts of a group; what is replaced stays so."""
        ...


class SecretsManager(Protocol):
    """AWS Secrets Manager."""

    def get_secret_value(self, *, SecretId: str) -> Reply:
        """Read the current version of a secret."""
        ...

    def put_secret_value(self, *, SecretId: str, SecretString: str) -> Reply:
        """Write a new current version of a secret."""
        ...


class Ssm(Protocol):
    """AWS Systems Manager's parameters."""

    def get_parameter(self, *, Name: str) -> Reply:
        """Read a parameter."""
        ...


class CloudFormation(Protocol):
    """AWS CloudFormation."""

    def describe_stacks(self, *, StackName: str) -> Reply:
        """Describe a stack with its status and outputs."""
        ...


def auto_scaling() -> AutoScaling:
    """Return a client for the region and the credentials of the environment."""
    return cast(AutoScaling, boto3.client("autoscaling"))


def cloudformation() -> CloudFormation:
    """Return a client for the region and the credentials of the environment."""
    return cast(CloudFormation, boto3.client("cloudformation"))


def ecs() -> Ecs:
    """Return a client for the region and the credentials of the environment."""
    return cast(Ecs, boto3.client("ecs"))


def load_balancers() -> LoadBalancers:
    """Return a client for the region and the credentials of the environment."""
    return cast(LoadBalancers, boto3.client("elbv2"))


def databases() -> Databases:
    """Return a client for the region and the credentials of the environment."""
    return cast(Databases, boto3.client("rds"))


def account_settings_of(role: str) -> AccountSettings:
    """Return a client for ECS that acts as a role.

    Args:
        role: ARN of a role that trusts the caller.
    """
    session = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="account-settings")["Credentials"]
    client = boto3.client(
        "ecs",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    return cast(AccountSettings, client)


def secrets_manager() -> SecretsManager:
    """Return a client for the region and the credentials of the environment."""
    return cast(SecretsManager, boto3.client("secretsmanager"))


def ssm() -> Ssm:
    """Return a client for the region and the credentials of the environment."""
    return cast(Ssm, boto3.client("ssm"))


def read_secret(secrets: SecretsManager, arn: str) -> str:
    """Return the text of a secret's current version.

    Args:
        secrets: A client for Secrets Manager.
        arn: ARN or name of the secret.
    """
    return str(secrets.get_secret_value(SecretId=arn)["SecretString"])


def read_parameter(parameters: Ssm, name: str) -> str:
    """Return the value of a parameter of Systems Manager.

    Args:
        parameters: A client for SSM.
        name: Name of the parameter.
    """
    return str(parameters.get_parameter(Name=name)["Parameter"]["Value"])


def error_code(error: Exception) -> str | None:
    """Return AWS's code for the error, such as `AccessDeniedException`; None when AWS did not answer it."""
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else None


def explain_answer(error: Exception) -> str | None:
    """Return one sentence with AWS's code and the operation; None when AWS did not answer the error."""
    code = error_code(error)
    return f"AWS answered {code} to {error.operation_name}." if code and isinstance(error, ClientError) else None


def explain_sdk_error(error: Exception) -> str | None:
    """Return one line on any error of AWS or of its SDK, for a person at a terminal; None for any other error."""
    if answer := explain_answer(error):
        return answer
    if isinstance(error, NoRegionError):
        return "No AWS region is set. Set AWS_DEFAULT_REGION, for example to us-east-1, or a profile that has one."
    if isinstance(error, NoCredentialsError):
        return "No AWS credentials were found. Log in, for example with `aws sso login`, or set AWS_PROFILE."
    if isinstance(error, BotoCoreError):
        return f"AWS cannot be asked: {' '.join(str(error).split())}"
    return None
