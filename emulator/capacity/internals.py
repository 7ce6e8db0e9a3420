"""MiniStack's private tables and functions for hosts and tasks under public names, beside `handlers/internals.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from ministack.core.responses import now_iso
from ministack.services import autoscaling, ec2, ecs, iam
from ministack.services.cloudformation import stacks

from emulator.handlers.internals import (
    Properties,
    Record,
    Records,
    auto_scaling_groups,
    capacity_providers,
    ecs_clusters,
    ecs_services,
    launch_templates,
    subnets,
    task_definitions,
)

__all__ = [
    "Properties",
    "Record",
    "auto_scaling_groups",
    "capacity_providers",
    "ecs_clusters",
    "ecs_services",
    "launch_templates",
    "now_iso",
    "subnets",
]

Answer = tuple[int, dict[str, str], bytes]

# By ARN.
tasks = cast(Records, ecs._tasks)
# By "group/hook".
lifecycle_hooks = cast(Records, autoscaling._hooks)


# ---- EC2 ----


def launch_instance(data: Mapping[str, Any], subnet: str, zone: str, tags: list[Record]) -> str:
    """Start an EC2 instance as a launch template says.

    Args:
        data: `LaunchTemplateData` of the template's version.
        subnet: Where it starts.
        zone: The subnet's availability zone.
        tags: Of the instance, beside those of the template.

    Returns:
        Its id.
    """
    profile = data.get("IamInstanceProfile") or {}
    found = iam._lookup_instance_profile(name=profile.get("Name") or "", arn=profile.get("Arn") or "")
    (instance,) = ec2._launch_instances_internal(
        str(data.get("ImageId", "")),
        str(data.get("InstanceType", "")),
        subnet,
        1,
        user_data=str(data.get("UserData") or ""),
        sg_ids=list(data.get("SecurityGroupIds") or []),
        iam_profile={"Arn": found["Arn"], "Id": found["InstanceProfileId"]} if found else None,
    )
    instance["Placement"]["AvailabilityZone"] = zone
    declared = (each for each in data.get("TagSpecifications") or () if each.get("ResourceType") == "instance")
    ec2._tags[instance["InstanceId"]] = [*(tag for each in declared for tag in each.get("Tags") or ()), *tags]
    return instance["InstanceId"]


def terminate_instance(instance_id: str) -> None:
    """End an EC2 instance; one that is gone already is no error."""
    ec2._terminate_instances({"InstanceId.1": instance_id})


def instance_runs(instance_id: str) -> bool:
    """Tell whether an EC2 instance runs, or whether somebody has ended it."""
    instance = ec2._instances.get(instance_id) or {}
    return (instance.get("State") or {}).get("Name") == "running"


def instance_role(data: Mapping[str, Any]) -> str | None:
    """Return the ARN of the role that a launch template gives its instances, None when it gives none."""
    profile = data.get("IamInstanceProfile") or {}
    found = iam._lookup_instance_profile(name=profile.get("Name") or "", arn=profile.get("Arn") or "")
    roles = [iam._roles[name]["Arn"] for name in (found or {}).get("Roles", []) if name in iam._roles]
    return roles[0] if roles else None


# ---- Auto Scaling ----


def scaling_answer(action: str, result: Properties | None = None) -> Answer:
    """Return the answer of an action of the Auto Scaling API."""
    inner = "" if result is None else autoscaling._member_xml(result)
    return autoscaling._xml(200, f"{action}Response", f"<{action}Result>{inner}</{action}Result>")


def scaling_error(code: str, message: str) -> Answer:
    """Return the answer of the Auto Scaling API to a request that it refuses."""
    return autoscaling._error(code, message)


def members(request: Mapping[str, Any], name: str) -> list[str]:
    """Return a list among the parameters of a request to the Auto Scaling API."""
    return autoscaling._parse_member_list(request, name)


def nested(request: Mapping[str, Any], name: str) -> Any:
    """Return a structure among the parameters of a request to the Auto Scaling API; its values are strings."""
    return autoscaling._parse_nested(request, name)


def forget_group(name: str) -> None:
    """Remove an Auto Scaling group with its tags, hooks and policies."""
    autoscaling._delete_asg({"AutoScalingGroupName": name})


def put_termination_hook(group: str, hook: str, heartbeat_seconds: int) -> None:
    """Put a lifecycle hook on the end of a group's instances; when it times out, the instance goes on to its end."""
    fields = {
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
        "HeartbeatTimeout": heartbeat_seconds,
        "DefaultResult": "CONTINUE",
    }
    lifecycle_hooks[f"{group}/{hook}"] = autoscaling._hook_record(group, hook, fields)


def answer_scaling(action: str, handler: Callable[[Mapping[str, Any]], Answer]) -> None:
    """Let `handler` answer an action of the Auto Scaling API: it gets the request's parameters."""
    autoscaling._ACTION_MAP[action] = handler


def leave_instances_alone() -> None:
    """Keep MiniStack from making a group's instances itself, at once and without hosts behind them."""
    autoscaling._reconcile_instances = lambda _group: None


# ---- ECS ----


def task_definition(reference: Any) -> Record | None:
    """Return a task definition by its ARN, or by family and revision."""
    return task_definitions.get(str(ecs._resolve_td_key(str(reference))))


def start_tasks(cluster: str, service: Record, count: int) -> None:
    """Make tasks of a service; MiniStack makes them, and the world places them."""
    primary = ecs._primary_deployment(service)
    ecs._run_task(
        {
            "cluster": cluster,
            "taskDefinition": service["taskDefinition"],
            "count": count,
            "group": f"service:{service['serviceName']}",
            "startedBy": primary["id"] if primary else service["serviceName"],
            "launchType": service.get("launchType"),
            "capacityProviderStrategy": service.get("capacityProviderStrategy"),
            "platformVersion": service.get("platformVersion", ""),
            "networkConfiguration": service.get("networkConfiguration", {}),
            "enableExecuteCommand": service.get("enableExecuteCommand", False),
            "_deploymentId": primary["id"] if primary else None,
        }
    )


