"""Read back what runs on the target, and show it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from .target import Target

BOOTSTRAP_STACK = "CDKToolkit"


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One CloudFormation stack.

    Attributes:
        name: Its name.
        status: Its status, such as CREATE_COMPLETE.
        outputs: Its outputs by key.
    """

    name: str
    status: str
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Whether nothing is under way and the last operation, or its rollback, went to its end."""
        return self.status.endswith("_COMPLETE")


def stacks(target: Target) -> list[Stack]:
    """Return all stacks, oldest first, the CDK's own bootstrap stack too."""
    described = target.client("cloudformation").describe_stacks()["Stacks"]
    return [
        Stack(
            name=stack["StackName"],
            status=stack["StackStatus"],
            outputs={item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])},
        )
        for stack in sorted(described, key=lambda stack: str(stack["CreationTime"]))
    ]


def failures(target: Target, stack: str) -> list[str]:
    """Return what the events of a stack say about its last operation's failed resources, oldest first."""
    found: list[str] = []
    for event in target.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]:
        if event["ResourceStatus"].endswith("_FAILED"):
            found.append(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}")
        started = event["ResourceStatus"] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
        if started and event["PhysicalResourceId"] == event["StackId"]:
            break  # events come newest first: all before belongs to an earlier operation
    return found[::-1]


def show(target: Target, console: Console) -> None:
    """Print stacks with their outputs, services, hosts and databases."""
    mine = [stack for stack in stacks(target) if stack.name != BOOTSTRAP_STACK]
    if not mine:
        console.print("No stack is deployed. `make up` deploys them.")
        return
    console.print(_table("Stacks", ("stack", "status"), [(stack.name, stack.status) for stack in mine]))
    for stack in mine:
        if not stack.settled or "ROLLBACK" in stack.status:
            for line in failures(target, stack.name):
                console.print(f"{stack.name}: {line}", style="red", markup=False)
    outputs = [(stack.name, key, value) for stack in mine for key, value in stack.outputs.items()]
    # The CDK makes outputs of its own to hand values from stack to stack.
    named = [row for row in outputs if not row[1].startswith("ExportsOutput")]
    console.print(_table("Outputs", ("stack", "output", "value"), named))
    for title, columns, rows in (
        ("Services", ("service", "desired", "running", "status"), _services(target)),
        ("Hosts", ("group", "minimum", "now", "maximum", "type", "zones"), _groups(target)),
        ("Databases", ("database", "class", "engine", "status", "storage GiB", "Multi-AZ"), _databases(target)),
    ):
        console.print(_table(title, columns, rows))


def _table(title: str, columns: tuple[str, ...], rows: Any) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")  # a name cut short is of no use
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    return table


def _services(target: Target) -> Iterator[tuple[Any, ...]]:
    ecs = target.client("ecs")
    for cluster in ecs.list_clusters()["clusterArns"]:
        names = ecs.list_services(cluster=cluster)["serviceArns"]
        for service in ecs.describe_services(cluster=cluster, services=names)["services"] if names else ():
            yield (
                service["serviceName"],
                service["desiredCount"],
                service["runningCount"],
                service["status"],
            )


def _groups(target: Target) -> Iterator[tuple[Any, ...]]:
    ec2 = target.client("ec2")
    for group in target.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]:
        template = (group.get("LaunchTemplate") or {}).get("LaunchTemplateId")
        versions = ec2.describe_launch_template_versions(LaunchTemplateId=template) if template else {}
        kinds = {
            version["LaunchTemplateData"].get("InstanceType") for version in versions.get("LaunchTemplateVersions", ())
        }
        yield (
            group["AutoScalingGroupName"],
            group["MinSize"],
            len(group["Instances"]),
            group["MaxSize"],
            ", ".join(sorted(filter(None, kinds))),
            ", ".join(group["AvailabilityZones"]),
        )


def _databases(target: Target) -> Iterator[tuple[Any, ...]]:
    for database in target.client("rds").describe_db_instances()["DBInstances"]:
        yield (
            database["DBInstanceIdentifier"],
            database["DBInstanceClass"],
            f"{database['Engine']} {database['EngineVersion']}",
            database["DBInstanceStatus"],
            database["AllocatedStorage"],
            "yes" if database["MultiAZ"] else "no",
        )
