"""MiniStack's private tables and functions under public names; no other module of the emulator touches them.

MiniStack has no interface for plug-ins, so the handlers read and write the same tables as its own code. What they need
is listed here once, so that a new version of MiniStack is checked against this file alone. `launch.check_version`
refuses every other version.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any, cast

from ministack.services import alb, autoscaling, ec2, ecs, eventbridge, rds, secretsmanager, ssm
from ministack.services.cloudformation import drift, provisioners, stacks

Properties = dict[str, Any]
Record = dict[str, Any]
# Each table shows the records of the account and the region of the current request alone.
Records = MutableMapping[str, Record]


def _records(table: Any) -> Records:
    return cast(Records, table)


# ---- what the services hold, by the key that MiniStack uses ----

# By id.
vpcs = _records(ec2._vpcs)
subnets = _records(ec2._subnets)
security_groups = _records(ec2._security_groups)
launch_templates = _records(ec2._launch_templates)
nat_gateways = _records(ec2._nat_gateways)
flow_logs = _records(ec2._flow_logs)
# By allocation id.
elastic_addresses = _records(ec2._addresses)
# By name.
auto_scaling_groups = _records(autoscaling._asgs)
ecs_clusters = _records(ecs._clusters)
capacity_providers = _records(ecs._capacity_providers)
db_instances = _records(rds._instances)
db_subnet_groups = _records(rds._subnet_groups)
db_parameter_groups = _records(rds._param_groups)
secrets = _records(secretsmanager._secrets)
# By "cluster/service".
ecs_services = _records(ecs._services)
# By "family:revision".
task_definitions = _records(ecs._task_defs)
# By ARN.
load_balancers = _records(alb._lbs)
target_groups = _records(alb._tgs)


# ---- EC2 and Auto Scaling ----


def timestamp() -> str:
    """Return the present time as EC2 writes it."""
    return ec2._now_ts()


def apply_tags(resource_id: str, new: Properties, old: Properties | None = None) -> None:
    """Set the tags of an EC2 resource to those of its `new` properties."""
    provisioners._ec2_apply_tags(resource_id, new, old or {})


def security_group_rule(properties: Properties) -> Record:
    """Return the record of a rule with the properties of `AWS::EC2::SecurityGroupIngress` or `...Egress`."""
    return provisioners._ec2_sg_permissions([properties])[0]


def rule_id(group_id: str, egress: bool, rule: Record) -> str:
    """Return the id of a rule: it follows from group, direction and what is allowed, not from the description."""
    return ec2._sg_rule_id(group_id, egress, rule)


def start_instances(group: Record) -> None:
    """Let an Auto Scaling group have as many instances as it desires."""
    autoscaling._reconcile_instances(group)


# ---- ECS and Systems Manager ----

_ecs_actions = cast(dict[str, Callable[[dict[str, Any]], Any]], ecs._ACTION_MAP)


def call_ecs(action: str, body: dict[str, Any]) -> None:
    """Call an action of the ECS API in this process.

    Args:
        action: Its name, such as `CreateCapacityProvider`.
        body: The body of the request.

    Raises:
        ValueError: The API refuses; with its message.
    """
    status, _, answer = _ecs_actions[action](body)
    if status >= 400:
        error = json.loads(answer)
        raise ValueError(str(error.get("message") or error))


def answer_ecs(action: str, handler: Callable[[dict[str, Any]], Any]) -> None:
    """Let `handler` answer an action of the ECS API: it gets the request's body and returns MiniStack's response."""
    _ecs_actions[action] = handler


def publish_parameter(name: str, value: str) -> None:
    """Add a public parameter of AWS, such as the id of a machine image, to Systems Manager."""
    ssm._PUBLIC_AMI_PARAMETERS[name] = value


# ---- CloudFormation ----

# CloudFormation type -> its functions by name: "create", "update", "delete"
resource_types: dict[str, dict[str, Any]] = provisioners._RESOURCE_HANDLERS


def physical_name(stack: str, logical_id: str, max_length: int = 255) -> str:
    """Return the name that CloudFormation gives a resource for which the template names none."""
    return provisioners._physical_name(stack, logical_id, max_len=max_length)


def delete_predecessor(delete: Callable[[str, Properties], None], physical_id: str, properties: Properties) -> None:
    """Delete a replaced resource at the time of CloudFormation's clean-up, unless its policy retains it."""
    provisioners._delete_predecessor(delete, physical_id, properties)


def read_for_drift(
    resource_type: str, reader: Callable[[str, Properties], Properties | None], names: Collection[str]
) -> None:
    """Let drift detection compare a type.

    Args:
        resource_type: The CloudFormation type.
        reader: Gets the physical id and the template's properties; returns today's properties, or None when the
            resource is gone.
        names: The properties that it reads.
    """
    drift._DRIFT_READERS[resource_type] = (reader, frozenset(names))


def wrap_alarm_record(wrapper: Callable[[Callable[[str, Properties], Record], str, Properties], Record]) -> None:
    """Let `wrapper` make the records of metric alarms from MiniStack's own function, a name and the properties."""
    shipped = provisioners._cw_metric_alarm_record
    provisioners._cw_metric_alarm_record = lambda name, properties: wrapper(shipped, name, properties)


def judge_replacement(judge: Callable[[str, str], str]) -> None:
    """Let `judge` say in every change set whether a change of a property replaces the resource.

    Args:
        judge: Gets the CloudFormation type and the property's name; returns `Always`, `Conditionally` or `Never`.
    """
    stacks._property_recreation = judge


def before_each_change(check: Callable[[str, str], None]) -> None:
    """Call `check` before every create and before every update that changes a property.

    Args:
        check: Gets the CloudFormation type and the logical id; what it raises fails the resource.
    """
    provision, update = stacks._provision_resource, stacks._update_resource

    def checked_provision(resource_type: str, logical_id: str, *rest: Any) -> Any:
        check(resource_type, logical_id)
        return provision(resource_type, logical_id, *rest)

    def checked_update(
        resource_type: str, physical_id: str, old: Any, new: Any, stack: str, logical_id: str, *rest: Any
    ) -> Any:
        if old != new:
            check(resource_type, logical_id)
        return update(resource_type, physical_id, old, new, stack, logical_id, *rest)

    stacks._provision_resource, stacks._update_resource = checked_provision, checked_update


def before_each_rollback(tell: Callable[[str], Awaitable[None]]) -> None:
    """Await `tell` when a stack begins to take an update back, before its first resource goes back.

    Args:
        tell: Gets the ARN of the stack, whose status says already that it rolls back.
    """
    roll_back = stacks._roll_back_operation

    async def told(name: str, stack_id: str, stack: Record, operation: Record, *rest: Any) -> None:
        if operation.get("is_update"):
            stack["StackStatus"] = "UPDATE_ROLLBACK_IN_PROGRESS"
            await tell(stack_id)
        await roll_back(name, stack_id, stack, operation, *rest)

    stacks._roll_back_operation = told


# ---- EventBridge ----


def publish(source: str, detail_type: str, detail: Record) -> None:
    """Publish an event of AWS itself; the functions that rules call for it run in threads of their own."""
    entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail)}
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
