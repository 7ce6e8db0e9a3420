"""MiniStack's private tables and functions under public names; those of IAM are in `emulator.iam.internals`.

MiniStack has no interface for plug-ins, so the handlers read and write the same tables as its own code. What they need
is listed here once, so that a new version of MiniStack is checked against this file alone. `launch.check_version`
refuses every other version.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, cast

from ministack.core.responses import error_response_json, get_region, now_iso
from ministack.services import (
    alb,
    autoscaling,
    cloudformation,
    cloudwatch_logs,
    ec2,
    ecs,
    efs,
    eventbridge,
    iam,
    kms,
    lambda_svc,
    rds,
    secretsmanager,
    ssm,
    stepfunctions,
)
from ministack.services.cloudformation import changesets as change_sets
from ministack.services.cloudformation import drift, engine, provisioners, stacks
from ministack.services.cloudformation import handlers as stack_requests

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
route_tables = _records(ec2._route_tables)
internet_gateways = _records(ec2._internet_gateways)
vpc_endpoints = _records(ec2._vpc_endpoints)
file_systems = _records(efs._file_systems)
mount_targets = _records(efs._mount_targets)
keys = _records(kms._keys)
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
log_groups = _records(cloudwatch_logs._log_groups)
parameters = _records(ssm._parameters)
roles = _records(iam._roles)
instance_profiles = _records(iam._instance_profiles)
functions = _records(lambda_svc._functions)
cloudformation_stacks = _records(cloudformation._stacks)
exports = _records(cloudformation._exports)
# By "cluster/service".
ecs_services = _records(ecs._services)
# By "family:revision".
task_definitions = _records(ecs._task_defs)
# By ARN.
load_balancers = _records(alb._lbs)
target_groups = _records(alb._tgs)
listeners = _records(alb._listeners)
state_machines = _records(stepfunctions._state_machines)
managed_policies = _records(iam._policies)


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


def zones() -> list[str]:
    """Return the names of the account's zones in the region of the current request, as `Fn::GetAZs` does."""
    return [f"{get_region()}{letter}" for letter in "abc"]


def balancer_attributes(arn: str) -> dict[str, str]:
    """Return the attributes of a load balancer, such as `deletion_protection.enabled`."""
    return {item["Key"]: item["Value"] for item in alb._lb_attrs.get(arn, [])}


def key_aliases() -> set[str]:
    """Return the aliases of all keys of the account and region, such as `alias/mine`."""
    return {arn.partition(":alias/")[2].join(("alias/", "")) for arn in kms._aliases}


def function_code(code: Properties) -> bytes | None:
    """Return the ZIP archive of a function from its property `Code`, None when the bucket holds none."""
    return lambda_svc._fetch_code_from_s3(str(code.get("S3Bucket")), str(code.get("S3Key")))


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


@dataclass(frozen=True, kw_only=True)
class Step:
    """What CloudFormation is about to do to one resource.

    Attributes:
        resource_type: The CloudFormation type.
        logical_id: Its name in the template; empty when MiniStack does not say it.
        stack: Name of the stack.
        old: The properties that the resource has, None when it is made now.
        new: The properties that it will have, None when it is deleted now.
        physical_id: The id of the resource, None when it is made now.
        rolling_back: Whether the stack undoes a failed change.
    """

    resource_type: str
    logical_id: str
    stack: str
    old: Properties | None = None
    new: Properties | None = None
    physical_id: str | None = None
    rolling_back: bool = False


