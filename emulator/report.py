"""Read back what runs on the target, and show it.

Rich, which draws the tables, is imported where they are drawn: `make down` runs on a bare Python, too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from .screen import screen
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
    pages = target.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack)
    # A page holds 100 events, and the rollback of a large stack alone has more.
    for event in (event for page in pages for event in page["StackEvents"]):
        if event["ResourceStatus"].endswith("_FAILED"):
            found.append(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}")
        started = event["ResourceStatus"] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
        if started and event["PhysicalResourceId"] == event["StackId"]:
            break  # events come newest first: all before belongs to an earlier operation
    return found[::-1]


def show(target: Target) -> None:
    """Print stacks with their outputs, services, hosts and databases, and when hosts were missing."""
    if not show_stacks(target):
        return
    moments = target.capacity()["moments"]  # before the tables: it lets hosts and tasks come to rest
    for columns, rows in (
        (("service", "desired", "running", "status"), _services(target)),
        (("hosts", "minimum", "now", "maximum", "type", "zones"), _groups(target)),
        (("database", "class", "engine", "status", "storage GiB", "Multi-AZ"), _databases(target)),
    ):
        _print_table(columns, rows)
    for moment in moments:
        ended = "and still do" if moment["ended"] is None else f"until {moment['ended']:.0f} s"
        screen.say(
            f"{moment['cluster']}: running tasks needed {moment['needed']} hosts and {moment['serving']} served, "
            f"from {moment['began']:.0f} s of simulated time {ended}"
        )


def show_stacks(target: Target) -> bool:
    """Print stacks with their outputs, and what failed in them; return whether there are any."""
    mine = [stack for stack in stacks(target) if stack.name != BOOTSTRAP_STACK]
    if not mine:
        screen.say("No stack is deployed. `make up` deploys them.")
        return False
    exported = exports(target)
    rows = list[tuple[str, str, str, str]]()
    for stack in mine:
        # An export hands a value to another stack and tells a reader nothing.
        named = [(key, value) for key, value in stack.outputs.items() if (stack.name, key) not in exported]
        first, *rest = named or [("", "")]
        rows += [(stack.name, stack.status, *first), *(("", "", *pair) for pair in rest)]
    _print_table(("stack", "status", "output", "value"), rows)
    for stack in mine:
        if not stack.settled or "ROLLBACK" in stack.status:
            for line in failures(target, stack.name):
                screen.say(f"{stack.name}: {line}")
    return True


def exports(target: Target) -> set[tuple[str, str]]:
    """Return name of stack and key of each output that is exported for other stacks."""
    described = target.client("cloudformation").describe_stacks()["Stacks"]
    return {
        (stack["StackName"], output["OutputKey"])
        for stack in described
        for output in stack.get("Outputs", [])
        if "ExportName" in output
    }


def _print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")  # a name cut short is of no use
    for row in rows:
        # Text is shown as it is: rich would turn the ":secret:" of an ARN into an emoji, and "[...]" into a style.
        table.add_row(*(Text(str(cell)) for cell in row))
    # Where nobody says how wide the paper is, wide enough for the tables.
    console = Console(width=None if sys.stdout.isatty() else 160)
    with console.capture() as drawn:
        console.print(table)
    lines = [line.rstrip() for line in drawn.get().splitlines()]
    screen.say("\n".join([*filter(None, lines), ""]))


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
