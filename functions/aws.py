"""The AWS calls that the functions make, with their types; the one place that imports boto3.

boto3 ships no types. Each protocol below lists just the calls in use, as the service models define them, so
that the rest of the package is typed.
"""

from collections.abc import Mapping
from typing import Any, Protocol, cast

import boto3  # type: ignore[import-untyped]
from botocore.exceptions import (  # type: ignore[import-untyped]
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
)

Reply = Mapping[str, Any]


class AccountSettings(Protocol):
    """Amazon ECS: settings of the account, here always of one principal."""

    def put_account_setting(self, *, name: str, value: str, principalArn: str) -> Reply:
        """Set an account setting for one principal."""
        ...

    def delete_account_setting(self, *, name: str, principalArn: str) -> Reply:
        """Take one principal's setting away."""
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


class Ecs(AccountSettings, Services, Tasks, Protocol):
    """Amazon ECS."""


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