def end_task(task: Record, reason: str, code: str) -> None:
    """Note that a task has stopped."""
    # MiniStack takes a task that is to stop for one that has stopped.
    task["desiredStatus"] = "RUNNING"
    ecs._mark_task_stopped(task["taskArn"], task, reason, code, exit_code=0)


def is_current(service: Record, task: Record) -> bool:
    """Tell whether a task belongs to the newest deployment of its service."""
    return ecs._deployment_for_task(service, task) is ecs._primary_deployment(service)


def primary_deployment(service: Record) -> Record | None:
    """Return the deployment that a service is to reach."""
    return ecs._primary_deployment(service)


def count_tasks(cluster: str, service: Record) -> None:
    """Bring the counts of a service, its deployments and its cluster up to date, and its targets at the balancer."""
    ecs._refresh_service_state(cluster, f"service:{service['serviceName']}")
    ecs._recount_cluster(cluster)


def retire_service(cluster: str, service: Record) -> None:
    """Make a service without tasks inactive, and take its targets off the balancer."""
    service["status"] = "INACTIVE"
    ecs._sync_service_targets(cluster, service)
    ecs._recount_cluster(cluster)


def new_event(message: str) -> Record:
    """Return an event of a service."""
    return {"id": ecs.new_uuid(), "createdAt": ecs._iso(), "message": message}


def wire(record: Record) -> Record:
    """Return a record as the ECS API shows it, without what only the target knows."""
    return cast(Record, ecs._sanitize(record))


def cluster_name(reference: Any) -> str:
    """Return the name of a cluster that is given by name or ARN."""
    return str(ecs._resolve_cluster_name(reference or "default"))


def service_key(cluster: str, reference: Any) -> str:
    """Return the key, `cluster/service`, of a service that is given by name or ARN."""
    return f"{cluster}/{str(reference).rsplit('/', 1)[-1]}"


def find_task(reference: str, cluster: str) -> Record | None:
    """Return a task that is given by id or ARN."""
    return ecs._resolve_task(reference, cluster)


def leave_tasks_alone() -> None:
    """Keep MiniStack from starting and stopping the tasks of services itself, at once and on no host."""
    ecs._reconcile_service_tasks = lambda _cluster, _service: None


def shipped(action: str) -> Callable[[dict[str, Any]], Answer]:
    """Return MiniStack's own answer to an action of the ECS API."""
    return cast(Callable[[dict[str, Any]], Answer], ecs._ACTION_MAP[action])


# ---- every call ----


def around_each_call(wrapper: Callable[[Callable[[Any], Answer], Any], Answer]) -> None:
    """Let `wrapper` answer every request that may see or change hosts and tasks; CloudFormation's steps are none.

    Args:
        wrapper: Gets the function that answers, and the request.
    """
    dispatch = ecs._dispatch_action
    ecs._dispatch_action = lambda action, request: wrapper(lambda body: dispatch(action, body), request)
    for table, names in (
        (autoscaling._ACTION_MAP, list(autoscaling._ACTION_MAP)),
        (ec2._ACTION_MAP, ["DescribeInstances", "DescribeInstanceStatus"]),
    ):
        for action in names:
            table[action] = _bound(wrapper, table[action])


def _bound(wrapper: Callable[..., Answer], handler: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    return lambda request: wrapper(handler, request)


# ---- CloudFormation's rollback ----


def send_back_what_failed(resource_types: frozenset[str]) -> None:
    """Let a rollback send a resource of these types back to what it was although its own update failed.

    MiniStack's handlers change nothing when they fail. An update that the service took and that never settled has
    changed something.
    """
    sends_back = stacks._sends_back_failed_update
    stacks._sends_back_failed_update = lambda kind: kind in resource_types or sends_back(kind)


def order_rollbacks(order: Callable[[list[str]], list[str]]) -> None:
    """Let `order` say in which order a rollback sends back the resources that a failed update had changed.

    What the update made is deleted afterwards, in reverse order of dependency as ever.

    Args:
        order: Gets the logical ids in the order in which they were updated, the one that failed at the end.
    """
    roll_back = stacks._roll_back_operation

    async def ordered(name: str, stack_id: str, stack: Record, operation: Record, *rest: Any) -> None:
        await roll_back(name, stack_id, stack, _reordered(stack, operation, order), *rest)

    stacks._roll_back_operation = ordered


def _reordered(stack: Record, operation: Record, order: Callable[[list[str]], list[str]]) -> Record:
    before = ((operation.get("previous_stack") or {}) if operation.get("is_update") else {}).get("_resources", {})
    now = stack.setdefault("_resources", {})
    created: list[str] = operation.get("created", [])
    changed = list(_changed_in_place(created, operation, before, now))
    failed = operation.get("failed_update")
    if failed is not None and failed[3] is not None and stacks._sends_back_failed_update(failed[1]):
        # It takes its place among the others, as if its update had gone through.
        now[failed[0]] = before[failed[0]] | {"Properties": failed[3]}
        changed.append(failed[0])
        operation = operation | {"failed_update": None}
    return operation | {"created": [*order(changed), *(name for name in created if name not in changed)]}


def _changed_in_place(created: list[str], operation: Record, before: Record, now: Record) -> Iterator[str]:
    replaced = set(operation.get("replaced_ids", []))
    for name in created:
        same = before.get(name, {}).get("PhysicalResourceId") == now.get(name, {}).get("PhysicalResourceId")
        if name in before and name not in replaced and same:
            yield name