def before_each_step(judge: Callable[[Step], None]) -> None:
    """Call `judge` before every create, delete, and update that changes a property; what it raises fails the step."""
    provision, update, delete = stacks._provision_resource, stacks._update_resource, stacks._delete_resource

    def judged(resource_type: str, logical_id: str | None, stack: str | None, **rest: Any) -> None:
        status = (cloudformation_stacks.get(stack or "") or {}).get("StackStatus", "")
        names = {"resource_type": resource_type, "logical_id": logical_id or "", "stack": stack or ""}
        judge(Step(**names, rolling_back="ROLLBACK" in status, **rest))

    def judged_provision(resource_type: str, logical_id: str, new: Properties, stack: str) -> Any:
        judged(resource_type, logical_id, stack, new=new)
        return provision(resource_type, logical_id, new, stack)

    def judged_update(
        resource_type: str, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str, *rest: Any
    ) -> Any:
        if old != new:
            judged(resource_type, logical_id, stack, old=old, new=new, physical_id=physical_id)
            refused = provisioners._custom_named_replacement_error(resource_type, old, new)
            if not refused and provisioners._replacing_change(resource_type, old, new):
                judged(resource_type, logical_id, stack, new=new)
        return update(resource_type, physical_id, old, new, stack, logical_id, *rest)

    def judged_delete(
        resource_type: str, physical_id: str, old: Properties, stack: str | None = None, logical_id: str | None = None
    ) -> Any:
        judged(resource_type, logical_id, stack, old=old, physical_id=physical_id)
        return delete(resource_type, physical_id, old, stack, logical_id)

    stacks._provision_resource, stacks._update_resource = judged_provision, judged_update
    stacks._delete_resource = judged_delete


def before_each_ecs_call(action: str, judge: Callable[[dict[str, Any]], tuple[str, str] | None]) -> None:
    """Ask `judge` before an action of the ECS API.

    Args:
        action: Its name, such as `PutAccountSetting`.
        judge: Gets the body of the request; returns the error code and the words of a refusal, or None.
    """
    answer = _ecs_actions[action]

    def judged(body: dict[str, Any]) -> Any:
        refusal = judge(body)
        return answer(body) if refusal is None else error_response_json(*refusal, 400)

    _ecs_actions[action] = judged


def before_templates(judge: Callable[[Record], str | None]) -> None:
    """Let `judge` look at every template that a request brings; what it returns is the message of the refusal."""
    support = stack_requests.validate_template_support

    def judged(template: Record, conditions: Record, params: Record | None = None) -> None:
        support(template, conditions, params)
        if words := judge(template):
            raise ValueError(words)

    stack_requests.validate_template_support = change_sets.validate_template_support = judged


def before_stack_delete(judge: Callable[[Record], str | None]) -> None:
    """Let `judge` look at every stack whose deletion is asked for; what it returns is the message of the refusal."""
    delete = stack_requests._ACTION_HANDLERS["DeleteStack"]

    def judged(params: Any) -> Any:
        stack = stack_requests._resolve_stack(stack_requests._p(params, "StackName"))
        words = judge(stack) if stack and stack["StackStatus"] != "DELETE_COMPLETE" else None
        return stack_requests._error("ValidationError", words) if words else delete(params)

    stack_requests._ACTION_HANDLERS["DeleteStack"] = judged


def references(value: Any) -> Iterable[tuple[str, str | None]]:
    """Yield name and attribute (None for a plain `Ref`) of all that a part of a template refers to."""
    return engine._intrinsic_references(value)


def before_outputs(judge: Callable[[str, dict[str, str]], None]) -> None:
    """Call `judge` with stack name and exports (name -> value) when CloudFormation has resolved a stack's outputs.

    What it raises fails the operation, and the stack rolls back.
    """
    resolve = stacks._resolve_stack_outputs

    def judged(
        definitions: Any, conditions: Any, resources: Any, values: Any, mappings: Any, stack: str, *rest: Any
    ) -> Any:
        outputs, exports = resolve(definitions, conditions, resources, values, mappings, stack, *rest)
        judge(stack, {name: record["Value"] for name, record in exports.items()})
        return outputs, exports

    stacks._resolve_stack_outputs = judged


def keep_what_a_rollback_could_not_delete() -> None:
    """Let a stack hold what the rollback of its create failed to delete, so that a later delete tries it again."""
    roll_back = stacks._roll_back_operation

    async def keeping(name: str, stack_id: str, stack: Record, operation: Record) -> None:
        await roll_back(name, stack_id, stack, operation)
        for logical_id, record in stack.get("_rollback_failed", {}).items():
            left = {"LogicalResourceId": logical_id, "ResourceStatus": "DELETE_FAILED", "Attributes": {}} | record
            stack["_resources"].setdefault(logical_id, left | {"Timestamp": now_iso()})

    stacks._roll_back_operation = keeping


def imported_exports(stack: Record) -> set[str]:
    """Return the names of the exports that a stack imports."""
    return stack_requests._imported_export_names(stack, stack["StackName"])


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
