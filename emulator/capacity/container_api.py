"""The ECS API: container instances, and what it refuses while hosts, tasks or services need it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from ministack.core.responses import error_response_json, json_response

from emulator.handlers.internals import answer_ecs

from . import draining, internals
from .internals import Answer, Record
from .room import Room
from .tasks import die_with, stop
from .world import World

Request = dict[str, Any]
# Error code and words of a refusal, None for none.
Refusal = tuple[str, str] | None

IN_USE: Final = ("ResourceInUseException", "The specified capacity provider is in use and cannot be removed.")


def register(world: Callable[[], World]) -> None:
    """Answer the actions of this module.

    Args:
        world: Returns the world of the current account and region.
    """
    delete_cluster, create_provider, update_provider, delete_provider, put_providers = map(
        internals.shipped,
        (
            "DeleteCluster",
            "CreateCapacityProvider",
            "UpdateCapacityProvider",
            "DeleteCapacityProvider",
            "PutClusterCapacityProviders",
        ),
    )
    describe_clusters = internals.shipped("DescribeClusters")

    def counted(request: Request) -> Answer:
        for cluster, record in internals.ecs_clusters.items():
            record["registeredContainerInstancesCount"] = len(world().hosts_in(cluster))
        return describe_clusters(request)

    def name(request: Request) -> str:
        return internals.cluster_name(request.get("cluster"))

    def provider(request: Request) -> str:
        return str(request.get("name") or request.get("capacityProvider", "")).rsplit("/", 1)[-1]

    actions: dict[str, Callable[[Request], Answer]] = {
        "DescribeClusters": counted,
        "ListContainerInstances": lambda request: _list_hosts(world(), name(request), request),
        "DescribeContainerInstances": lambda request: _describe_hosts(world(), name(request), request),
        "UpdateContainerInstancesState": lambda request: _change_hosts(world(), name(request), request),
        "DeregisterContainerInstance": lambda request: _deregister(world(), name(request), request),
        "DeleteCluster": lambda request: _unless(cluster_in_use(world(), name(request)), delete_cluster, request),
        "DeleteService": lambda request: _delete_service(name(request), request),
        "StopTask": lambda request: _stop_task(world(), name(request), request),
        "CreateCapacityProvider": lambda request: _keep_draining(create_provider(request), provider(request), request),
        "UpdateCapacityProvider": lambda request: _keep_draining(update_provider(request), provider(request), request),
        "DeleteCapacityProvider": lambda request: _unless(provider_in_use(provider(request)), delete_provider, request),
        "PutClusterCapacityProviders": lambda request: _unless(
            providers_needed(name(request), request.get("capacityProviders", [])), put_providers, request
        ),
    }
    for action, handler in actions.items():
        answer_ecs(action, handler)


# ---- what is in use ----


def cluster_in_use(world: World, name: str) -> Refusal:
    """Say why a cluster cannot be deleted, None when it can.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html
    """
    world.settle()
    if world.hosts_in(name):
        words = "The Cluster cannot be deleted while Container Instances are active or draining."
        return "ClusterContainsContainerInstancesException", words
    if any(key.startswith(f"{name}/") and each["status"] != "INACTIVE" for key, each in internals.ecs_services.items()):
        return "ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active."
    if any(internals.cluster_name(task["clusterArn"]) == name for task in world.tasks()):
        return "ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active."
    return None


def provider_in_use(name: str) -> Refusal:
    """Say why a capacity provider cannot be deleted: it is still attached to a cluster.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCapacityProvider.html
    """
    for cluster, record in internals.ecs_clusters.items():
        if name in record.get("capacityProviders", ()):
            return (
                "ClientException",
                f"The capacity provider cannot be deleted because it is associated with cluster: {cluster}. Remove the "
                "capacity provider from the cluster and try again.",
            )
    return None


def providers_needed(cluster: str, kept: Iterable[str]) -> Refusal:
    """Say why a cluster cannot do with the capacity providers in `kept` alone: a service or a task runs on another.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html
    """
    record = internals.ecs_clusters.get(cluster) or {}
    dropped = set(record.get("capacityProviders", ())) - set(kept)
    services = (service for key, service in internals.ecs_services.items() if key.startswith(f"{cluster}/"))
    for service in services:
        named = {each["capacityProvider"] for each in service.get("capacityProviderStrategy") or ()}
        if service["status"] != "INACTIVE" and named & dropped:
            return IN_USE
    return None


def _unless(refusal: Refusal, handler: Callable[[Request], Answer], request: Request) -> Answer:
    return handler(request) if refusal is None else error_response_json(*refusal, 400)


# ---- container instances ----


def _list_hosts(world: World, cluster: str, request: Request) -> Answer:
    status = request.get("status")
    arns = [host.arn for host in world.hosts_in(cluster) if status in (None, "DRAINING" if host.draining else "ACTIVE")]
    return json_response({"containerInstanceArns": arns})


def _describe_hosts(world: World, cluster: str, request: Request) -> Answer:
    hosts = {host.arn: host for host in world.hosts_in(cluster)}
    found, failures = list[Record](), list[Record]()
    for reference in request.get("containerInstances", ()):
        host = next((hosts[arn] for arn in hosts if arn.endswith(reference.rsplit("/", 1)[-1])), None)
        if host is None:
            failures.append({"arn": reference, "reason": "MISSING"})
        else:
            tasks = world.tasks_on(host)
            found.append(host.container_instance(tasks, sum((task["_need"] for task in tasks), start=Room())))
    return json_response({"containerInstances": found, "failures": failures})


def _change_hosts(world: World, cluster: str, request: Request) -> Answer:
    wanted = {reference.rsplit("/", 1)[-1] for reference in request.get("containerInstances", ())}
    changed = [host for host in world.hosts_in(cluster) if host.arn.rsplit("/", 1)[-1] in wanted]
    for host in changed:
        host.draining = request.get("status") == "DRAINING"
    return _describe_hosts(world, cluster, {"containerInstances": [host.arn for host in changed]})


def _deregister(world: World, cluster: str, request: Request) -> Answer:
    """Take a host out of the cluster; with force, tasks on it are left to themselves, and ECS counts them no more."""
    wanted = str(request.get("containerInstance", "")).rsplit("/", 1)[-1]
    host = next((host for host in world.hosts_in(cluster) if host.arn.endswith(wanted)), None)
    if host is None:
        return error_response_json("InvalidParameterException", "Container instance not found.", 400)
    tasks = world.tasks_on(host)
    if tasks and not request.get("force"):
        return error_response_json("InvalidParameterException", "Found running tasks on the instance.", 400)
    die_with(world, host)
    host.cluster = ""
    return json_response({"containerInstance": host.container_instance([], Room()) | {"status": "INACTIVE"}})


# ---- services and tasks ----


def drain_service(service: Record) -> None:
    """Begin to stop a service: it is DRAINING until its last task has ended."""
    service["status"], service["desiredCount"] = "DRAINING", 0


def _delete_service(cluster: str, request: Request) -> Answer:
    service = internals.ecs_services.get(internals.service_key(cluster, request.get("service")))
    if service is None or service["status"] == "INACTIVE":
        return error_response_json("ServiceNotFoundException", "Service not found.", 400)
    if service["desiredCount"] > 0 and not request.get("force"):
        words = "The service cannot be stopped while it is scaled above 0."
        return error_response_json("InvalidParameterException", words, 400)
    drain_service(service)
    return json_response({"service": internals.wire(service)})


def _stop_task(world: World, cluster: str, request: Request) -> Answer:
    task = internals.find_task(str(request.get("task", "")), cluster)
    if task is None:
        return error_response_json("InvalidParameterException", "The referenced task was not found.", 400)
    if task["lastStatus"] not in ("STOPPED", "STOPPING"):
        stop(world, task, request.get("reason") or "Task stopped by user")
    return json_response({"task": internals.wire(task)})


# ---- capacity providers ----


def _keep_draining(answer: Answer, name: str, request: Request) -> Answer:
    """Keep what MiniStack drops of a capacity provider, and put the draining hook on its group."""
    record = internals.capacity_providers.get(name)
    given = request.get("autoScalingGroupProvider") or {}
    if record is not None and answer[0] < 400 and given:
        settings = record["autoScalingGroupProvider"]
        settings["managedDraining"] = given.get("managedDraining") or settings.get("managedDraining") or "ENABLED"
        group = draining.group_of(record)
        if group is not None and settings.get("managedTerminationProtection") == "ENABLED":
            # ECS turns on what its own protection asks for (github.com/aws/containers-roadmap/issues/860).
            group["NewInstancesProtectedFromScaleIn"] = True
            for host in group["Instances"]:
                host["ProtectedFromScaleIn"] = True
        draining.put_hook(record)
    return answer
