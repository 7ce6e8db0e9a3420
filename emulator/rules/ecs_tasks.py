"""ECS: what a task definition may say."""

from __future__ import annotations

from ministack.core.responses import get_account_id

from emulator.handlers.internals import Step

from .book import number, properties_of, refuse
from .iam import trusts

_TASK = "AWS::ECS::TaskDefinition"
_REGISTER = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html"


@refuse(_TASK, source=_REGISTER, own_words=True)
def container_memory(step: Step) -> str | None:
    """A container's reservation is below its limit, and both are within the task's memory."""
    given = properties_of(step)
    whole, reserved = number(given.get("Memory")), 0
    for container in given.get("ContainerDefinitions") or []:
        name, limit, soft = (
            container.get("Name"),
            number(container.get("Memory")),
            number(container.get("MemoryReservation")),
        )
        prefix = f"Invalid setting for container '{name}'."
        if 0 < max(limit, soft) < 4 or (limit and limit < 6) or (soft and soft < 4 and not limit):
            return f"{prefix} The minimum memory allowed is 6 MiB"
        if limit and soft and soft > limit:
            return f"{prefix} The Memory limit must be greater than or equal to the MemoryReservation."
        reserved += soft or limit
    if whole and reserved > whole:
        return (
            "Invalid setting for container. The sum of the memory of all containers is greater than the memory of "
            "the task."
        )
    return None


@refuse(_TASK, source=_REGISTER)
def container_names(step: Step) -> str | None:
    """Containers of a task have names of their own, and one of them is essential."""
    containers = properties_of(step).get("ContainerDefinitions") or []
    names = [container.get("Name") for container in containers]
    if len(set(names)) < len(names):
        return "Container.name must be unique in a task definition."
    if containers and all(str(container.get("Essential", True)).lower() == "false" for container in containers):
        return "A task definition must have at least one essential container."
    return None


@refuse(_TASK, source=_REGISTER, own_words=True)
def container_references(step: Step) -> str | None:
    """Containers mount volumes and wait for containers that the task has."""
    given = properties_of(step)
    volumes = {volume.get("Name") for volume in given.get("Volumes") or []}
    containers = given.get("ContainerDefinitions") or []
    names = {container.get("Name") for container in containers}
    for container in containers:
        for point in container.get("MountPoints") or []:
            if point.get("SourceVolume") not in volumes:
                return f"Unknown volume '{point.get('SourceVolume')}'."
        for wait in container.get("DependsOn") or []:
            if wait.get("ContainerName") not in names:
                return (
                    f"Invalid 'dependsOn' setting for container '{container.get('Name')}': container "
                    f"'{wait.get('ContainerName')}' does not exist in the task definition."
                )
    return None


@refuse(_TASK, source=_REGISTER)
def container_variables(step: Step) -> str | None:
    """A secret of a container has a name that no other secret or variable has."""
    for container in properties_of(step).get("ContainerDefinitions") or []:
        names = [item.get("Name") for item in container.get("Environment") or []]
        for item in container.get("Secrets") or []:
            if item.get("Name") in names:
                return (
                    "The secret name must be unique and not shared with any new or existing environment variables "
                    f"set on the container, such as '{item['Name']}'."
                )
            names.append(item.get("Name"))
    return None


@refuse(_TASK, source=_REGISTER)
def secrets_need_an_execution_role(step: Step) -> str | None:
    """A task whose containers read secrets, or pull logs' settings, has an execution role."""
    given = properties_of(step)
    if given.get("ExecutionRoleArn"):
        return None
    if any(container.get("Secrets") for container in given.get("ContainerDefinitions") or []):
        return "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
    return None


@refuse(_TASK, source="https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html")
def task_roles(step: Step) -> str | None:
    """The roles of a task exist and let tasks assume them."""
    given = properties_of(step)
    for key in ("TaskRoleArn", "ExecutionRoleArn"):
        arn = given.get(key)
        if arn and not trusts(
            arn if str(arn).startswith("arn:") else f"arn:aws:iam::{get_account_id()}:role/{arn}",
            "ecs-tasks.amazonaws.com",
        ):
            return "Role is not valid"
    return None


@refuse(_TASK, source=_REGISTER)
def container_ports(step: Step) -> str | None:
    """In network mode awsvpc, a port of the host is the container's, and no port is there twice."""
    given = properties_of(step)
    if given.get("NetworkMode") != "awsvpc":
        return None
    taken = set[tuple[int, str]]()
    for container in given.get("ContainerDefinitions") or []:
        for mapping in container.get("PortMappings") or []:
            inner, outer = number(mapping.get("ContainerPort")), number(mapping.get("HostPort"))
            if outer and outer != inner:
                return "When networkMode=awsvpc, the host ports and container ports in port mappings must match."
            port = inner, str(mapping.get("Protocol", "tcp"))
            if port in taken:
                return "When networkMode=awsvpc, the container ports must be unique in a task definition."
            taken.add(port)
    return None


@refuse(_TASK, source="https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html", own_words=True)
def container_health(step: Step) -> str | None:
    """A health check has an interval of 5-300 s, a timeout of 2-60 s, 1-10 retries, a start period up to 300 s."""
    ranges = {"Interval": (5, 300), "Timeout": (2, 60), "Retries": (1, 10), "StartPeriod": (0, 300)}
    for container in properties_of(step).get("ContainerDefinitions") or []:
        check = container.get("HealthCheck") or {}
        for key, (low, high) in ranges.items():
            if check.get(key) is not None and not low <= number(check[key], -1) <= high:
                name = key[0].lower() + key[1:]
                return (
                    f"Invalid 'healthCheck.{name}' setting for container '{container.get('Name')}'. Valid values "
                    f"are between {low} and {high}."
                )
    return None
