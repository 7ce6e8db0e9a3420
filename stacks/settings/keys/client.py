"""The images of the client, and how its containers run."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel

from stacks.settings.addresses import host_with_port
from stacks.settings.change import restarts
from stacks.settings.declaration import TOPIC, TRUE_OR_FALSE, setting
from stacks.settings.errors import Refusal

PATH_PART = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
LONGEST_REGISTRY = 200
"""Letters; an image's whole name has at most 255, and the client's own part of it is short.

The grammar of names: https://pkg.go.dev/github.com/distribution/reference
"""


def _registry(text: str) -> str:
    if len(text) > LONGEST_REGISTRY:
        raise Refusal(f"it has more than {LONGEST_REGISTRY} letters")
    host, *path = text.split("/")
    if not {".", ":"} & set(host) and host != "localhost":
        raise Refusal(f"Docker would look for {host!r} at Docker Hub: begin with the name of a host, such as docker.io")
    host_with_port(host)
    for part in path:
        if not PATH_PART.fullmatch(part):
            raise Refusal(f"{part!r} is not a part of an image's name")
    return text


class Client(BaseModel):
    """The images of the client, and how its containers run."""

    model_config = TOPIC

    registry: Annotated[str, AfterValidator(_registry)] = setting(
        "docker.whatsapp.biz",
        "Registry of the client's images.",
        "a registry without scheme, such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com/whatsapp",
        change=restarts("tasks"),
    )
    image_tag: str = setting(
        "v2.61.1",
        "Tag of the client's images.",
        "an image tag",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$",
        change=restarts("tasks", how="docs/runbooks.md has what a new version of the client needs before it"),
    )
    no_new_privileges: bool = setting(
        True,
        "No process of the client gains rights by a program of another user. The vendor never ran its image so "
        "(docs/aws.md): turn it off if the client does not start.",
        TRUE_OR_FALSE,
        change=restarts("tasks"),
    )
    init_process: bool = setting(
        True,
        "A small init process is the first in each container. The vendor never ran its image so (docs/aws.md): turn it "
        "off if the client does not start.",
        TRUE_OR_FALSE,
        change=restarts("tasks"),
    )
    memory_limits: bool = setting(
        True,
        "A container ends at twice the memory that it reserves. The vendor's templates reserve and set no limit "
        "(docs/aws.md): turn it off if containers are ended for their memory.",
        TRUE_OR_FALSE,
        change=restarts("tasks"),
    )
    container_health_checks: bool = setting(
        True,
        "ECS asks in each container whether its port is open. The vendor never ran its image so (docs/aws.md): turn it "
        "off if containers run well but are called unhealthy.",
        TRUE_OR_FALSE,
        change=restarts("tasks"),
    )
